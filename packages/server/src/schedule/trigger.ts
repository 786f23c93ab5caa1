/** When a recurring run is due: its trigger, what was started last, and whether missed times are made up for. */
import type { Trigger } from "@sealflow/kfp";
import { invalid } from "../http/problem.js";
import { parseCron, type Times } from "./cron.js";

/** A trigger, read. */
export interface ReadTrigger {
  readonly times: Times;
  /** Milliseconds since the Unix epoch; undefined without one. */
  readonly start: number | undefined;
  readonly end: number | undefined;
}

/** What due times are computed from. */
export interface ScheduleState {
  readonly trigger: ReadTrigger;
  readonly createdAt: number;
  /** The last time that was started; undefined before the first. */
  readonly last: number | undefined;
  /** True starts each missed time; false only the latest of them. */
  readonly catchUp: boolean;
}

/** @throws SealflowError `SERVER_SCHEDULE_INVALID` */
export function readTrigger({ cron_schedule: cron, periodic_schedule: periodic }: Trigger): ReadTrigger {
  if ((cron === undefined) === (periodic === undefined)) {
    throw invalid(
      "SERVER_SCHEDULE_INVALID",
      "trigger: expected cron_schedule or periodic_schedule, one of them",
    );
  }
  const bounds = (cron ?? periodic) as { start_time?: string; end_time?: string };
  return {
    times: cron === undefined ? periodicTimes(Number(periodic?.interval_second)) : parseCron(cron.cron),
    start: bounds.start_time === undefined ? undefined : Date.parse(bounds.start_time),
    end: bounds.end_time === undefined ? undefined : Date.parse(bounds.end_time),
  };
}

function periodicTimes(seconds: number): Times {
  if (!Number.isSafeInteger(seconds) || seconds < 1) {
    throw invalid(
      "SERVER_SCHEDULE_INVALID",
      `interval_second: expected a whole number of at least 1, got ${seconds}`,
    );
  }
  return { next: (after) => after + seconds * 1000, intervalMs: seconds * 1000 };
}

/** The next time that is to be started, whether it has come or not; undefined when there is none any more. */
export function nextTime(state: ScheduleState, now: number): number | undefined {
  const { trigger, last, createdAt, catchUp } = state;
  const next = trigger.times.next(last ?? trigger.start ?? createdAt);
  if (next === undefined || isOver(trigger, next)) return undefined;
  return catchUp || next > now ? next : latest(state, next, now);
}

/** Windows in which the latest missed time is looked for: small first, so that no search visits many times. */
const windowsMs = [60_000, 3_600_000, 86_400_000, 32 * 86_400_000, 366 * 86_400_000];

/** The latest time up to now, and not after the trigger's end. `first` is one. */
function latest({ trigger: { times, end } }: ScheduleState, first: number, now: number): number {
  const until = Math.min(now, end ?? now);
  const { intervalMs } = times;
  if (intervalMs !== undefined) return first + Math.floor((until - first) / intervalMs) * intervalMs;
  for (const window of windowsMs) {
    const from = until - window;
    if (from <= first) break;
    const found = lastOf(times, from, until);
    if (found !== undefined) return found;
  }
  return lastOf(times, first, until) ?? first;
}

/** The last time later than `from` and not later than `until`. */
function lastOf(times: Times, from: number, until: number): number | undefined {
  let found: number | undefined;
  for (let time = times.next(from); time !== undefined && time <= until; time = times.next(time))
    found = time;
  return found;
}

function isOver({ end }: ReadTrigger, time: number): boolean {
  return end !== undefined && time > end;
}
