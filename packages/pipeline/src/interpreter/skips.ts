import type { ComponentSpec } from "../ir/types.js";
import type { Planner } from "./plan.js";
import { taskPath } from "./state.js";
import type { Decision, SkipReason, TaskPath } from "./types.js";

/**
 * Skips of everything inside a DAG that does not run, so that each leaf has its entry. Inside a loop, whose iterations
 * are not known then, each task is named once, without an index.
 */
export function insideSkips(
  planner: Planner,
  at: { readonly path: TaskPath; readonly component: ComponentSpec },
  reason: SkipReason,
): Decision[] {
  const decisions: Decision[] = [];
  const inner: SkipReason =
    reason.kind === "canceled" ? reason : { kind: "dependency", dependency: at.path, state: stateOf(reason) };
  const visit = (path: TaskPath, component: ComponentSpec): void => {
    for (const plan of planner.dag(component).tasks) {
      const own = taskPath(path, plan.name);
      const leaf = plan.component.dag === undefined;
      decisions.push({ kind: "skip", path: own, taskName: plan.name, reason: inner, leaf });
      if (!leaf) visit(own, plan.component);
    }
  };
  visit(at.path, at.component);
  return decisions;
}

/** A DAG whose own start failed counts as failed for what is in it, any other as skipped. */
function stateOf(reason: SkipReason): "FAILED" | "SKIPPED" {
  return reason.kind === "dependency" && reason.state === "FAILED" ? "FAILED" : "SKIPPED";
}
