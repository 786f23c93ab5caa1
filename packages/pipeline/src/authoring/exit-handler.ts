import type { TaskNode } from "./graph.js";
import { addGroup, currentScope, inGroup, report } from "./scope.js";
import type { Waitable } from "./task.js";
import { traceCaller } from "./trace.js";

/**
 * Runs `exitTask` when all tasks of `body` have ended, whether they succeeded or not. The exit task is made before, at
 * the top of the pipeline, and waits for nothing else.
 */
export function exitHandler(
  exitTask: { readonly waitNode: TaskNode },
  body: () => void,
  options: { readonly displayName?: string } = {},
): Waitable & { after(...others: readonly Waitable[]): Waitable } {
  const where = traceCaller(exitHandler);
  const scope = currentScope("exitHandler", where);
  const task: TaskNode = exitTask.waitNode;
  if (scope.group.type !== "root" || task.parent !== scope.group) {
    const message = "exitHandler: expected to stand, like its exit task, at the top of the pipeline";
    report(scope.graph, where, { code: "PIPELINE_EXIT_HANDLER_INVALID", message });
  }
  const group = addGroup("exit-handler", where, { exitTask: task, ...options });
  inGroup(group, body);
  return {
    waitNode: group,
    after(...others: readonly Waitable[]) {
      group.after.push(...others.map((other) => other.waitNode));
      return this;
    },
  };
}
