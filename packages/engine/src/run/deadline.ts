/** A run's own deadline, which its platform document names. */
import type { ErrorBody } from "@sealflow/core";
import type { PlatformSpec } from "@sealflow/pipeline";

/** Longest time that a timer takes; longer ones are set again. */
const LONGEST_TIMER_MS = 2 ** 31 - 1;

/** Time that a run may take, in milliseconds; undefined for no limit. Source: `PipelineConfig.active_deadline_seconds`. */
export function runDeadlineMs(platform: PlatformSpec | undefined): number | undefined {
  const seconds = Number(platform?.platforms.kubernetes?.pipelineConfig?.activeDeadlineSeconds ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

/** The error of a run that took too long. */
export function deadlinePassed(deadlineMs: number): ErrorBody {
  return {
    code: "ENGINE_RUN_TIMEOUT",
    message: `run: expected an end within ${deadlineMs / 1000} s, its active deadline, got none`,
    hint: "Raise activeDeadlineSeconds of the pipeline, or make it faster.",
  };
}

/** Calls back at a time; gives what stops it from that. */
export function callAt(time: number, now: () => number, callback: () => void): () => void {
  let timer: NodeJS.Timeout | undefined;
  const arm = (): void => {
    const left = time - now();
    if (left <= 0) callback();
    else timer = setTimeout(arm, Math.min(left, LONGEST_TIMER_MS));
  };
  arm();
  return () => clearTimeout(timer);
}
