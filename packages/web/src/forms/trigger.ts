/** Schedules as forms write them and as the API takes them. */
import type { Trigger } from "@sealflow/kfp";

/** How a schedule is written. */
export interface WrittenTrigger {
  readonly kind: "every" | "cron";
  readonly count: string;
  readonly unit: "minutes" | "hours" | "days";
  readonly cron: string;
}

/** A form's beginning: once a day. */
export const firstTrigger: WrittenTrigger = { kind: "every", count: "1", unit: "days", cron: "0 0 6 * * *" };

const seconds = { minutes: 60, hours: 3600, days: 86_400 } as const;

/** The trigger that is written, or what is wrong with it. The server reads cron expressions: they are handed on. */
export function readTrigger(
  written: WrittenTrigger,
): { readonly trigger: Trigger } | { readonly problem: string } {
  if (written.kind === "cron") {
    const fields = written.cron.trim().split(/\s+/);
    if (fields.length !== 6)
      return { problem: "Six fields are expected: seconds, minutes, hours, day, month, weekday" };
    return { trigger: { cron_schedule: { cron: fields.join(" ") } } };
  }
  if (!/^[1-9]\d{0,5}$/.test(written.count.trim()))
    return { problem: "A whole number from 1 on is expected" };
  const interval = Number(written.count) * seconds[written.unit];
  return { trigger: { periodic_schedule: { interval_second: String(interval) } } };
}

/** A trigger in words. */
export function triggerText({ cron_schedule, periodic_schedule }: Trigger): string {
  if (cron_schedule !== undefined) return `cron ${cron_schedule.cron}`;
  const interval = Number(periodic_schedule?.interval_second ?? 0);
  for (const [unit, length] of Object.entries(seconds).reverse()) {
    if (interval >= length && interval % length === 0) {
      const count = interval / length;
      return count === 1 ? `every ${unit.slice(0, -1)}` : `every ${count} ${unit}`;
    }
  }
  return `every ${interval} s`;
}
