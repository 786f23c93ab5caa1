import type { ErrorBody } from "@sealflow/core";
import { type Nesting, NO_OUTPUTS, slotsOfDag, slotsOfLoop } from "./outputs.js";
import { type DagState, type End, type LoopState, type TaskState, taskNamed } from "./state.js";

/**
 * How a DAG ended: failed when a task did, else canceled when one was, else succeeded, skipped tasks or not. Outputs
 * that are there are kept in any case; only the root's are looked at when it failed.
 */
export function endOfDag(dag: DagState): End {
  const outputs = slotsOfDag(dag.component, (name) => {
    const end = taskNamed(dag, name)?.end;
    return end?.state === "SUCCEEDED" ? end.outputs : undefined;
  });
  return combine(
    dag.tasks.map((task) => ({ end: task.end, path: task.path })),
    outputs,
  );
}

/** How a loop ended, from its iterations that ran. */
export function endOfLoop(task: TaskState, loop: LoopState, nesting: Nesting): End {
  const ends = loop.ends.map((end, index) => ({ end, path: `${task.path}[${index}]` }));
  const outputs = slotsOfLoop(
    task.plan.component,
    loop.ends.map((end) => end?.outputs ?? NO_OUTPUTS),
    nesting,
  );
  const end = combine(ends, outputs);
  // Iterations that a cancellation left out.
  return end.state === "SUCCEEDED" && loop.ends.length < loop.items.items.length
    ? { ...end, state: "CANCELED" }
    : end;
}

function combine(
  parts: readonly { readonly end: End | undefined; readonly path: string }[],
  outputs: End["outputs"],
): End {
  const failed = parts.filter(({ end }) => end?.state === "FAILED");
  const [first] = failed;
  if (first !== undefined) return { state: "FAILED", outputs, error: failureOf(first, failed.length) };
  const canceled = parts.some(({ end }) => end?.state === "CANCELED" || end?.canceled === true);
  return { state: canceled ? "CANCELED" : "SUCCEEDED", outputs };
}

/** The error of the first task that failed, as its DAG's; errors of nested DAGs are handed up as they are. */
function failureOf(
  part: { readonly end: End | undefined; readonly path: string },
  failures: number,
): ErrorBody {
  const error = part.end?.error;
  if (error?.code === "INTERPRETER_TASK_FAILED") return error;
  return {
    code: "INTERPRETER_TASK_FAILED",
    message: `${part.path}: ${error?.message ?? "failed"}`,
    ...(error?.hint === undefined ? {} : { hint: error.hint }),
    data: { path: part.path, failures, ...(error === undefined ? {} : { code: error.code }) },
  };
}
