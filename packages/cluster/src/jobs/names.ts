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

/** Key of the record of a task's outputs: one for all of its attempts. */
export function resultKey(runId: string, path: string): string {
  return `runs/${runId}/${taskKey(path)}/result.json`;
}

/** Start of the keys of an attempt's artifacts. */
export function artifactPrefix(runId: string, path: string, attempt: number): string {
  return `runs/${runId}/${taskKey(path)}/${attempt}`;
}
