/** A task that a run does not have. */
import { SealflowError } from "@sealflow/core";
import { nearest } from "../nearest.js";

/** @param paths The tasks that the run has. */
export function unknownTask(runId: string, task: string, paths: readonly string[]): SealflowError {
  const meant = nearest(task, paths);
  return new SealflowError({
    code: "CLI_TASK_UNKNOWN",
    message: `task ${task}: expected a task that run ${runId} has started`,
    hint: meant === undefined ? `its tasks are ${paths.join(", ") || "none"}` : `did you mean ${meant}?`,
  });
}
