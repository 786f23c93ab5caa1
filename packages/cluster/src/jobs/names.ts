/** Names and labels of what runs make in a cluster: from ids alone, so that any process finds them again. */
import { createHash } from "node:crypto";

/** Who made an object. */
export const managedBy = { "app.kubernetes.io/managed-by": "sealflow" };

/** Label with the id of the run. */
export const runLabel = "sealflow.dev/run";

/** Label with the key of the task. */
export const taskLabel = "sealflow.dev/task";

/** Label with the number of the attempt. */
export const attemptLabel = "sealflow.dev/attempt";

/** Annotation with the task's path, which a label could not hold. */
export const pathAnnotation = "sealflow.dev/path";

/** Short text that stands for a task's path in names and keys. */
export function taskKey(path: string): string {
  return createHash("sha256").update(path).digest("hex").slice(0, 16);
}

/** Name of the object that owns everything of a run. */
export function runName(runId: string): string {
  return `sealflow-run-${runId.toLowerCase()}`;
}

/** Name of an attempt's Job and of its secret. At most 63 characters. */
export function attemptName(runId: string, path: string, attempt: number): string {
  const run = createHash("sha256").update(runId).digest("hex").slice(0, 12);
  return `sf-${run}-${taskKey(path)}-${attempt}`;
}

/** Which of a task's attempts share a record. */
export interface Recorded {
  readonly runId: string;
  /** Of the task. */
  readonly path: string;
  /** Number of the first attempt whose outcome is open. */
  readonly since: number;
}

/**
 * Key of the record of a task's outputs: one for all attempts since the task last ended.
 *
 * @param place 1 for the record that counts; those behind it are of pods that finished later.
 */
export function resultKey({ runId, path, since }: Recorded, place = 1): string {
  const [from, number] = [since === 1 ? "" : `-${since}`, place === 1 ? "" : `.${place}`];
  return `runs/${runId}/${taskKey(path)}/result${from}${number}.json`;
}

/**
 * Start of the keys of an attempt's artifacts.
 *
 * @param place 1 for the first pod of the attempt, and so on.
 */
export function artifactPrefix(
  { runId, path, attempt }: Pick<Recorded, "runId" | "path"> & { readonly attempt: number },
  place = 1,
): string {
  return `runs/${runId}/${taskKey(path)}/${attempt}${place === 1 ? "" : `.${place}`}`;
}
