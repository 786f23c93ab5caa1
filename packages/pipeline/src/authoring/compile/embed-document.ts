import type { JsonObject } from "@sealflow/core";
import type { ComponentSpec, ExecutorSpec, PipelineDocument, TaskSpec } from "../../ir/types.js";

/** What takes in the parts of another document, and says what each is called from then on. */
export interface DocumentTarget {
  addExecutor(label: string, executor: ExecutorSpec, platform: JsonObject | undefined): string;
  addComponent(name: string, spec: ComponentSpec): string;
}

/**
 * Takes the components and executors of a compiled document into another, under new names where needed.
 *
 * @returns the document's root with its references renamed.
 */
export function embedDocument({ spec, platform }: PipelineDocument, target: DocumentTarget): ComponentSpec {
  const executors = spec.deploymentSpec.executors ?? {};
  const platforms = platform?.platforms.kubernetes?.deploymentSpec?.executors ?? {};
  const named = new Map<string, string>();
  const labels = new Map<string, string>();

  const renamed = (component: ComponentSpec): ComponentSpec => {
    const { executorLabel, dag } = component;
    if (dag !== undefined) {
      const tasks = Object.entries(dag.tasks).map(([name, task]) => [name, renamedTask(task)] as const);
      return { ...component, dag: { ...dag, tasks: Object.fromEntries(tasks) } };
    }
    const executor = executorLabel === undefined ? undefined : executors[executorLabel];
    if (executorLabel === undefined || executor === undefined) return component;
    const label =
      labels.get(executorLabel) ?? target.addExecutor(executorLabel, executor, platforms[executorLabel]);
    labels.set(executorLabel, label);
    return { ...component, executorLabel: label };
  };

  const renamedTask = (task: TaskSpec): TaskSpec => {
    const { name } = task.componentRef;
    const component = spec.components?.[name];
    if (component === undefined) return task;
    const known = named.get(name) ?? target.addComponent(name, renamed(component));
    named.set(name, known);
    return { ...task, componentRef: { name: known } };
  };

  return renamed(spec.root);
}
