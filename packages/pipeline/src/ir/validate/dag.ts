import { nearest } from "../decode/nearest.js";
import { dependenciesOf, findTaskCycle } from "../dependencies.js";
import type { DocumentPath } from "../path.js";
import { member } from "../record.js";
import type { ComponentSpec, TaskSpec } from "../types.js";
import { checkDagOutputs } from "./dag-outputs.js";
import { checkTaskExists } from "./references.js";
import type { DagScope, SpecScope } from "./scope.js";
import { checkTask } from "./task.js";

/** Names that may stand in a task's path: no `/`, no brackets, nothing hidden. */
const TASK_NAME = /^[A-Za-z0-9][A-Za-z0-9._-]{0,252}$/;

/** Checks a DAG: its tasks, their order and its outputs. Components without a DAG have nothing to check here. */
export function checkDag(
  specScope: SpecScope,
  at: { name: string; component: ComponentSpec; path: DocumentPath },
): void {
  const { component } = at;
  if (component.dag === undefined) return;
  const { dag } = component;
  const scope: DagScope = { ...specScope, component, componentName: at.name, dag, path: at.path };
  const names = Object.keys(dag.tasks);
  if (!Object.values(dag.tasks).some((task) => !waitsForCompletion(task))) {
    scope.findings.error("PIPELINE_DAG_EMPTY", [...at.path, "dag"], "expected at least one task, got none");
  }
  for (const name of names) checkTaskReferences(scope, name);
  const cycle = findTaskCycle(dag);
  if (cycle !== undefined) {
    scope.findings.error(
      "PIPELINE_CYCLE",
      [...at.path, "dag", "tasks", cycle[0] ?? ""],
      `expected tasks that don't wait for themselves, got ${cycle.join(" → ")}`,
    );
  }
  checkDagOutputs(scope);
}

function waitsForCompletion(task: TaskSpec): boolean {
  return task.triggerPolicy?.strategy === "ALL_UPSTREAM_TASKS_COMPLETED";
}

function checkTaskReferences(scope: DagScope, name: string): void {
  const task = member(scope.dag.tasks, name);
  if (task === undefined) return;
  const taskPath = [...scope.path, "dag", "tasks", name];
  checkTaskName(scope, name, taskPath);
  for (const [index, dependency] of (task.dependentTasks ?? []).entries()) {
    checkTaskExists(scope, dependency, [...taskPath, "dependentTasks", index]);
  }
  const listed = new Set(task.dependentTasks);
  for (const dependency of dependenciesOf(task)) {
    if (!listed.has(dependency) && member(scope.dag.tasks, dependency) !== undefined) {
      scope.findings.warning(
        "PIPELINE_DEPENDENCY_IMPLICIT",
        taskPath,
        `expected ${dependency} in dependentTasks, got an input from it only`,
        "It is waited for all the same; list it so that every tool sees the order.",
      );
    }
  }
  const target = member(scope.spec.components, task.componentRef.name);
  if (target !== undefined) checkTask({ ...scope, name, task, target, taskPath });
  else if (task.componentRef.name !== "") {
    const guess = nearest(task.componentRef.name, Object.keys(scope.spec.components ?? {}));
    scope.findings.error(
      "PIPELINE_COMPONENT_UNKNOWN",
      [...taskPath, "componentRef", "name"],
      `expected a component of this document, got ${JSON.stringify(task.componentRef.name)}`,
      guess === undefined ? undefined : `Did you mean ${guess}?`,
    );
  }
}

function checkTaskName(scope: DagScope, name: string, path: DocumentPath): void {
  if (!TASK_NAME.test(name)) {
    scope.findings.error(
      "PIPELINE_TASK_NAME",
      path,
      `expected letters, digits, dots, dashes and underscores, got ${JSON.stringify(name.slice(0, 300))}`,
    );
  } else if (!/^[a-z0-9-]+$/.test(name)) {
    scope.findings.warning(
      "PIPELINE_NAME_NOT_PORTABLE",
      path,
      `expected lower-case letters, digits and dashes, got ${JSON.stringify(name)}`,
      "The official backend makes Kubernetes names of task names.",
    );
  }
}
