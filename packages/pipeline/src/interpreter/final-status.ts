import type { ErrorBody, JsonObject } from "@sealflow/core";
import type { RunContext, TerminalState } from "./types.js";

/**
 * Words for a task's end. The official backend passes the states of its metadata store on, where a task that was not
 * triggered is CANCELED; its documentation and the local runner of the Python SDK name pipeline task states.
 */
const WORDS = {
  backend: { SUCCEEDED: "COMPLETE", FAILED: "FAILED", SKIPPED: "CANCELED", CANCELED: "CANCELED" },
  documented: { SUCCEEDED: "SUCCEEDED", FAILED: "FAILED", SKIPPED: "SKIPPED", CANCELED: "CANCELLED" },
} as const;

/** `google.rpc.Code` UNKNOWN: the only code that can be said of a program's failure. */
const RPC_UNKNOWN = 2;

/**
 * The value of a parameter of type `PipelineTaskFinalStatus`. Source: api/v2alpha1/pipeline_spec.proto,
 * PipelineTaskFinalStatus, in the JSON that the official driver makes of it.
 */
export function finalStatus(
  task: { readonly name: string; readonly state: TerminalState; readonly error: ErrorBody | undefined },
  run: RunContext,
): JsonObject {
  const error: JsonObject =
    task.state === "FAILED" ? { code: RPC_UNKNOWN, message: task.error?.message ?? "" } : {};
  return {
    state: WORDS[run.finalStatusWords ?? "backend"][task.state],
    pipelineJobResourceName: run.resourceName ?? run.runName,
    pipelineTaskName: task.name,
    error,
  };
}
