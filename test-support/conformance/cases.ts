/** The conformance pipelines: Python sources with what their runs must give, compiled by Kubeflow's own compiler. */
import { fileURLToPath } from "node:url";
import type { JsonObject, JsonValue } from "@sealflow/core";
import { runPython } from "../python.js";

/** How a leaf task must end. */
export interface ExpectedTask {
  readonly state: string;
  readonly outputs?: JsonObject;
}

/** One run, and what it must give; written by hand beside the pipeline. */
export interface ExpectedRun {
  readonly parameters: JsonObject;
  readonly state: string;
  readonly outputs: JsonObject;
  /** Texts behind output artifacts. */
  readonly artifacts: JsonObject;
  /** Every leaf, by its path as {@link shortPath} gives it. */
  readonly tasks: Readonly<Record<string, ExpectedTask>>;
}

/** A pipeline with its runs. */
export interface ConformanceCase {
  readonly name: string;
  readonly yaml: string;
  readonly runs: readonly ExpectedRun[];
  /** Codes of the findings that refuse the spec, where the compiler made a wrong one. */
  readonly refused: readonly string[] | null;
  /** True when its components can't be replaced by pure functions. */
  readonly commands: boolean;
}

/** Compiles all of them, in one process. */
export async function compileCases(): Promise<readonly ConformanceCase[]> {
  const program = fileURLToPath(new URL("compile.py", import.meta.url));
  return JSON.parse(await runPython([program])) as ConformanceCase[];
}

/** A path without the groups that only the compiler names: `for-loop-2[0]/condition-3/echo` is `[0]/echo`. */
export function shortPath(path: string): string {
  return path
    .replace(/(?<=^|\/)(?:condition(?:-branches)?|exit-handler)-\d+\//g, "")
    .replace(/(?<=^|\/)for-loop-\d+(?=\/)/g, "[-]")
    .replace(/(?<=^|\/)for-loop-\d+(?=\[)/g, "")
    .replaceAll("/[", "[");
}

/** The value with texts replaced wherever they stand. */
export function withTexts<T extends JsonValue>(value: T, texts: Readonly<Record<string, string>>): T {
  let text = JSON.stringify(value);
  for (const [from, to] of Object.entries(texts)) {
    text = text.replaceAll(JSON.stringify(from).slice(1, -1), () => JSON.stringify(to).slice(1, -1));
  }
  return JSON.parse(text) as T;
}
