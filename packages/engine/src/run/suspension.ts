/** Leaving a run where it is: its tasks end, its record stays open, and a resume continues it. */
import { SealflowError } from "@sealflow/core";

/** The reason of an abort that suspends instead of cancelling. */
export const SUSPENSION: unique symbol = Symbol("sealflow.suspension");

/** True when the signal was aborted to suspend. */
export function isSuspended(signal: AbortSignal | undefined): boolean {
  return signal?.aborted === true && signal.reason === SUSPENSION;
}

/** What a suspended run's promise rejects with. */
export function suspendedRun(runId: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_RUN_SUSPENDED",
    message: `run ${runId}: suspended before its end`,
    hint: `Continue it with \`sealflow resume ${runId}\`.`,
  });
}
