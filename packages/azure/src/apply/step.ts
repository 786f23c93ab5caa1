/** Carrying out one change. */
import { isJsonObject, type JsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import { azureCodeOf, statusOf } from "../arm/failure.js";
import { writeAttestationPolicy } from "../attestation/data-plane.js";
import { kubeconfigOf } from "../kubeconfig/fetch.js";
import { resolveReferences, updateBody } from "../model/body.js";
import { differences } from "../model/diff.js";
import { textAt, valueAt } from "../model/path.js";
import type { Resource } from "../model/resource.js";
import { movingState, ownerOf, sighting } from "../plan/make.js";
import type { Change, RetiredPool } from "../plan/types.js";
import { apiVersions, roleAssignmentName } from "../resources/ids.js";
import type { WriteSession } from "./session.js";
import { isConflict, perform, remove, type Write } from "./write.js";

/** What is known of resources that are there, by address. */
export type Outputs = Map<string, JsonObject>;

/** What a step needs besides the session. */
export interface StepContext {
  readonly resources: ReadonlyMap<string, Resource>;
  readonly outputs: Outputs;
  readonly deployment: string;
  /** Addresses that this apply has changed already. */
  readonly changed: ReadonlySet<string>;
}

/** Does what the change says, and leaves the resource's live object in the outputs. */
export async function carryOut(session: WriteSession, context: StepContext, change: Change): Promise<void> {
  if (change.action === "delete") return deleteIt(session, context, change);
  if (change.kind === "pool" && change.action === "replace") return rotate(session, context, change);
  if (change.kind === "role") return assignRole(session, context, change);
  if (change.kind === "attestation-policy") return setPolicy(session, context, change);
  if (change.action === "replace")
    await remove(session, { ...target(change), step: `${change.address}#delete` });
  await put(session, context, change);
}

function target({ address, id, apiVersion }: Change) {
  return { step: address, address, path: id, apiVersion };
}

/** PUTs the body and reads back what came of it. */
async function put(session: WriteSession, context: StepContext, planned: Change): Promise<void> {
  const change = await renewed(session, context, planned);
  const body = await bodyOf(session, context, change);
  const conditional = change.kind === "cluster" || change.kind === "pool";
  const created = change.write === "create";
  const write: Write = {
    ...target(change),
    method: "PUT",
    body: change.kind === "vault" && created ? await recoverable(session, change, body) : body,
    ...(conditional && created ? { ifNoneMatch: "*" } : {}),
    ...(conditional && !created && change.etag !== undefined ? { ifMatch: change.etag } : {}),
  };
  await performOnceMore(session, context, write);
  await readBack(session, context, change);
}

/**
 * The change as it is now that what it hangs on was changed: a cluster's update gives its pools new versions. What the
 * plan has seen of the resource itself must still hold.
 */
async function renewed(session: WriteSession, context: StepContext, change: Change): Promise<Change> {
  const resource = context.resources.get(change.address);
  const moved = change.dependsOn.some((address) => context.changed.has(address));
  if (change.write !== "update" || !moved || resource === undefined) return change;
  const live = await session.client.find(change.id, change.apiVersion);
  const seen = live === undefined ? undefined : await sighting(resource, live);
  if (live === undefined || seen?.fingerprint !== change.fingerprint) throw stale(change);
  const differing = differences(resource, live).map(({ property }) => property);
  return { ...change, ...seen, body: updateBody(resource, live, differing) };
}

function stale({ address }: Change): SealflowError {
  return new SealflowError({
    code: "AZURE_PLAN_STALE",
    message: `${address}: expected what the plan has seen, but it was changed meanwhile`,
    hint: "run the command again: it plans anew from what is there",
  });
}

/** Failures inside Azure that the same request often survives the second time. */
const passing =
  /^(InternalServerError|InternalOperationError|InternalError|ServiceUnavailable|ServerTimeout|RetryableError|OperationPreempted|AgentPoolK8sVersionNotReady)$/i;

async function performOnceMore(session: WriteSession, context: StepContext, write: Write): Promise<void> {
  try {
    await perform(session, write);
  } catch (error) {
    if (await arrivedBefore(session, context, write, error)) return;
    if (!passing.test(azureCodeOf(error)) || statusOf(error) !== 200) throw error;
    session.tell({
      type: "note",
      address: write.address,
      message: `${azureCodeOf(error)}: asking once more`,
    });
    const { ifNoneMatch: _, ifMatch: __, ...unconditional } = write;
    await perform(session, { ...unconditional, step: `${write.step}#again` });
  }
}

/**
 * A creation whose answer was lost is repeated, and the repetition is refused because the resource is there: it is ours
 * then, and on its way.
 */
async function arrivedBefore(
  session: WriteSession,
  context: StepContext,
  write: Write,
  error: unknown,
): Promise<boolean> {
  const refused = isStale(error) || isConflict(error);
  if (write.ifNoneMatch === undefined || !refused) return false;
  const live = await session.client.find(write.path, write.apiVersion);
  const owner = ownerOf(live) ?? textAt(live, "properties.tags.sealflow-deployment");
  return live !== undefined && owner === context.deployment;
}

function isStale(error: unknown): boolean {
  return error instanceof SealflowError && error.code === "AZURE_PLAN_STALE";
}

async function bodyOf(session: WriteSession, context: StepContext, change: Change): Promise<JsonObject> {
  for (const address of referencedBy(change.body ?? {})) await known(session, context, address);
  const body = resolveReferences(change.body ?? {}, (address, path) => lookUp(context, address, path));
  return isJsonObject(body) ? body : {};
}

function referencedBy(body: JsonObject): { address: string; path: string }[] {
  const found: { address: string; path: string }[] = [];
  resolveReferences(body, (address, path) => {
    found.push({ address, path });
    return null;
  });
  return found;
}

const knownTries = 30;

/** Waits until the value is there: identities of a new cluster show up a little after the cluster. */
async function known(
  session: WriteSession,
  context: StepContext,
  { address, path }: { address: string; path: string },
): Promise<void> {
  const resource = context.resources.get(address);
  for (let attempt = 0; attempt < knownTries && resource !== undefined; attempt += 1) {
    if (valueAt(context.outputs.get(address), path) !== undefined) return;
    if (attempt > 0) await session.client.timing.sleep(session.client.pollMs, session.signal);
    const live = await session.client.find(resource.id, resource.apiVersion);
    if (live !== undefined) context.outputs.set(address, live);
  }
}

function lookUp({ outputs }: StepContext, address: string, path: string): JsonValue {
  const value = valueAt(outputs.get(address), path);
  if (value !== undefined) return value;
  throw new SealflowError({
    code: "AZURE_VALUE_MISSING",
    message: `${address}: expected ${path} in what Azure answers, got nothing`,
    hint: "Azure may still be working on it: run the command again in a few minutes",
  });
}

const readTries = 20;

/** Reads until the resource is there and at rest: reads lag behind writes. */
async function readBack(session: WriteSession, { outputs }: StepContext, change: Change): Promise<void> {
  const { client } = session;
  for (let attempt = 0; attempt < readTries; attempt += 1) {
    const live = await client.find(change.id, change.apiVersion);
    if (live !== undefined && movingState(live) === undefined) {
      outputs.set(change.address, live);
      return;
    }
    if (live !== undefined) attempt -= 1;
    await client.timing.sleep(client.pollMs, session.signal);
  }
  throw new SealflowError({
    code: "AZURE_VALUE_MISSING",
    message: `${change.address}: expected to find it after it was made, got nothing`,
    hint: "run the command again in a few minutes",
  });
}

/** A vault that was deleted lies in a recycle bin under its name; it comes back with its keys. */
async function recoverable(session: WriteSession, change: Change, body: JsonObject): Promise<JsonObject> {
  const [, subscription] = /^\/subscriptions\/([^/]+)/i.exec(change.id) ?? [];
  const location = textAt(body, "location");
  const bin = `/subscriptions/${subscription}/providers/Microsoft.KeyVault/locations/${location}/deletedVaults`;
  const deleted = await session.client
    .find(`${bin}/${change.id.split("/").at(-1)}`, apiVersions.vaults)
    .catch(() => undefined);
  if (deleted === undefined) return body;
  session.tell({
    type: "note",
    address: change.address,
    message: "recovering the deleted vault of this name",
  });
  return {
    ...body,
    properties: { ...(isJsonObject(body.properties) ? body.properties : {}), createMode: "recover" },
  };
}

async function assignRole(session: WriteSession, context: StepContext, change: Change): Promise<void> {
  const resource = context.resources.get(change.address);
  const body = await bodyOf(session, context, change);
  const principal = textAt(body, "properties.principalId");
  if (resource?.role === undefined || principal === undefined) throw new TypeError("a role has a principal");
  const name = roleAssignmentName(resource.role.scope, principal, resource.role.roleDefinitionId);
  const path = `${resource.id}/${name}`;
  try {
    await perform(session, { ...target(change), path, method: "PUT", body });
  } catch (error) {
    // Somebody gave the same role under another name since it was looked for.
    if (azureCodeOf(error) !== "RoleAssignmentExists") throw error;
  }
}

async function setPolicy(session: WriteSession, context: StepContext, change: Change): Promise<void> {
  const body = await bodyOf(session, context, change);
  const [endpoint, tee, policy] = [textAt(body, "endpoint"), textAt(body, "tee"), textAt(body, "policy")];
  if (
    session.attestation === undefined ||
    endpoint === undefined ||
    tee === undefined ||
    policy === undefined
  ) {
    throw new SealflowError({
      code: "AZURE_ATTESTATION_UNREACHABLE",
      message: "attestation policy: expected a scope for the attestation service of this cloud, got none",
      hint: "set cloud.endpoints.attestationScope, or leave the policy out",
    });
  }
  await writeAttestationPolicy(session.attestation, endpoint, tee, policy);
}

/** New pool first, then the old ones are emptied and deleted, so that work always has somewhere to go. */
async function rotate(session: WriteSession, context: StepContext, change: Change): Promise<void> {
  if (change.write !== undefined) await put(session, context, change);
  for (const pool of change.retires ?? []) await retire(session, context, change, pool);
}

async function deleteIt(session: WriteSession, context: StepContext, change: Change): Promise<void> {
  if (change.kind !== "pool") return remove(session, target(change));
  for (const pool of change.retires ?? []) await retire(session, context, change, pool);
}

async function retire(
  session: WriteSession,
  context: StepContext,
  change: Change,
  pool: RetiredPool,
): Promise<void> {
  const { drainer } = session;
  const cluster = context.resources.get("cluster");
  if (drainer !== undefined && cluster !== undefined) {
    session.tell({ type: "note", address: change.address, message: `draining ${pool.name}` });
    await drainer.drain(pool.name, await kubeconfigOf(session.client, cluster, "user"), session.signal);
  }
  session.tell({ type: "note", address: change.address, message: `deleting pool ${pool.name}` });
  await remove(session, {
    step: `${change.address}#${pool.name}`,
    address: change.address,
    path: pool.id,
    apiVersion: change.apiVersion,
  });
}
