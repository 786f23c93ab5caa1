/** What is there now. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { ArmClient } from "../arm/client.js";
import { statusOf } from "../arm/failure.js";
import { type AttestationData, readAttestationPolicy } from "../attestation/data-plane.js";
import { sameName, textAt, valueAt } from "../model/path.js";
import { isReference, type Resource } from "../model/resource.js";
import { apiVersions } from "../resources/ids.js";

/** Live objects of a deployment. */
export interface LiveState {
  /** By address; pools are in `pools`. */
  readonly found: ReadonlyMap<string, JsonObject>;
  /** All pools of the cluster, also those that nobody here asked for. */
  readonly pools: readonly JsonObject[];
  /** What the group's list names. */
  readonly inGroup: readonly JsonObject[];
  /** False when the group is there, but what is in it could not be listed. */
  readonly groupListed: boolean;
}

/** What reading needs. */
export interface ReadSession {
  readonly client: ArmClient;
  /** Undefined where no attestation service can be reached. */
  readonly attestation: AttestationData | undefined;
}

/** Reads all that the resources name, in parallel where one does not need another. */
export async function readLive(session: ReadSession, resources: readonly Resource[]): Promise<LiveState> {
  const { client } = session;
  const found = new Map<string, JsonObject>();
  const group = resources.find(({ kind }) => kind === "group");
  const here = group === undefined ? undefined : await read(session, group, found);
  const roots = resources.filter((resource) => isReadable(resource, here !== undefined));
  const [inGroup, pools] = await Promise.all([
    here === undefined || group === undefined ? [] : listGroup(client, group.id),
    here === undefined ? [] : listPools(client, resources),
    ...roots.filter((resource) => !isLate(resource)).map((resource) => read(session, resource, found)),
  ]);
  // What hangs on others is read when those are known.
  for (const resource of roots.filter(isLate)) await read(session, resource, found);
  return { found, pools, inGroup: inGroup ?? [], groupListed: inGroup !== undefined };
}

/** Without the group only what lies elsewhere can be there. */
function isReadable({ kind, attached, address }: Resource, groupExists: boolean): boolean {
  if (kind === "group" || kind === "pool") return false;
  return groupExists || attached || address === "registry";
}

function isLate({ kind }: Resource): boolean {
  return kind === "role" || kind === "attestation-policy";
}

async function read(
  session: ReadSession,
  resource: Resource,
  found: Map<string, JsonObject>,
): Promise<JsonObject | undefined> {
  const live = await readOne(session, resource, found);
  if (live !== undefined) found.set(resource.address, live);
  return live;
}

/** One resource, or undefined when it is not there (or what it hangs on is not). */
export async function readOne(
  session: ReadSession,
  resource: Resource,
  found: ReadonlyMap<string, JsonObject>,
): Promise<JsonObject | undefined> {
  if (resource.kind === "role") return readRole(session.client, resource, found);
  if (resource.kind === "attestation-policy") return readPolicy(session, resource, found);
  return session.client.find(resource.id, resource.apiVersion);
}

/**
 * The assignment of the role to the principal at the scope, whatever its name is: one that somebody else made, as the
 * Azure CLI does with a random name, serves as well, and a second one would be refused.
 */
async function readRole(
  client: ArmClient,
  resource: Resource,
  found: ReadonlyMap<string, JsonObject>,
): Promise<JsonObject | undefined> {
  const role = resource.role;
  if (role === undefined) return undefined;
  const principal = isReference(role.principal)
    ? valueAt(found.get(role.principal.$ref), role.principal.path)
    : role.principal;
  if (typeof principal !== "string") return undefined;
  const assignments = await listOrNone(client, resource.id, resource.apiVersion, { $filter: "atScope()" });
  return assignments.find(
    (assignment) =>
      sameName(textAt(assignment, "properties.principalId"), principal) &&
      sameName(lastPart(textAt(assignment, "properties.roleDefinitionId")), lastPart(role.roleDefinitionId)),
  );
}

function lastPart(id: string | undefined): string | undefined {
  return id?.split("/").at(-1);
}

async function readPolicy(
  { attestation }: ReadSession,
  resource: Resource,
  found: ReadonlyMap<string, JsonObject>,
): Promise<JsonObject | undefined> {
  const endpoint = textAt(found.get("attestation"), "properties.attestUri");
  const tee = resource.properties.find(({ path }) => path === "tee")?.value;
  if (attestation === undefined || endpoint === undefined || typeof tee !== "string") return undefined;
  const policy = await readAttestationPolicy(attestation, endpoint, tee);
  return policy === undefined ? undefined : { endpoint, tee, policy };
}

async function listPools(client: ArmClient, resources: readonly Resource[]): Promise<JsonObject[]> {
  const cluster = resources.find(({ kind }) => kind === "cluster");
  if (cluster === undefined) return [];
  return listOrNone(client, `${cluster.id}/agentPools`, cluster.apiVersion);
}

/** Everything in the group; undefined when there is no such list. */
async function listGroup(client: ArmClient, groupId: string): Promise<JsonObject[] | undefined> {
  try {
    return await client.list(`${groupId}/resources`, apiVersions.resources);
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** A list of what may not be there itself. */
async function listOrNone(
  client: ArmClient,
  path: string,
  apiVersion: string,
  query?: Readonly<Record<string, string>>,
): Promise<JsonObject[]> {
  try {
    return (await client.list(path, apiVersion, query)).filter(isJsonObject);
  } catch (error) {
    if (statusOf(error) === 404) return [];
    throw error;
  }
}
