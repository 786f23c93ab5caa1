/** What applying would change, as the API server itself computes it: a dry run against the present state. */
import { isJsonObject, isSealflowError, type JsonValue } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import { describeObject, type KubeObject, type ObjectRef, refOf } from "../kube/objects.js";
import { type Inventory, refKey } from "./inventory.js";
import { conflictsOf, mayYield, withoutFields } from "./yield.js";

/** One object's difference. */
export interface Difference {
  readonly object: string;
  readonly action: "create" | "change" | "remove" | "conflict";
  /** Fields that would change: path, now, next. Values of secrets are left out. */
  readonly fields: readonly {
    readonly path: string;
    readonly now: JsonValue | undefined;
    readonly next: JsonValue | undefined;
  }[];
  readonly reason?: string;
}

/** Differences between the cluster and what would be applied; objects that are as they should be are left out. */
export async function differences(
  client: KubeClient,
  objects: readonly KubeObject[],
  inventory: Inventory | undefined,
): Promise<Difference[]> {
  const result: Difference[] = [];
  for (const object of objects) {
    const difference = await differenceOf(client, object);
    if (difference !== undefined) result.push(difference);
  }
  for (const ref of leftOver(inventory, objects)) {
    if ((await client.find(ref).catch(() => undefined)) !== undefined)
      result.push({ object: describeObject(ref), action: "remove", fields: [] });
  }
  return result;
}

/** Objects of an earlier installation that the new one does not have. */
export function leftOver(inventory: Inventory | undefined, objects: readonly KubeObject[]): ObjectRef[] {
  const present = new Set(objects.map((object) => refKey(refOf(object))));
  return (inventory?.objects ?? []).filter((ref) => !present.has(refKey(ref)));
}

async function differenceOf(client: KubeClient, object: KubeObject): Promise<Difference | undefined> {
  const name = describeObject(object);
  try {
    const now = await client.find(refOf(object));
    if (now === undefined) return { object: name, action: "create", fields: [] };
    return await comparedWith(client, object, now);
  } catch (error) {
    // Kinds and namespaces that come with the installation itself.
    const absent =
      isSealflowError(error) && (error.code === "CLUSTER_KIND_UNKNOWN" || error.data?.status === 404);
    if (absent) return { object: name, action: "create", fields: [] };
    throw error;
  }
}

async function comparedWith(
  client: KubeClient,
  object: KubeObject,
  now: KubeObject,
): Promise<Difference | undefined> {
  const name = describeObject(object);
  try {
    const fields = fieldsOf(object, now, await client.apply(object, { dryRun: true }));
    return fields.length === 0 ? undefined : { object: name, action: "change", fields };
  } catch (error) {
    if (!isSealflowError(error) || error.data?.status !== 409) throw error;
    const left = mayYield(object) ? withoutFields(object, conflictsOf(error)) : object;
    if (JSON.stringify(left) !== JSON.stringify(object)) return comparedWith(client, left, now);
    const fields = fieldsOf(object, now, await client.apply(object, { dryRun: true, force: true }));
    const reason = error.message.slice(error.message.indexOf("Apply failed"));
    return { object: name, action: "conflict", fields, reason };
  }
}

function fieldsOf(object: KubeObject, now: KubeObject, next: KubeObject): Difference["fields"] {
  return [...changedFields(now, next, "")].map((field) =>
    object.kind === "Secret" && field.path.startsWith("data.")
      ? { ...field, now: "(secret)", next: "(secret)" }
      : field,
  );
}

/** What servers write themselves. */
const bookkeeping = new Set([
  "metadata.managedFields",
  "metadata.resourceVersion",
  "metadata.generation",
  "status",
]);

function* changedFields(now: unknown, next: unknown, path: string): Generator<Difference["fields"][number]> {
  if (bookkeeping.has(path)) return;
  if (isJsonObject(now) && isJsonObject(next)) {
    for (const key of new Set([...Object.keys(now), ...Object.keys(next)])) {
      yield* changedFields(now[key], next[key], path === "" ? key : `${path}.${key}`);
    }
  } else if (Array.isArray(now) && Array.isArray(next) && now.length === next.length) {
    for (const [index, each] of now.entries()) yield* changedFields(each, next[index], `${path}[${index}]`);
  } else if (JSON.stringify(now) !== JSON.stringify(next)) {
    yield { path, now: now as JsonValue | undefined, next: next as JsonValue | undefined };
  }
}
