/** Brings objects into a cluster: in order, with server-side apply, patient with what is not ready yet. */
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, isSealflowError, type JsonObject, SealflowError } from "@sealflow/core";
import { fieldManager, type KubeClient } from "../kube/client.js";
import { isTransient } from "../kube/errors.js";
import { describeObject, type KubeObject, refOf } from "../kube/objects.js";
import { inPhases, type Phase } from "./order.js";
import { conflictsOf, mayYield, withoutFields } from "./yield.js";

/** What is told while objects are applied. */
export type ApplyEvent =
  | { readonly type: "phase"; readonly phase: string; readonly objects: number }
  | { readonly type: "applied"; readonly phase: string; readonly object: string; readonly outcome: Outcome }
  | { readonly type: "left"; readonly object: string; readonly fields: readonly string[] }
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
  /**
   * For how long a busy server, a missing kind or a silent webhook is waited for while nothing else goes on, in milliseconds.
   * Default: 900 000, as long as images of a whole distribution may take to come.
   */
  readonly patienceMs?: number;
}

/** How many objects came out how. */
export type ApplyCounts = Readonly<Record<Outcome, number>>;

/** Objects of one phase that are on their way at once. */
const CONCURRENCY = 8;

/** First and longest pause before an object is tried again, in milliseconds. */
const [FIRST_PAUSE_MS, LONGEST_PAUSE_MS] = [500, 10_000];

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
  for (const phase of inPhases(objects)) {
    options.onEvent?.({ type: "phase", phase: phase.name, objects: phase.objects.length });
    await applyPhase(client, phase, {
      ...options,
      onEvent: (event) => {
        if (event.type === "applied") counts[event.outcome] += 1;
        options.onEvent?.(event);
      },
    });
    await established(client, phase.objects, options);
  }
  return counts;
}

interface Waiting {
  readonly object: KubeObject;
  /** Time before which it is not tried. */
  readonly from: number;
  readonly pauseMs: number;
}

/** What can't be applied yet waits behind the others: one of them may be what it waits for. */
async function applyPhase(client: KubeClient, phase: Phase, options: ApplyObjectsOptions): Promise<void> {
  const { signal, onEvent, patienceMs = 900_000 } = options;
  const queue: Waiting[] = phase.objects.map((object) => ({ object, from: 0, pauseMs: FIRST_PAUSE_MS }));
  let progress = Date.now();
  const attempt = async ({ object, from, pauseMs }: Waiting): Promise<void> => {
    await pause(from - Date.now(), signal);
    const name = describeObject(object);
    try {
      const outcome = await applyOne(client, object, options);
      progress = Date.now();
      onEvent?.({ type: "applied", phase: phase.name, object: name, outcome });
    } catch (error) {
      if (!mayComeGood(error) || Date.now() - progress > patienceMs) throw about(error, object);
      const reason = error instanceof Error ? error.message : String(error);
      onEvent?.({ type: "retrying", object: name, reason, delayMs: pauseMs });
      const next = Math.min(pauseMs * 2, LONGEST_PAUSE_MS);
      queue.push({ object, from: Date.now() + pauseMs, pauseMs: next });
    }
  };
  const worker = async (): Promise<void> => {
    for (let next = queue.shift(); next !== undefined; next = queue.shift()) await attempt(next);
  };
  const stopping = (error: unknown) => {
    queue.length = 0;
    throw error;
  };
  const done = await Promise.allSettled(Array.from({ length: CONCURRENCY }, () => worker().catch(stopping)));
  for (const each of done) if (each.status === "rejected") throw each.reason;
}

async function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  signal?.throwIfAborted();
  if (milliseconds > 0) await sleep(milliseconds, undefined, signal === undefined ? {} : { signal });
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
  options: ApplyObjectsOptions,
): Promise<Outcome> {
  const before = await client.find(refOf(object));
  const after = await applyOrLeave(client, object, options);
  if (before === undefined) return "created";
  if (before.metadata.resourceVersion === after.metadata.resourceVersion) return "unchanged";
  // Controllers write in between: whether this call changed something stands in the record of its own fields.
  return ownRecord(before) === ownRecord(after) ? "unchanged" : "changed";
}

/** Applies; fields that a controller has completed in its own webhooks and definitions are left to it. */
async function applyOrLeave(
  client: KubeClient,
  object: KubeObject,
  { force = false, onEvent }: ApplyObjectsOptions,
): Promise<KubeObject> {
  try {
    return await client.apply(object, { force });
  } catch (error) {
    const fields = conflictsOf(error);
    if (fields.length === 0 || !mayYield(object)) throw error;
    const after = await client.apply(withoutFields(object, fields), { force });
    onEvent?.({ type: "left", object: describeObject(object), fields });
    return after;
  }
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

/** Kinds are served a moment after their definition is accepted: on a busy server many of them one after the other. */
async function established(
  client: KubeClient,
  objects: readonly KubeObject[],
  { signal, onEvent, patienceMs = 900_000 }: ApplyObjectsOptions,
): Promise<void> {
  let progress = Date.now();
  for (const object of objects.filter(({ kind }) => kind === "CustomResourceDefinition")) {
    for (let told = false; ; told = true) {
      const found = await client.get(refOf(object));
      if (hasCondition(found, "Established")) break;
      const refused = conditionsOf(found).find(
        ({ type, status }) => type === "NamesAccepted" && status === "False",
      );
      if (refused !== undefined) throw unserved(object, `its names to be accepted, got ${refused.message}`);
      if (Date.now() - progress > patienceMs) throw unserved(object, "it to be served, got nothing");
      if (!told) onEvent?.({ type: "waiting", for: describeObject(object) });
      await sleep(200, undefined, signal === undefined ? {} : { signal });
    }
    progress = Date.now();
  }
}

function unserved(object: KubeObject, expected: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_DEFINITION_NOT_ESTABLISHED",
    message: `${describeObject(object)}: expected ${expected}`,
    hint: "Look at its conditions: a name may be taken by another definition.",
  });
}

/** True when a condition of the object's status holds. */
export function hasCondition(object: KubeObject, type: string): boolean {
  return conditionsOf(object).some((each) => each.type === type && each.status === "True");
}

function conditionsOf({ status }: KubeObject): readonly JsonObject[] {
  return isJsonObject(status) && Array.isArray(status.conditions)
    ? status.conditions.filter(isJsonObject)
    : [];
}
