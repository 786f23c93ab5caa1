import { nearest } from "../decode/nearest.js";
import type { DocumentPath } from "../path.js";
import { member } from "../record.js";
import type { DagScope } from "./scope.js";

/** Reports a reference to a task that the DAG does not hold; true when it does. */
export function checkTaskExists(scope: DagScope, name: string, path: DocumentPath): boolean {
  if (member(scope.dag.tasks, name) !== undefined) return true;
  if (name === "") return false;
  const guess = nearest(name, Object.keys(scope.dag.tasks));
  scope.findings.error(
    "PIPELINE_TASK_UNKNOWN",
    path,
    `expected a task of ${scope.componentName}, got ${JSON.stringify(name)}`,
    guess === undefined ? undefined : `Did you mean ${guess}?`,
  );
  return false;
}

/** Reports a key that a task's component does not give. */
export function checkOutputKey(
  scope: DagScope,
  key: string,
  at: { path: DocumentPath; known: readonly string[]; task: string },
): void {
  if (key === "" || at.known.includes(key)) return;
  const guess = nearest(key, at.known);
  scope.findings.error(
    "PIPELINE_OUTPUT_UNKNOWN",
    at.path,
    `expected an output of ${at.task} (${listed(at.known)}), got ${JSON.stringify(key)}`,
    guess === undefined ? undefined : `Did you mean ${guess}?`,
  );
}

/** Names in a message: the first ten. */
function listed(names: readonly string[]): string {
  if (names.length === 0) return "it has none";
  return names.length <= 10
    ? names.join(", ")
    : `${names.slice(0, 10).join(", ")} and ${names.length - 10} more`;
}
