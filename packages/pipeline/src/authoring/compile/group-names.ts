import type { Graph, GroupNode, TaskNode } from "../graph.js";

const PREFIX = {
  root: "",
  loop: "for-loop",
  branches: "condition-branches",
  condition: "condition",
  "exit-handler": "exit-handler",
};

/**
 * Names a graph's groups as the Python SDK does: one counter over all groups in the order in which they were opened,
 * which a static loop's item takes part in.
 */
export function nameGroups(graph: Graph): void {
  const taken = new Set(tasksOf(graph.root).map((task) => task.name));
  let counter = 0;
  const visit = (group: GroupNode): void => {
    if (group.type !== "root") {
      if (group.loop !== undefined && "constant" in group.loop.items) {
        counter += 1;
        group.loop.itemName = `loop-item-param-${counter}`;
      }
      counter += 1;
      while (taken.has(`${PREFIX[group.type]}-${counter}`)) counter += 1;
      group.name = `${PREFIX[group.type]}-${counter}`;
    }
    for (const child of group.children) if (child.kind === "group") visit(child);
  };
  visit(graph.root);
}

/** All tasks of a group, at any depth. */
export function tasksOf(group: GroupNode): TaskNode[] {
  return group.children.flatMap((child) => (child.kind === "task" ? [child] : tasksOf(child)));
}
