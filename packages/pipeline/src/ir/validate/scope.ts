import type { Findings } from "../finding.js";
import type { DocumentPath } from "../path.js";
import { member } from "../record.js";
import type { ComponentSpec, DagSpec, PipelineSpec, TaskSpec } from "../types.js";

/** The document under validation, and what is derived from it once. */
export interface SpecScope {
  readonly spec: PipelineSpec;
  readonly findings: Findings;
  /** Components reached from an iterator: their declared output may be the list of what their tasks give. */
  readonly collected: ReadonlySet<string>;
}

/** A DAG under validation: its component, where that stands, and its name (`root` for the root). */
export interface DagScope extends SpecScope {
  readonly component: ComponentSpec;
  readonly componentName: string;
  readonly dag: DagSpec;
  readonly path: DocumentPath;
}

/** A task under validation. `target` is the component that it runs. */
export interface TaskScope extends DagScope {
  readonly name: string;
  readonly task: TaskSpec;
  readonly target: ComponentSpec;
  readonly taskPath: DocumentPath;
}

/** The component that a task of a DAG runs, when both are known. */
export function producerOf(scope: DagScope, taskName: string): ComponentSpec | undefined {
  const task = member(scope.dag.tasks, taskName);
  return task === undefined ? undefined : member(scope.spec.components, task.componentRef.name);
}

/** True when a task runs its component once per item. */
export function isIterated(task: TaskSpec | undefined): boolean {
  return task?.parameterIterator !== undefined || task?.artifactIterator !== undefined;
}
