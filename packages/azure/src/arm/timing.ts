/** Time that passes. */
import { setTimeout } from "node:timers/promises";
import type { Clock } from "@sealflow/core";

/** A clock that can be waited on. */
export interface Timing extends Clock {
  /** Waits; rejects at once when the signal aborts. */
  sleep(milliseconds: number, signal?: AbortSignal): Promise<void>;
}

/** The machine's time. */
export const systemTiming: Timing = {
  now: () => Date.now(),
  sleep: (milliseconds, signal) =>
    setTimeout(milliseconds, undefined, signal === undefined ? {} : { signal }),
};
