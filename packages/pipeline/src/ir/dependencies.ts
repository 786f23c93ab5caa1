import { compareCodeUnits } from "@sealflow/core";
import { member } from "./record.js";
import type { DagSpec, TaskSpec } from "./types.js";

/**
 * Tasks that a task waits for, sorted: those listed in `dependentTasks` and those whose outputs or final status it
 * takes. The official backend adds the latter too when they are not listed.
 */
export function dependenciesOf(task: TaskSpec): string[] {
  const names = new Set(task.dependentTasks);
  for (const input of Object.values(task.inputs?.parameters ?? {})) {
    if (input.taskOutputParameter !== undefined) names.add(input.taskOutputParameter.producerTask);
    if (input.taskFinalStatus !== undefined) names.add(input.taskFinalStatus.producerTask);
  }
  for (const input of Object.values(task.inputs?.artifacts ?? {})) {
    if (input.taskOutputArtifact !== undefined) names.add(input.taskOutputArtifact.producerTask);
  }
  return [...names].sort(compareCodeUnits);
}

/**
 * The first cycle in a graph, as the names along it with the first repeated at the end; undefined when there is none.
 * Edges to names that are not nodes are ignored.
 */
export function findCycle(
  nodes: readonly string[],
  edges: (node: string) => readonly string[],
): string[] | undefined {
  const known = new Set(nodes);
  const state = new Map<string, "open" | "done">();
  for (const start of nodes) {
    if (state.has(start)) continue;
    const trail: { node: string; next: readonly string[]; at: number }[] = [];
    const enter = (node: string): void => {
      state.set(node, "open");
      trail.push({ node, next: edges(node).filter((name) => known.has(name)), at: 0 });
    };
    enter(start);
    for (let top = trail.at(-1); top !== undefined; top = trail.at(-1)) {
      const next = top.next[top.at++];
      if (next === undefined) {
        state.set(top.node, "done");
        trail.pop();
      } else if (state.get(next) === "open") {
        const names = trail.map((step) => step.node);
        return [...names.slice(names.indexOf(next)), next];
      } else if (!state.has(next)) enter(next);
    }
  }
  return undefined;
}

/** The first cycle among a DAG's tasks. */
export function findTaskCycle(dag: DagSpec): string[] | undefined {
  return findCycle(Object.keys(dag.tasks).sort(compareCodeUnits), (name) => {
    const task = member(dag.tasks, name);
    return task === undefined ? [] : dependenciesOf(task);
  });
}
