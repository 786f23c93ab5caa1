/** Tasks that are due, with what the policy demands of them: the same for the broker and the verifier. */
import type { DueTask } from "@sealflow/pipeline";
import type { Flow } from "../policy.js";
import { member } from "../record.js";
import type { RunEvaluation } from "./evaluation.js";

/** A task that may run now. */
export interface DueComponent {
  readonly due: DueTask;
  readonly component: Flow["components"][string];
}

/** The due task of a path; undefined for any other path. Every task of a registered run has its component in the flow. */
export function dueComponent(
  { due: tasks }: Pick<RunEvaluation, "due">,
  flow: Flow,
  path: string,
): DueComponent | undefined {
  const due = tasks.get(path);
  if (due === undefined) return undefined;
  const component = member(flow.components, due.componentName);
  return component && { due, component };
}
