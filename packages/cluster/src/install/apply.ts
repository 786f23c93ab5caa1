/** Brings objects into a cluster: in order, with server-side apply, patient with what is not ready yet. */
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, isSealflowError, SealflowError } from "@sealflow/core";
import { fieldManager, type KubeClient } from "../kube/client.js";
import { isTransient } from "../kube/errors.js";
import { describeObject, type KubeObject, refOf } from "../kube/objects.js";
import { inPhases } from "./order.js";

/** What is told while objects are applied. */
export type ApplyEvent =
  | { readonly type: "phase"; readonly phase: string; readonly objects: number }
  | { readonly type: "applied"; readonly phase: string; readonly object: string; readonly outcome: Outcome }
  | { readonly type: "retrying"; readonly object: string; readonly reason: string; readonly delayMs: number }
  | { readonly type: "waiting"; readonly for: string };

/** What applying did. */
export type Outcome = "created" | "changed" | "unchanged";

/** Settings. */
export interface ApplyObjectsOptions {
  /** Takes fields over from other managers. Default: false. */
  readonly force?: boolean;
  readonly onEvent?: (event: ApplyEvent) => void;
  readonly signal?: AbortSignal;
  /** Time for which a busy server, a missing kind or a silent webhook is waited for, in milliseconds. Default: 300 000. */
  readonly patienceMs?: number;
}

/** How many objects came out how. */
export type ApplyCounts = Readonly<Record<Outcome, number>>;

/** Objects of one phase that are on their way at once. */
const CONCURRENCY = 8;

/**
 * Applies all objects, phase by phase. May be repeated at any time: what is there is left as it is.
 *
 * @throws SealflowError `CLUSTER_REQUEST_REFUSED` (conflicts, permissions, quotas), `CLUSTER_UNREACHABLE`,
 * `CLUSTER_DEFINITION_NOT_ESTABLISHED`
 */
export async function applyObjects(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: ApplyObjectsOptions = {},
): Promise<ApplyCounts> {
  const counts = { created: 0, changed: 0, unchanged: 0 };
  for (const { name: phase, objects: own } of inPhases(objects)) {
    options.onEvent?.({ type: "phase", phase, objects: own.length });
    const waiting = [...own];
    const worker = async (): Promise<void> => {
      for (let object = waiting.shift(); object !== undefined; object = waiting.shift()) {
        const outcome = await applyPatiently(client, object, options);
        counts[outcome] += 1;
        options.onEvent?.({ type: "applied", phase, object: describeObject(object), outcome });
      }
    };
    const done = await Promise.allSettled(Array.from({ length: CONCURRENCY }, worker));
    for (const each of done) if (each.status === "rejected") throw each.reason;
    await established(client, own, options);
  }
  return counts;
}

async function applyPatiently(
  client: KubeClient,
  object: KubeObject,
  options: ApplyObjectsOptions,
): Promise<Outcome> {
  const end = Date.now() + (options.patienceMs ?? 300_000);
  for (let delayMs = 500; ; delayMs = Math.min(delayMs * 2, 10_000)) {
    options.signal?.throwIfAborted();
    try {
      return await applyOne(client, object, options);
    } catch (error) {
      if (!mayComeGood(error) || Date.now() + delayMs > end) throw about(error, object);
      const reason = error instanceof Error ? error.message : String(error);
      options.onEvent?.({ type: "retrying", object: describeObject(object), reason, delayMs });
      await sleep(delayMs, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

function mayComeGood(error: unknown): boolean {
  if (isTransient(error)) return true;
  if (!isSealflowError(error)) return false;
  if (error.code === "CLUSTER_KIND_UNKNOWN") return true;
  // A namespace that is being removed, or one that another component makes.
  return error.data?.status === 404 && /namespaces? .* not found/.test(error.message);
}

async function applyOne(
  client: KubeClient,
  object: KubeObject,
  { force = false }: ApplyObjectsOptions,
): Promise<Outcome> {
  const before = await client.find(refOf(object));
  const after = await client.apply(object, { force });
  if (before === undefined) return "created";
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return "unchanged";
  // Controllers write in between: whether this call changed something stands in the record of its own fields.
  return ownRecord(before) === ownRecord(after) ? "unchanged" : "changed";
}

/** Which fields this program set, and when it last changed one. */
function ownRecord(object: KubeObject): string {
  const entries = object.metadata.managedFields ?? [];
  return JSON.stringify(entries.find((each) => each.manager === fieldManager && each.operation === "Apply"));
}

/** The refusal, with the object in front. */
function about(error: unknown, object: KubeObject): unknown {
  if (!isSealflowError(error)) return error;
  return new SealflowError({
    code: error.code,
    message: `${describeObject(object)}: ${error.message}`,
    ...(error.hint === undefined ? {} : { hint: error.hint }),
    ...(error.data === undefined ? {} : { data: error.data }),
    cause: error,
  });
}

/** Kinds are served a moment after their definition is accepted. */
async function established(
  client: KubeClient,
  objects: readonly KubeObject[],
  options: ApplyObjectsOptions,
): Promise<void> {
  const end = Date.now() + 60_000;
  for (const object of objects.filter(({ kind }) => kind === "CustomResourceDefinition")) {
    for (;;) {
      const found = await client.get(refOf(object));
      if (hasCondition(found, "Established")) break;
      if (Date.now() > end) {
        throw new SealflowError({
          code: "CLUSTER_DEFINITION_NOT_ESTABLISHED",
          message: `${describeObject(object)}: expected it to be served within a minute, got nothing`,
          hint: "Look at its conditions: a name may be taken by another definition.",
        });
      }
      options.onEvent?.({ type: "waiting", for: describeObject(object) });
      await sleep(200, undefined, options.signal === undefined ? {} : { signal: options.signal });
    }
  }
}

/** True when a condition of the object's status holds. */
export function hasCondition(object: KubeObject, type: string): boolean {
  const { status } = object;
  const conditions = isJsonObject(status) && Array.isArray(status.conditions) ? status.conditions : [];
  return conditions.some((each) => isJsonObject(each) && each.type === type && each.status === "True");
}
