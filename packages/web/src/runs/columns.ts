/** The columns of the list: some fixed, and one for each parameter and metric that tells runs apart. */
import type { JsonValue } from "@sealflow/core";
import type { RunRow } from "@sealflow/kfp";

/** A column beyond the fixed ones. */
export interface Column {
  /** `metrics.NAME` or `parameters.NAME`. */
  readonly key: string;
  readonly name: string;
  readonly kind: "metrics" | "parameters";
  /** True when all its values are numbers. */
  readonly numeric: boolean;
  /** True when the runs that have it differ in it. */
  readonly varies: boolean;
}

/** Columns that are shown when nothing was chosen. */
const MOST_METRICS = 5;
const MOST_PARAMETERS = 4;

/** All columns that these runs give: metrics first, and of each kind first those that most runs have. */
export function columnsOf(rows: readonly RunRow[]): readonly Column[] {
  return (["metrics", "parameters"] as const).flatMap((kind) => {
    const counts = new Map<string, number>();
    for (const name of rows.flatMap((row) => Object.keys(row[kind])))
      counts.set(name, (counts.get(name) ?? 0) + 1);
    const names = [...counts].sort(([, a], [, b]) => b - a).map(([name]) => name);
    return names.map((name) => columnOf(rows, kind, name));
  });
}

function columnOf(rows: readonly RunRow[], kind: Column["kind"], name: string): Column {
  const values = rows.flatMap((row) => (Object.hasOwn(row[kind], name) ? [row[kind][name]] : []));
  const different = new Set(values.map((value) => JSON.stringify(value)));
  return {
    key: `${kind}.${name}`,
    name,
    kind,
    numeric: values.every((value) => typeof value === "number"),
    varies: different.size > 1,
  };
}

/** The columns to show: those chosen, or the numbers that came out and the parameters that differ. */
export function shownColumns(all: readonly Column[], chosen: string | null): readonly Column[] {
  if (chosen !== null) {
    const keys = new Set(chosen.split(","));
    return all.filter(({ key }) => keys.has(key));
  }
  const metrics = all.filter(({ kind, numeric }) => kind === "metrics" && numeric).slice(0, MOST_METRICS);
  const differing = all.filter(({ kind, varies }) => kind === "parameters" && varies);
  return [...metrics, ...differing.slice(0, MOST_PARAMETERS)];
}

/** The value of a run in a column. */
export function cellOf(row: RunRow, { kind, name }: Pick<Column, "kind" | "name">): JsonValue | undefined {
  return Object.hasOwn(row[kind], name) ? row[kind][name] : undefined;
}

/** How long a run took or has been running, in milliseconds; undefined before it starts. */
export function durationOf(row: RunRow, now: number): number | undefined {
  if (row.started_at === undefined) return undefined;
  const end = row.finished_at === undefined ? now : Date.parse(row.finished_at);
  return Math.max(0, end - Date.parse(row.started_at));
}

/** What a list is sorted by. */
export interface Sort {
  /** `name`, `state`, `pipeline`, `created`, `duration`, or a column's key. */
  readonly key: string;
  readonly descending: boolean;
}

/** Reads `key` or `-key`; newest first when there is none. */
export function parseSort(text: string | null): Sort {
  if (text === null || text === "") return { key: "created", descending: true };
  return text.startsWith("-") ? { key: text.slice(1), descending: true } : { key: text, descending: false };
}

/** The sort that a click on a column's head leads to: the other direction, or large and new values first. */
export function nextSort(now: Sort, key: string): string {
  if (now.key === key) return now.descending ? key : `-${key}`;
  return key === "name" || key === "state" || key === "pipeline" ? key : `-${key}`;
}

/** Runs in order. Those without a value come last in either direction. */
export function sorted(rows: readonly RunRow[], { key, descending }: Sort, now: number): readonly RunRow[] {
  const direction = descending ? -1 : 1;
  const keyed = rows.map((row) => ({ row, value: sortValue(row, key, now) }));
  keyed.sort((a, b) => {
    if (a.value === undefined || b.value === undefined) {
      return Number(a.value === undefined) - Number(b.value === undefined);
    }
    return direction * order(a.value, b.value);
  });
  return keyed.map(({ row }) => row);
}

function sortValue(row: RunRow, key: string, now: number): number | string | undefined {
  switch (key) {
    case "name":
      return row.display_name.toLowerCase();
    case "state":
      return row.state;
    case "pipeline":
      return row.pipeline_name;
    case "created":
      return Date.parse(row.created_at);
    case "duration":
      return durationOf(row, now);
  }
  const dot = key.indexOf(".");
  const kind = key.slice(0, dot);
  if (kind !== "metrics" && kind !== "parameters") return undefined;
  const value = cellOf(row, { kind, name: key.slice(dot + 1) });
  if (value === undefined || value === null) return undefined;
  return typeof value === "number" || typeof value === "string" ? value : JSON.stringify(value);
}

function order(a: number | string, b: number | string): number {
  if (typeof a === "number" && typeof b === "number") return a - b;
  if (typeof a === "number") return -1;
  if (typeof b === "number") return 1;
  return a < b ? -1 : a > b ? 1 : 0;
}
