/** Values as people read them. */
import type { JsonValue } from "@sealflow/core";

/** For example `820 ms`, `4.2 s`, `3 min 05 s`, `2 h 04 min`. */
export function formatDuration(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`;
  const seconds = ms / 1000;
  if (seconds < 59.95) return `${seconds.toFixed(1)} s`;
  const whole = Math.round(seconds);
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${String(whole % 60).padStart(2, "0")} s`;
  const minutes = Math.round(seconds / 60);
  if (minutes < 2880) return `${Math.floor(minutes / 60)} h ${String(minutes % 60).padStart(2, "0")} min`;
  return `${Math.round(minutes / 1440)} days`;
}

/** For example `812 B`, `1.4 kB`, `95.4 MB`: powers of ten. */
export function formatBytes(bytes: number): string {
  const units = ["B", "kB", "MB", "GB", "TB"];
  let value = bytes;
  let at = 0;
  while (value >= 999.5 && at < units.length - 1) {
    value /= 1000;
    at += 1;
  }
  return `${at === 0 || value >= 99.5 ? Math.round(value) : value.toFixed(1)} ${units[at]}`;
}

/** At most six significant digits; whole numbers as they are, with narrow spaces between thousands. */
export function formatNumber(value: number): string {
  if (!Number.isFinite(value)) return String(value);
  if (Number.isInteger(value) && Math.abs(value) < 1e15) return grouped(String(value));
  const size = Math.abs(value);
  if (size >= 1e9 || size < 1e-4) return value.toExponential(3).replace("e", " e");
  return String(Number(value.toPrecision(6)));
}

function grouped(digits: string): string {
  return digits.replace(/\B(?=(\d{3})+(?!\d))/g, digits.replace("-", "").length > 4 ? "\u202f" : "");
}

/** A parameter or metric in one line. */
export function formatValue(value: JsonValue | undefined): string {
  if (value === undefined || value === null) return "–";
  if (typeof value === "number") return formatNumber(value);
  if (value === "") return "“”";
  if (typeof value === "string") return value;
  return JSON.stringify(value);
}

const units: readonly [Intl.RelativeTimeFormatUnit, number][] = [
  ["day", 86_400_000],
  ["hour", 3_600_000],
  ["minute", 60_000],
];
const relative = new Intl.RelativeTimeFormat("en", { numeric: "auto" });

/** For example `just now`, `5 minutes ago`, `yesterday`; a date when it is longer ago than a week. */
export function formatAgo(time: number, now: number): string {
  const elapsed = time - now;
  if (Math.abs(elapsed) >= 7 * 86_400_000) return formatDate(time);
  for (const [unit, ms] of units) {
    if (Math.abs(elapsed) >= ms) return relative.format(Math.round(elapsed / ms), unit);
  }
  return elapsed > 0 ? "in a moment" : "just now";
}

const dateFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium" });
const timeFormat = new Intl.DateTimeFormat("en-GB", { dateStyle: "medium", timeStyle: "medium" });

/** A day, for example `25 Nov 2026`. */
export function formatDate(time: number): string {
  return dateFormat.format(time);
}

/** A moment in this browser's time zone. */
export function formatTime(time: number): string {
  return timeFormat.format(time);
}

/** The beginning of a digest or id, long enough to tell it from others. */
export function shortDigest(digest: string): string {
  return digest.replace(/^sha256:/, "").slice(0, 12);
}

/** A count with its noun, for example `1 run`, `12 runs`. */
export function plural(count: number, noun: string): string {
  return `${formatNumber(count)} ${noun}${count === 1 ? "" : "s"}`;
}
