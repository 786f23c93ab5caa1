/** What runs have in common, and what sets them apart. */
import type { JsonValue } from "@sealflow/core";
import type { RunRow } from "@sealflow/kfp";

/** A line of the comparison: one value per run. */
export interface ComparedLine {
  readonly name: string;
  readonly values: readonly (JsonValue | undefined)[];
  readonly differs: boolean;
  /** Index of the largest and smallest number, where all are numbers and they differ. */
  readonly largest?: number;
  readonly smallest?: number;
}

/** Lines of one kind, those that differ first; names in the order of their first appearance. */
export function comparedLines(
  rows: readonly RunRow[],
  kind: "parameters" | "metrics",
): readonly ComparedLine[] {
  const names = [...new Set(rows.flatMap((row) => Object.keys(row[kind])))];
  const lines = names.map((name) => {
    const values = rows.map((row) => (Object.hasOwn(row[kind], name) ? row[kind][name] : undefined));
    const differs = new Set(values.map((value) => JSON.stringify(value))).size > 1;
    return { name, values, differs, ...(differs ? extremes(values) : {}) };
  });
  return [...lines.filter(({ differs }) => differs), ...lines.filter(({ differs }) => !differs)];
}

function extremes(values: readonly (JsonValue | undefined)[]): { largest?: number; smallest?: number } {
  const numbers = values.filter((value) => typeof value === "number");
  if (numbers.length !== values.length) return {};
  return { largest: values.indexOf(Math.max(...numbers)), smallest: values.indexOf(Math.min(...numbers)) };
}

/** A task that several runs have, and how long it took in each. Undefined: it did not run there; `cached`: no work was done. */
export interface ComparedTask {
  readonly path: string;
  readonly durations: readonly ({ readonly ms: number; readonly cached: boolean } | undefined)[];
}
