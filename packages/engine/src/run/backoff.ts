import type { ErrorBody } from "@sealflow/core";
import type { DueTask, RetryPolicy } from "@sealflow/pipeline";
import type { RunInProgress } from "./run-context.js";

/** Defaults of KFP's compiler; `maxRetryCount` 0 means no retry. */
const DEFAULT_FACTOR = 2;
const DEFAULT_MAXIMUM_MS = 3_600_000;

/** Milliseconds of a protobuf JSON duration such as `1.5s`; undefined for none or for text that is none. */
export function durationMs(text: string | undefined): number | undefined {
  const match = /^(\d+(?:\.\d+)?)s$/.exec(text ?? "");
  return match === null ? undefined : Math.round(Number(match[1]) * 1000);
}

/**
 * Wait before the retry that follows an attempt, or undefined when there is none.
 *
 * @param attempt The attempt that failed, from 1.
 */
export function retryDelayMs(policy: RetryPolicy | undefined, attempt: number): number | undefined {
  if (policy === undefined || attempt > (policy.maxRetryCount ?? 0)) return undefined;
  const first = durationMs(policy.backoffDuration) ?? 0;
  const factor = policy.backoffFactor || DEFAULT_FACTOR;
  const maximum = durationMs(policy.backoffMaxDuration) || DEFAULT_MAXIMUM_MS;
  return Math.min(first * factor ** (attempt - 1), maximum);
}

/** Waits before another attempt, without holding a place. */
export async function pause(
  run: RunInProgress,
  task: DueTask,
  { attempt, delayMs, error }: { attempt: number; delayMs: number; error: ErrorBody },
): Promise<void> {
  run.tell({ type: "task-retrying", path: task.path, attempt, error, delayMs });
  if (delayMs === 0) return;
  run.slots.release();
  try {
    await run.services.sleep(delayMs, run.signal);
  } finally {
    await run.slots.acquire();
  }
}
