/** What the stand-in offers and allows: subscription, providers, permissions, sizes, quotas, versions, names. */
import type { Doc, World } from "./world.js";

/** Changed by tests of the preflight. */
export const catalogue = {
  state: "Enabled",
  registration: "Registered",
  actions: ["*"] as string[],
  notActions: [] as string[],
  restrictions: {} as Record<string, string>,
  quota: { standardDCSv3Family: 24, standardDv5Family: 32, standardDCASv6Family: 24, cores: 100 } as Record<
    string,
    number
  >,
  versions: ["1.34", "1.35", "1.36"],
  defaultVersion: "1.34",
  takenNames: [] as string[],
};

const families: Record<string, [family: string, vcpus: number]> = {
  Standard_D4_v5: ["standardDv5Family", 4],
  Standard_D8_v5: ["standardDv5Family", 8],
  Standard_DC2s_v3: ["standardDCSv3Family", 2],
  Standard_DC4s_v3: ["standardDCSv3Family", 4],
  Standard_DC8s_v3: ["standardDCSv3Family", 8],
  Standard_DC4as_v6: ["standardDCASv6Family", 4],
};

export function answerCatalogue(
  path: string,
  query: Record<string, string>,
  method: string,
  body: Doc | undefined,
  world: World,
) {
  const ok = (value: unknown) => ({ status: 200, body: value });
  const id = /^\/subscriptions\/([^/]+)$/.exec(path)?.[1];
  if (path === "/subscriptions") return ok({ value: [listed("00000000-0000-0000-0000-000000000001")] });
  if (path === "/tenants") return ok({ value: [{ tenantId: "44444444-4444-4444-8444-444444444444" }] });
  if (id !== undefined)
    return ok({ id: path, subscriptionId: id, displayName: "Stand-in", state: catalogue.state });
  if (/^\/subscriptions\/[^/]+\/providers\/[^/]+$/.test(path))
    return ok({ namespace: path.split("/").at(-1), registrationState: catalogue.registration });
  if (/\/Microsoft\.Authorization\/permissions$/.test(path))
    return ok({ value: [{ actions: catalogue.actions, notActions: catalogue.notActions }] });
  if (/\/Microsoft\.Compute\/skus$/.test(path)) return ok({ value: sizes(query.$filter) });
  if (/\/Microsoft\.Compute\/locations\/[^/]+\/usages$/.test(path)) {
    return ok({
      value: Object.entries(catalogue.quota).map(([value, limit]) => ({
        name: { value },
        limit,
        currentValue: 0,
      })),
    });
  }
  if (/\/kubernetesVersions$/.test(path)) {
    return ok({
      values: catalogue.versions.map((version) => ({
        version,
        isDefault: version === catalogue.defaultVersion,
        patchVersions: { [`${version}.4`]: {} },
      })),
    });
  }
  if (method === "POST" && /\/checkNameAvailability$/.test(path)) {
    const free = !catalogue.takenNames.includes(body?.name);
    return ok({
      nameAvailable: free,
      ...(free ? {} : { reason: "AlreadyExists", message: `The name ${body?.name} is already in use.` }),
    });
  }
  const deleted = /\/deletedVaults\/([^/]+)$/.exec(path)?.[1];
  if (deleted !== undefined)
    return world.deletedVaults.has(deleted.toLowerCase())
      ? ok({ id: path })
      : { status: 404, body: { error: { code: "DeletedVaultNotFound", message: deleted } } };
  return undefined;
}

/** As the Azure CLI wants to see it at login. */
function listed(id: string) {
  return {
    id: `/subscriptions/${id}`,
    subscriptionId: id,
    tenantId: "44444444-4444-4444-8444-444444444444",
    displayName: "Stand-in",
    state: "Enabled",
  };
}

function sizes(filter: string | undefined) {
  const location = /location eq '([^']+)'/.exec(filter ?? "")?.[1];
  const locations = location === undefined ? ["eastus", "westeurope", "uksouth"] : [location];
  return locations.flatMap((place) =>
    Object.entries(families).map(([name, [family, vcpus]]) => {
      const reason = catalogue.restrictions[`${place}/${name}`] ?? catalogue.restrictions[name];
      return {
        resourceType: "virtualMachines",
        name,
        family,
        locations: [place],
        capabilities: [{ name: "vCPUs", value: String(vcpus) }],
        restrictions: reason === undefined ? [] : [{ type: "Location", values: [place], reasonCode: reason }],
      };
    }),
  );
}
