/**
 * Cron expressions as Kubeflow Pipelines reads them: seconds first, the last field may be missing, `?` is `*`, names of months
 * and days, `@daily` and its kin, `@every 1h30m`. Times are UTC.
 * Source: pkg.go.dev/github.com/robfig/cron v1.2.0, "CRON Expression Format", which the scheduler of KFP uses.
 */
import type { SealflowError } from "@sealflow/core";
import { invalid } from "../http/problem.js";

/** Times at which something is due. */
export interface Times {
  /** The first one later than `after`, in milliseconds since the Unix epoch; undefined when there is none in sight. */
  next(after: number): number | undefined;
  /** Set where times follow each other at this distance in milliseconds, whatever the clock says. */
  readonly intervalMs?: number;
}

interface Field {
  readonly values: ReadonlySet<number>;
  /** True for `*` and `?`, with or without a step. */
  readonly any: boolean;
}

interface Range {
  readonly name: string;
  readonly least: number;
  readonly most: number;
  readonly names?: readonly string[];
}

const months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"];
const days = ["sun", "mon", "tue", "wed", "thu", "fri", "sat"];

const ranges: readonly Range[] = [
  { name: "second", least: 0, most: 59 },
  { name: "minute", least: 0, most: 59 },
  { name: "hour", least: 0, most: 23 },
  { name: "day of month", least: 1, most: 31 },
  { name: "month", least: 1, most: 12, names: months },
  { name: "day of week", least: 0, most: 6, names: days },
];

const descriptors: Readonly<Record<string, string>> = {
  "@yearly": "0 0 0 1 1 *",
  "@annually": "0 0 0 1 1 *",
  "@monthly": "0 0 0 1 * *",
  "@weekly": "0 0 0 * * 0",
  "@daily": "0 0 0 * * *",
  "@midnight": "0 0 0 * * *",
  "@hourly": "0 0 * * * *",
};

/** Years that are searched: what is not due by then, such as 30 February, never is. */
const YEARS_AHEAD = 9;

const wrong = (message: string): SealflowError => invalid("SERVER_SCHEDULE_INVALID", `cron: ${message}`);

/** @throws SealflowError `SERVER_SCHEDULE_INVALID` */
export function parseCron(text: string): Times {
  const expression = text.trim();
  if (expression.startsWith("@every ")) return every(durationMs(expression.slice("@every ".length)));
  const plain = Object.hasOwn(descriptors, expression) ? descriptors[expression] : expression;
  if (plain === undefined || plain.startsWith("@")) {
    throw wrong(`expected one of ${Object.keys(descriptors).join(", ")}, @every DURATION, got ${text}`);
  }
  const parts = plain.split(/\s+/);
  if (parts.length === ranges.length - 1) parts.push("*");
  if (parts.length !== ranges.length) {
    throw wrong(`expected 6 fields (second minute hour day month weekday), got ${parts.length} in "${text}"`);
  }
  const fields = ranges.map((range, index) => parseField(parts[index] ?? "", range));
  return { next: (after) => search(fields, after) };
}

function parseField(text: string, range: Range): Field {
  const values = new Set<number>();
  let any = false;
  for (const part of text.split(",")) any = addPart(part, range, values) || any;
  return { values, any };
}

/** Adds the values of `*`, `5`, `1-5`, each with or without `/2`; says whether it was `*`. */
function addPart(part: string, range: Range, values: Set<number>): boolean {
  const match = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(part);
  const step = Number(match?.[2] ?? 1);
  if (match === null || step < 1) throw fieldError(part, range);
  const body = match[1] ?? "";
  const any = body === "*" || body === "?";
  const [low = "", high, ...rest] = body.split("-");
  if (rest.length > 0) throw fieldError(part, range);
  const first = any ? range.least : numberIn(low, range, part);
  const open = match[2] !== undefined && high === undefined;
  const last = any || open ? range.most : high === undefined ? first : numberIn(high, range, part);
  if (last < first) throw fieldError(part, range);
  for (let value = first; value <= last; value += step) values.add(value);
  return any;
}

function numberIn(text: string, range: Range, part: string): number {
  const named = range.names?.indexOf(text.toLowerCase()) ?? -1;
  if (named >= 0) return named + range.least;
  const value = Number(text);
  if (/^\d{1,2}$/.test(text) && value >= range.least && value <= range.most) return value;
  throw fieldError(part, range);
}

function fieldError(part: string, { name, least, most }: Range): SealflowError {
  return wrong(`${name}: expected values from ${least} to ${most}, as in 5, 1-5, */2 or 1,2, got "${part}"`);
}

function search(fields: readonly Field[], after: number): number | undefined {
  const [second, minute, hour, day, month, weekday] = fields;
  if (!second || !minute || !hour || !day || !month || !weekday) return undefined;
  const last = new Date(after).getUTCFullYear() + YEARS_AHEAD;
  for (let time = Math.floor(after / 1000) * 1000 + 1000; ; ) {
    const date = new Date(time);
    const [y, m, d] = [date.getUTCFullYear(), date.getUTCMonth(), date.getUTCDate()];
    if (y > last || Number.isNaN(y)) return undefined;
    if (!month.values.has(m + 1)) time = Date.UTC(y, m + 1, 1);
    else if (!dayFits(date, day, weekday)) time = Date.UTC(y, m, d + 1);
    else if (!hour.values.has(date.getUTCHours())) time = Date.UTC(y, m, d, date.getUTCHours() + 1);
    else if (!minute.values.has(date.getUTCMinutes())) time = (Math.floor(time / 60_000) + 1) * 60_000;
    else if (!second.values.has(date.getUTCSeconds())) time += 1000;
    else return time;
  }
}

/** Both day fields must fit when one is free; one of them suffices when both are set. */
function dayFits(date: Date, day: Field, weekday: Field): boolean {
  const fitsDay = day.values.has(date.getUTCDate());
  const fitsWeekday = weekday.values.has(date.getUTCDay());
  return day.any || weekday.any ? fitsDay && fitsWeekday : fitsDay || fitsWeekday;
}

const unitMs: Readonly<Record<string, number>> = { h: 3_600_000, m: 60_000, s: 1000 };

function durationMs(text: string): number {
  if (!/^(\d{1,6}[hms])+$/.test(text))
    throw wrong(`@every: expected a duration such as 1h30m, got "${text}"`);
  let total = 0;
  for (const [, count, unit = ""] of text.matchAll(/(\d+)([hms])/g))
    total += Number(count) * (unitMs[unit] ?? 0);
  if (total === 0) throw wrong("@every: expected at least a second");
  return total;
}

function every(intervalMs: number): Times {
  return { next: (after) => Math.floor(after / 1000) * 1000 + intervalMs, intervalMs };
}
