/** What waits for what within one DAG. */
import type { TaskInputArtifact, TaskInputParameter } from "../../ir/types.js";
import type { Graph, GroupNode, TaskNode } from "../graph.js";
import { report } from "../scope.js";

type Node = TaskNode | GroupNode;

/** Names of the tasks whose outputs a task takes. */
export function producersIn(inputs: {
  readonly parameters: Readonly<Record<string, TaskInputParameter>>;
  readonly artifacts: Readonly<Record<string, TaskInputArtifact>>;
}): string[] {
  const parameters = Object.values(inputs.parameters).map((input) => input.taskOutputParameter?.producerTask);
  const artifacts = Object.values(inputs.artifacts).map((input) => input.taskOutputArtifact?.producerTask);
  return [...parameters, ...artifacts].filter((name) => name !== undefined);
}

/** Explicit waits, as names by the node that waits: both sides are lifted to where they meet. */
export function explicitWaits(graph: Graph): Map<Node, Set<string>> {
  const waits = new Map<Node, Set<string>>();
  const visit = (group: GroupNode): void => {
    for (const child of group.children) {
      for (const target of child.after) addWait(graph, { from: child, target, waits });
      if (child.kind === "group") visit(child);
    }
  };
  visit(graph.root);
  return waits;
}

interface Wait {
  readonly from: Node;
  readonly target: Node;
  readonly waits: Map<Node, Set<string>>;
}

function addWait(graph: Graph, { from, target, waits }: Wait): void {
  const around = pathTo(from);
  const waiting = around.find((node) => node.parent === target.parent);
  if (waiting === undefined || target.parent === undefined) {
    report(graph, from.where, {
      code: "PIPELINE_TOPOLOGY",
      message: `${from.name || "a block"}.after(${target.name || "a block"}): expected a task at this level or around it`,
      hint: "Wait for the loop, branches or exit handler that the task stands in.",
    });
    return;
  }
  const known = waits.get(waiting) ?? new Set();
  waits.set(waiting, known.add(target.name));
}

function pathTo(node: Node): Node[] {
  return node.parent === undefined ? [node] : [node, ...pathTo(node.parent)];
}

/** Reports a chain of tasks of one DAG that wait for themselves. */
export function reportCycle(
  graph: Graph,
  group: GroupNode,
  dependencies: ReadonlyMap<string, readonly string[]>,
): void {
  const state = new Map<string, "open" | "done">();
  for (const start of [...dependencies.keys()].sort()) {
    const cycle = findCycle(start, dependencies, state);
    if (cycle === undefined) continue;
    const first = group.children.find((child) => child.name === cycle[0]);
    report(graph, first?.where ?? group.where, {
      code: "PIPELINE_CYCLE",
      message: `tasks wait for themselves: ${cycle.join(" -> ")}`,
    });
    return;
  }
}

/** Depth-first with an explicit stack: chains may be thousands of tasks long. */
function findCycle(
  start: string,
  dependencies: ReadonlyMap<string, readonly string[]>,
  state: Map<string, "open" | "done">,
): string[] | undefined {
  if (state.has(start)) return undefined;
  const path: { name: string; next: number }[] = [{ name: start, next: 0 }];
  state.set(start, "open");
  for (let top = path.at(-1); top !== undefined; top = path.at(-1)) {
    const target = (dependencies.get(top.name) ?? [])[top.next];
    top.next += 1;
    if (target === undefined) {
      state.set(top.name, "done");
      path.pop();
    } else if (state.get(target) === "open") {
      const names = path.map(({ name }) => name);
      return [...names.slice(names.indexOf(target)), target];
    } else if (!state.has(target)) {
      state.set(target, "open");
      path.push({ name: target, next: 0 });
    }
  }
  return undefined;
}
