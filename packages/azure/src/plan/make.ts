/** From desired and live to a plan. Pure: reads nothing, writes nothing. */
import {
  canonicalJson,
  type Digest,
  digestOfJson,
  isJsonObject,
  type JsonObject,
  SealflowError,
  throwFindings,
} from "@sealflow/core";
import { deploymentName } from "../config/schema.js";
import { createBody, updateBody } from "../model/body.js";
import { type Difference, differences } from "../model/diff.js";
import { copyOf, sameName, setAt, textAt, valueAt } from "../model/path.js";
import { ownershipTag, type Resource, type ResourceKind } from "../model/resource.js";
import type { DeploymentContext } from "../resources/context.js";
import { apiVersions } from "../resources/ids.js";
import type { LiveState } from "./live.js";
import { abandonedPools, foreignPools, matchPool, poolNameOf } from "./pools.js";
import type { Change, Plan, PropertyChange, RetiredPool } from "./types.js";

/**
 * Compares and plans.
 *
 * @throws SealflowError `AZURE_NOT_OURS` for resources of the configured names that carry no tag of this deployment;
 * `AZURE_ATTACHED_MISSING` for attached ones that are not there.
 */
export async function makePlan(
  context: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
): Promise<Plan> {
  throwFindings(ownershipFindings(context, resources, live), {
    code: "AZURE_NOT_OURS",
    message: "plan: expected resources of this deployment, got others of the same names",
  });
  const replaced = new Set<string>();
  const changes: Change[] = [];
  for (const resource of resources) {
    const change = await planOne(resource, live, replaced);
    if (change.action === "replace" && resource.kind !== "pool") replaced.add(resource.address);
    changes.push(change);
  }
  return {
    version: 1,
    deployment: deploymentName(context.config),
    subscription: context.subscription,
    configuration: await digestOfJson(configurationOf(context)),
    changes: [...changes, ...(await removals(context, resources, live))],
    notices: notices(context, resources, live),
  };
}

function configurationOf({ config, subscription, attestationPolicy }: DeploymentContext) {
  return JSON.parse(JSON.stringify({ config, subscription, attestationPolicy: attestationPolicy ?? null }));
}

async function planOne(resource: Resource, live: LiveState, replaced: ReadonlySet<string>): Promise<Change> {
  const parent = resource.dependsOn.find((address) => replaced.has(address));
  if (parent !== undefined && goesWith(resource)) {
    return { ...base(resource), ...creation(resource), reason: `made again, since ${parent} is replaced` };
  }
  if (resource.kind === "pool") return planPool(resource, live);
  const found = live.found.get(resource.address);
  if (found === undefined) return { ...base(resource), ...creation(resource) };
  return existing(resource, found, live);
}

/** Pools, roles and trusts end with what they hang on; a registry does not end with its group's update. */
function goesWith({ kind }: Resource): boolean {
  return kind !== "group";
}

function base(resource: Resource): Omit<Change, "action"> {
  const { address, kind, id, apiVersion, dependsOn, precious } = resource;
  return { address, kind, id, apiVersion, dependsOn, precious, properties: [] };
}

function creation(resource: Resource): Pick<Change, "action" | "properties" | "body" | "reason" | "write"> {
  const properties = resource.properties.flatMap(({ path, value }) =>
    value === undefined ? [] : [{ path, after: value, change: "update" as const }],
  );
  const reason = resource.madeWith === undefined ? {} : { reason: `made with ${resource.madeWith}` };
  return { action: "create", properties, write: "create", body: createBody(resource), ...reason };
}

async function existing(resource: Resource, found: JsonObject, live: LiveState): Promise<Change> {
  const seen = await sighting(resource, found);
  const known = { ...base(resource), id: liveId(resource, found), ...seen };
  if (resource.attached) return { ...known, action: "attached", reason: "used as it is" };
  const different = differences(resource, found, (address, path) => valueAt(live.found.get(address), path));
  const properties = different.map(toPropertyChange);
  const blocking = different.find(({ property }) => property.change === "replace");
  if (blocking !== undefined) {
    const reason = `${blocking.property.path}: ${blocking.property.reason ?? "it can't be changed"}`;
    const blocked = resource.replaceable ? {} : { blocked: true };
    return {
      ...known,
      action: "replace",
      reason,
      properties,
      write: "create",
      body: createBody(resource),
      ...blocked,
    };
  }
  const failed = failedState(found);
  if (different.length === 0 && failed === undefined) return { ...known, action: "unchanged" };
  const body = updateBody(
    resource,
    found,
    different.map(({ property }) => property),
  );
  const reason =
    failed === undefined
      ? {}
      : { reason: `its last operation ended as ${failed}; the request is sent again` };
  return { ...known, action: "update", properties, write: "update", body, ...reason };
}

/** Role assignments and the like keep the name that they were found under. */
function liveId(resource: Resource, found: JsonObject): string {
  return resource.kind === "role" ? (textAt(found, "id") ?? resource.id) : resource.id;
}

async function planPool(resource: Resource, live: LiveState): Promise<Change> {
  const { current, surplus, successor } = matchPool(resource, live.pools);
  const retires = surplus.map(retired);
  const parent = resource.id.slice(0, resource.id.lastIndexOf("/"));
  if (current !== undefined) {
    const change = await existing({ ...resource, id: `${parent}/${poolNameOf(current)}` }, current, live);
    if (retires.length === 0) return change;
    const reason = `an earlier rotation left ${retires.map(({ name }) => name).join(", ")}`;
    return { ...change, action: "replace", reason, retires };
  }
  const old = surplus[0];
  if (old === undefined || successor === undefined) return { ...base(resource), ...creation(resource) };
  const different = differences(resource, old);
  const blocking = different.find(({ property }) => property.change === "replace");
  const reason = `${blocking?.property.path}: ${blocking?.property.reason ?? "it can't be changed"}`;
  return {
    ...base(resource),
    id: `${parent}/${successor}`,
    ...(await sighting(resource, old)),
    action: "replace",
    reason,
    properties: different.map(toPropertyChange),
    write: "create",
    body: successorBody(resource, old),
    retires,
  };
}

/** A successor starts with the nodes that its predecessor has, where an autoscaler decides. */
function successorBody(resource: Resource, old: JsonObject): JsonObject {
  const body = copyOf(createBody(resource));
  const count = valueAt(old, "properties.count");
  const owned = resource.properties.find(({ path }) => path === "properties.count")?.change !== "never";
  if (!owned && typeof count === "number") setAt(body, "properties.count", count);
  if (valueAt(body, "properties.tags") === undefined) setAt(body, "properties.tags", successorTags(resource));
  return body as JsonObject;
}

function successorTags(resource: Resource): JsonObject {
  return { "sealflow-pool": resource.address.slice("pool/".length) };
}

function retired(pool: JsonObject): RetiredPool {
  return { name: poolNameOf(pool), id: textAt(pool, "id") ?? "" };
}

function toPropertyChange({ property, before }: Difference): PropertyChange {
  const after = property.value ?? property.absent;
  return {
    path: property.path,
    ...(before === undefined ? {} : { before }),
    ...(after === undefined ? {} : { after }),
    change: property.change === "replace" ? "replace" : "update",
  };
}

/** What a later look is compared with, to tell whether a plan still holds. */
export async function sighting(
  resource: Pick<Resource, "properties" | "etag">,
  found: JsonObject,
): Promise<{ readonly etag?: string; readonly fingerprint: Digest }> {
  const values = resource.properties.map(({ path }) => [path, valueAt(found, path) ?? null]);
  const etag = textAt(found, resource.etag ?? "eTag") ?? textAt(found, "properties.eTag");
  const fingerprint = await digestOfJson(JSON.parse(canonicalJson([values, valueAt(found, "tags") ?? null])));
  return { ...(etag === undefined ? {} : { etag }), fingerprint };
}

/** `Failed` or `Canceled`, or undefined. */
export function failedState(found: JsonObject): string | undefined {
  const state = textAt(found, "properties.provisioningState");
  return state !== undefined && /^(failed|cancell?ed)$/i.test(state) ? state : undefined;
}

/** A state on the way to another, for example `Updating`. */
export function movingState(found: JsonObject): string | undefined {
  const state = textAt(found, "properties.provisioningState");
  return state !== undefined && !/^(succeeded|failed|cancell?ed)$/i.test(state) ? state : undefined;
}

/** The deployment that a live object is tagged with. */
export function ownerOf(found: unknown): string | undefined {
  return textAt(found, `tags.${ownershipTag}`);
}

const tagged: readonly ResourceKind[] = ["group", "registry", "cluster", "vault", "attestation", "identity"];

function ownershipFindings(
  { config }: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
): SealflowError[] {
  const deployment = deploymentName(config);
  return resources.flatMap(({ address, kind, id, attached }) => {
    const found = live.found.get(address);
    if (attached && found === undefined) return [attachedMissing(address, id)];
    if (attached || found === undefined || !tagged.includes(kind) || ownerOf(found) === deployment) return [];
    return [notOurs(address, id, ownerOf(found))];
  });
}

function attachedMissing(address: string, id: string): SealflowError {
  return new SealflowError({
    code: "AZURE_ATTACHED_MISSING",
    message: `${address}: expected ${id} to be there, since it is attached`,
    hint: `mend its name, or set ${address === "group" ? "resourceGroup" : address}.attach to false to have it made`,
  });
}

function notOurs(address: string, id: string, owner: string | undefined): SealflowError {
  const attach =
    address === "group" || address === "registry" ? `--attach ${address} to use it as it is, or ` : "";
  return new SealflowError({
    code: "AZURE_NOT_OURS",
    message: `${address}: ${id} is there and ${owner === undefined ? "carries no tag of this deployment" : `belongs to the deployment ${owner}`}`,
    hint: `${attach}choose another name; nothing of others is changed`,
  });
}

const removable: Readonly<Record<string, readonly [ResourceKind, string]>> = {
  "microsoft.keyvault/vaults": ["vault", apiVersions.vaults],
  "microsoft.attestation/attestationproviders": ["attestation", apiVersions.attestation],
  "microsoft.managedidentity/userassignedidentities": ["identity", apiVersions.identities],
  "microsoft.containerregistry/registries": ["registry", apiVersions.registries],
  "microsoft.containerservice/managedclusters": ["cluster", apiVersions.clusters],
};

/** What carries our tag and the configuration no longer asks for. */
async function removals(
  { config }: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
): Promise<Change[]> {
  const reason = "the configuration no longer asks for it";
  const shared = { action: "delete", reason, properties: [], dependsOn: [] } as const;
  const wanted = resources.map(({ id }) => id);
  const others = live.inGroup.flatMap((found): Change[] => {
    const [kind, apiVersion] = removable[(textAt(found, "type") ?? "").toLowerCase()] ?? [];
    const id = textAt(found, "id") ?? "";
    const ours = ownerOf(found) === deploymentName(config);
    if (kind === undefined || apiVersion === undefined || !ours || wanted.some((each) => sameName(each, id)))
      return [];
    return [
      {
        ...shared,
        address: `${kind}/${textAt(found, "name") ?? id}`,
        kind,
        id,
        apiVersion,
        precious: kind !== "identity",
      },
    ];
  });
  const pools = abandonedPools(config, resources, live.pools).map((pool): Change => {
    const name = poolNameOf(pool);
    return {
      ...shared,
      address: `pool/${name}`,
      kind: "pool",
      id: textAt(pool, "id") ?? "",
      apiVersion: apiVersions.clusters,
      precious: false,
      dependsOn: resources.filter(({ kind }) => kind === "pool").map(({ address }) => address),
      retires: [retired(pool)],
    };
  });
  return [...others, ...pools];
}

/** True when the cluster's machines are switched off. */
export function isStopped(cluster: unknown): boolean {
  return sameName(textAt(cluster, "properties.powerState.code"), "Stopped");
}

function notices({ config }: DeploymentContext, resources: readonly Resource[], live: LiveState): string[] {
  const cluster = live.found.get("cluster");
  const foreign = foreignPools(config, resources, live.pools).map(poolNameOf);
  const moving = [...live.found].flatMap(([address, found]) => {
    const state = movingState(found);
    return state === undefined ? [] : [`${address} is ${state}: apply waits for it`];
  });
  return [
    ...(isStopped(cluster) ? ["the cluster is stopped: sealflow cloud start before changing it"] : []),
    ...(foreign.length === 0
      ? []
      : [`node pools of others in the cluster are left alone: ${foreign.join(", ")}`]),
    ...(config.confidential === "sev-snp"
      ? ["sev-snp is node-level: its evidence is not yet verified, sealed keys are not released to it"]
      : []),
    ...moving,
  ];
}

/** True for JSON objects that came out of a plan file. */
export function isPlan(value: unknown): value is Plan {
  return (
    isJsonObject(value) &&
    value.version === 1 &&
    Array.isArray(value.changes) &&
    typeof value.configuration === "string"
  );
}
