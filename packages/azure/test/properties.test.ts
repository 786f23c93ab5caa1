/** Properties that hold for every configuration, of plans and bodies, without a network. */
import fc from "fast-check";
import { describe, expect, test } from "vitest";
import type { CloudConfigInput } from "../src/index.js";
import { parseConfig } from "../src/index.js";
import { createBody, resolveReferences, updateBody } from "../src/model/body.js";
import { differences } from "../src/model/diff.js";
import { valueAt } from "../src/model/path.js";
import type { Resource } from "../src/model/resource.js";
import type { LiveState } from "../src/plan/live.js";
import { makePlan } from "../src/plan/make.js";
import type { Change } from "../src/plan/types.js";
import { desiredResources } from "../src/resources/desired.js";
import { sshKey, subscription } from "./support/deployment.js";
import { createBodyCheck } from "./support/schemas.js";
import { clusterDocument, type Doc, immutable, poolProperties } from "./support/world.js";

const runs = process.env.SEALFLOW_SLOW ? 2000 : 150;
const word = fc.stringMatching(/^[a-z]([a-z0-9]{0,8}[a-z0-9])?$/);
const autoscale = fc
  .tuple(fc.nat(5), fc.integer({ min: 1, max: 5 }))
  .map(([min, more]) => ({ min, max: min + more }));

const poolOptions = {
  vmSize: fc.constantFrom("Standard_D4_v5", "Standard_D8_v5", "Standard_DC4s_v3", "Standard_DC8s_v3"),
  count: fc.integer({ min: 1, max: 9 }),
  autoscale,
  labels: fc.dictionary(word, word, { maxKeys: 3 }),
  osSku: fc.constantFrom("Ubuntu" as const, "Ubuntu2204" as const),
  osDiskSizeGb: fc.integer({ min: 30, max: 512 }),
  maxPods: fc.integer({ min: 10, max: 250 }),
  zones: fc.uniqueArray(fc.constantFrom("1" as const, "2" as const, "3" as const), { minLength: 1 }),
};

const config = fc
  .record({
    confidential: fc.constantFrom("sgx" as const, "sev-snp" as const, "none" as const),
    tags: fc.dictionary(fc.stringMatching(/^[A-Za-z][A-Za-z0-9 ._-]{0,9}$/), fc.string({ maxLength: 12 }), {
      maxKeys: 3,
    }),
    sku: fc.constantFrom("Basic" as const, "Standard" as const, "Premium" as const),
    issuer: fc.boolean(),
    workload: fc.boolean(),
    vault: fc.boolean(),
    access: fc.oneof(
      fc.constant({}),
      fc.constant({ privateCluster: true }),
      fc.record({ authorizedIpRanges: fc.uniqueArray(fc.ipV4(), { minLength: 1, maxLength: 4 }) }),
    ),
    tier: fc.constantFrom("Free" as const, "Standard" as const),
    version: fc.option(fc.constantFrom("1.34", "1.35", "1.35.2"), { nil: undefined }),
    system: fc.record(poolOptions, { requiredKeys: [] }),
    pool: fc.record(
      {
        ...poolOptions,
        taint: fc.oneof(fc.boolean(), fc.constant<string[]>(["a=b:NoExecute", "c:NoSchedule"])),
      },
      { requiredKeys: [] },
    ),
  })
  .filter(
    ({ tags }) =>
      new Set(Object.keys(tags).map((tag) => tag.toLowerCase())).size === Object.keys(tags).length,
  )
  .map(({ confidential, tags, sku, issuer, workload, vault, access, tier, version, system, pool }) => ({
    confidential,
    tags,
    registry: { sku },
    ...(vault ? { keyVault: { name: "some-vault" } } : {}),
    ...(issuer && workload ? { workload: {} } : {}),
    cluster: {
      oidcIssuer: issuer,
      workloadIdentity: issuer && workload,
      tier,
      ...access,
      ...(version === undefined ? {} : { kubernetesVersion: version }),
      systemPool: system,
    },
    pool,
  }));

function contextOf(input: CloudConfigInput) {
  return {
    config: parseConfig({ cloud: input }, "generated").cloud,
    subscription,
    tenant: "t",
    sshPublicKey: sshKey,
  };
}

/** What the service answers after it was asked for all of this: normalised as the stand-in does. */
function answered(resources: readonly Resource[]): LiveState {
  const found = new Map<string, Doc>();
  const pools: Doc[] = [];
  const known = (address: string, path: string) => valueAt(found.get(address), path) ?? "later";
  for (const resource of resources) {
    const body = resolveReferences(createBody(resource), known) as Doc;
    const name = resource.id.split("/").at(-1) ?? "";
    if (resource.kind === "cluster") {
      const live = structuredClone(clusterDocument(body, resource.id, "group", name, undefined));
      live.eTag = "etag-1";
      found.set(resource.address, live);
      for (const { name: pool, ...given } of body.properties.agentPoolProfiles)
        pools.push(poolDocument(pool, given));
    } else if (resource.kind === "pool") {
      if (resource.madeWith === undefined) pools.push(poolDocument(name, body.properties));
    } else {
      found.set(resource.address, { id: resource.id, name, ...body });
    }
  }
  return { found, pools, inGroup: [], groupListed: true };
}

function poolDocument(name: string, given: Doc): Doc {
  return {
    id: `/x/agentPools/${name}`,
    name,
    properties: { ...poolProperties(given, undefined), provisioningState: "Succeeded", eTag: "etag-2" },
  };
}

async function planFrom(before: CloudConfigInput, after: CloudConfigInput): Promise<readonly Change[]> {
  const live = answered(desiredResources(contextOf(before)));
  const context = contextOf(after);
  return (await makePlan(context, desiredResources(context), live)).changes;
}

describe("for every configuration", () => {
  test("the plan after an apply is empty, whatever the service made of it", async () => {
    await fc.assert(
      fc.asyncProperty(config, async (input) => {
        const changes = await planFrom(input, input);
        expect(changes.filter(({ action }) => action !== "unchanged")).toEqual([]);
      }),
      { numRuns: runs },
    );
  });

  test("bodies fit the published schemas", () => {
    const check = createBodyCheck();
    fc.assert(
      fc.property(config, (input) => {
        for (const resource of desiredResources(contextOf(input))) {
          const body = resolveReferences(createBody(resource), () => "known");
          const path = resource.kind === "role" ? `${resource.id}/name` : resource.id;
          expect(check(path.toLowerCase(), body), resource.address).toBeUndefined();
        }
      }),
      { numRuns: runs },
    );
  });

  test("between any two, a plan names only what differs, and one more apply leaves nothing", async () => {
    await fc.assert(
      fc.asyncProperty(config, config, async (before, after) => {
        const context = contextOf(after);
        const live = answered(desiredResources(contextOf(before)));
        for (const change of await planFrom(before, after)) {
          for (const { path, before: was, after: is } of change.properties) {
            if (change.action === "update")
              expect(JSON.stringify(was) === JSON.stringify(is), `${change.address} ${path}`).toBe(false);
          }
          if (change.action !== "update" || change.kind === "pool") continue;
          const resource = desiredResources(context).find(({ address }) => address === change.address);
          const found = live.found.get(change.address);
          if (resource === undefined || found === undefined || change.body === undefined)
            throw new Error(change.address);
          // The body that goes out is what is there with exactly these properties changed, and is what was wanted.
          expect(differences(resource, change.body)).toEqual([]);
          const named = change.properties.map(({ path }) => path);
          const others = resource.properties.filter(
            ({ path, change: kind }) => !named.includes(path) && kind !== "never",
          );
          for (const { path, compare } of others) {
            if (compare === undefined) expect(valueAt(change.body, path), path).toEqual(valueAt(found, path));
          }
        }
      }),
      { numRuns: runs },
    );
  });

  test("immutable properties never go out as an update", async () => {
    await fc.assert(
      fc.asyncProperty(config, config, async (before, after) => {
        const live = answered(desiredResources(contextOf(before)));
        for (const { kind, write, id, body, address } of await planFrom(before, after)) {
          if (write !== "update" || body === undefined || (kind !== "pool" && kind !== "cluster")) continue;
          const pool = live.pools.find(({ name }) => name === id.split("/").at(-1));
          const found = kind === "pool" ? pool : live.found.get(address);
          for (const key of immutable[kind]) {
            const was = valueAt(found, `properties.${key}`);
            const is = valueAt(body, `properties.${key}`);
            if (was !== undefined && is !== undefined)
              expect(String(JSON.stringify(is)).toLowerCase(), key).toBe(JSON.stringify(was).toLowerCase());
          }
          expect(valueAt(body, "location")).toEqual(valueAt(found, "location"));
          expect(valueAt(body, "properties.apiServerAccessProfile.enablePrivateCluster")).toEqual(
            valueAt(found, "properties.apiServerAccessProfile.enablePrivateCluster"),
          );
        }
      }),
      { numRuns: runs },
    );
  });

  test("a failed resource is asked for as it is configured, with nothing read-only in the body", () => {
    fc.assert(
      fc.property(config, (input) => {
        const resources = desiredResources(contextOf(input));
        const live = answered(resources);
        const cluster = resources.find(({ kind }) => kind === "cluster");
        const found = live.found.get("cluster");
        if (cluster === undefined || found === undefined) throw new Error("no cluster");
        const body = updateBody(cluster, found, []);
        for (const path of [
          "id",
          "name",
          "type",
          "eTag",
          "identity.principalId",
          "properties.fqdn",
          "properties.powerState",
          "properties.oidcIssuerProfile.issuerURL",
        ]) {
          expect(valueAt(body, path), path).toBeUndefined();
        }
      }),
      { numRuns: 30 },
    );
  });
});
