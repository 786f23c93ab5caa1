import * as fc from "fast-check";
import { describe, expect, it } from "vitest";
import { parseCron } from "../src/schedule/cron.js";
import { nextTime, readTrigger, type ScheduleState } from "../src/schedule/trigger.js";

const at = (text: string) => Date.parse(text);
const text = (time: number | undefined) => (time === undefined ? undefined : new Date(time).toISOString());
const thrown = (work: () => unknown): unknown => {
  try {
    return work();
  } catch (error) {
    return error instanceof Error && "code" in error ? error.code : error;
  }
};

describe("cron expressions", () => {
  // What follows 2026-01-31T23:59:58.500Z, a Saturday.
  const cases: [expression: string, next: string | undefined][] = [
    ["* * * * * *", "2026-01-31T23:59:59.000Z"],
    ["0 * * * * *", "2026-02-01T00:00:00.000Z"],
    ["0 0 9 ? * 2-6", "2026-02-03T09:00:00.000Z"],
    ["0 0 9 ? * MON-FRI", "2026-02-02T09:00:00.000Z"],
    ["*/20 30 * * * *", "2026-02-01T00:30:00.000Z"],
    ["10/25 * * * * ?", "2026-02-01T00:00:10.000Z"],
    ["0 0 0 31 * *", "2026-03-31T00:00:00.000Z"],
    ["0 0 0 29 2 *", "2028-02-29T00:00:00.000Z"],
    ["0 0 0 30 feb *", undefined],
    ["0 0 0 13 * FRI", "2026-02-06T00:00:00.000Z"],
    ["5,35 0 12 1 jan,Jul *", "2026-07-01T12:00:05.000Z"],
    ["0 0 12 * *", "2026-02-01T12:00:00.000Z"],
    ["@daily", "2026-02-01T00:00:00.000Z"],
    ["@yearly", "2027-01-01T00:00:00.000Z"],
    ["@every 1h30m", "2026-02-01T01:29:58.000Z"],
  ];
  it.each(cases)("%s", (expression, next) => {
    expect(text(parseCron(expression).next(at("2026-01-31T23:59:58.500Z")))).toBe(next);
  });

  it.each([
    ["four fields", "0 0 12 1"],
    ["a field too many", "0 0 12 1 * * 2026"],
    ["a second that does not exist", "60 * * * * *"],
    ["day 0", "0 0 0 0 * *"],
    ["weekday 7, which is not Sunday here", "0 0 0 * * 7"],
    ["a range backwards", "0 0 0 5-1 * *"],
    ["a step of 0", "*/0 * * * * *"],
    ["an unknown name", "0 0 0 * foo *"],
    ["an unknown descriptor", "@often"],
    ["a duration of nothing", "@every 0s"],
    ["nothing", ""],
  ])("are refused: %s", (_, expression) => {
    expect(thrown(() => parseCron(expression))).toBe("SERVER_SCHEDULE_INVALID");
  });

  it("name only times at which all their fields fit, and none is left out", () => {
    const field = (most: number) =>
      fc.uniqueArray(fc.integer({ min: 0, max: most }), { minLength: 1, maxLength: 4 });
    const start = fc.integer({ min: at("2026-01-01T00:00:00Z"), max: at("2030-01-01T00:00:00Z") });
    fc.assert(
      fc.property(field(59), field(59), field(23), start, (seconds, minutes, hours, after) => {
        const times = parseCron(`${seconds} ${minutes} ${hours} * * *`);
        const next = times.next(after) ?? 0;
        const date = new Date(next);
        expect(next).toBeGreaterThan(after);
        expect(seconds).toContain(date.getUTCSeconds());
        expect(minutes).toContain(date.getUTCMinutes());
        expect(hours).toContain(date.getUTCHours());
        for (
          let time = Math.floor(after / 1000) * 1000 + 1000, tries = 0;
          time < next && tries < 500;
          time += 1000, tries++
        ) {
          const earlier = new Date(time);
          const fits = seconds.includes(earlier.getUTCSeconds()) && minutes.includes(earlier.getUTCMinutes());
          expect(fits && hours.includes(earlier.getUTCHours())).toBe(false);
        }
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 500 : 30 },
    );
  });
});

describe("due times", () => {
  const created = at("2026-01-01T00:00:00Z");
  const state = (
    trigger: Parameters<typeof readTrigger>[0],
    more: Partial<ScheduleState> = {},
  ): ScheduleState => ({
    trigger: readTrigger(trigger),
    createdAt: created,
    last: undefined,
    catchUp: true,
    ...more,
  });
  const periodic = { periodic_schedule: { interval_second: "60" } };
  const hourly = { cron_schedule: { cron: "0 0 * * * *" } };

  it("begin one interval after the creation, or after the start", () => {
    expect(nextTime(state(periodic), created)).toBe(created + 60_000);
    const start = "2026-02-01T00:00:00Z";
    expect(
      nextTime(state({ periodic_schedule: { interval_second: "60", start_time: start } }), created),
    ).toBe(at(start) + 60_000);
  });

  it("are made up for one by one with catch-up, and only the latest without", () => {
    const now = created + 10 * 60_000 + 5;
    expect(nextTime(state(periodic, { last: created + 60_000 }), now)).toBe(created + 2 * 60_000);
    expect(nextTime(state(periodic, { last: created + 60_000, catchUp: false }), now)).toBe(
      created + 10 * 60_000,
    );
    const later = at("2026-03-01T10:20:00Z");
    expect(text(nextTime(state(hourly, { catchUp: false }), later))).toBe("2026-03-01T10:00:00.000Z");
    expect(text(nextTime(state(hourly), later))).toBe("2026-01-01T01:00:00.000Z");
  });

  it("of rare cron times are found without visiting the years between", () => {
    const second = { cron_schedule: { cron: "* * * * * *" } };
    const later = at("2036-01-01T00:00:00Z");
    expect(nextTime(state(second, { catchUp: false }), later)).toBe(later);
    const yearly = state({ cron_schedule: { cron: "@yearly" } }, { catchUp: false });
    expect(text(nextTime(yearly, at("2036-06-01T00:00:00Z")))).toBe("2036-01-01T00:00:00.000Z");
  });

  it("end with the trigger", () => {
    const ended = { cron_schedule: { cron: "0 0 * * * *", end_time: "2026-01-01T02:30:00Z" } };
    expect(text(nextTime(state(ended, { catchUp: false }), at("2026-01-02T00:00:00Z")))).toBe(
      "2026-01-01T02:00:00.000Z",
    );
    expect(
      nextTime(state(ended, { last: at("2026-01-01T02:00:00Z") }), at("2026-01-02T00:00:00Z")),
    ).toBeUndefined();
  });

  it.each([
    ["no trigger", {}],
    ["two triggers", { ...periodic, ...hourly }],
    ["an interval of nothing", { periodic_schedule: { interval_second: "0" } }],
  ])("are refused of %s", (_, trigger) => {
    expect(thrown(() => readTrigger(trigger))).toBe("SERVER_SCHEDULE_INVALID");
  });
});
