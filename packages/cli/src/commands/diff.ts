/** `sealflow runs diff A B`. */
import { canonicalJson, type JsonValue } from "@sealflow/core";
import type { RunDetails, TaskSummary } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { formatValue } from "../render/run.js";
import { formatColumns, visible } from "../render/text.js";
import type { StoreFlags } from "../routes/runs.js";

/** A value that differs; null where a side has none. */
export interface Difference {
  readonly name: string;
  readonly a: JsonValue;
  readonly b: JsonValue;
}

/** What differs between two runs. */
export interface RunDifference {
  readonly a: string;
  readonly b: string;
  readonly samePipeline: boolean;
  readonly parameters: readonly Difference[];
  readonly outputs: readonly Difference[];
  /** States, output parameters and artifacts (by digest) of tasks, named `path`, `path.output`. */
  readonly tasks: readonly Difference[];
}

/** Compares two runs by what they recorded. */
export function compareRuns(a: RunDetails, b: RunDetails): RunDifference {
  return {
    a: a.runId,
    b: b.runId,
    samePipeline: a.specDigest === b.specDigest,
    parameters: differences(a.parameters, b.parameters),
    outputs: differences(a.outputs, b.outputs),
    tasks: differences(flatten(a.tasks), flatten(b.tasks)),
  };
}

/** `sealflow runs diff A B`. */
export async function diffRuns(context: CliContext, flags: StoreFlags, a: string, b: string): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const difference = compareRuns(store.getRun(resolveRunId(store, a)), store.getRun(resolveRunId(store, b)));
  const { stdout } = context.process;
  stdout.write(flags.json ? `${JSON.stringify(difference)}\n` : formatDifference(difference));
}

function formatDifference(difference: RunDifference): string {
  const sections = [
    ["Parameters", difference.parameters],
    ["Outputs", difference.outputs],
    ["Tasks", difference.tasks],
  ] as const;
  const shown = sections.filter(([, entries]) => entries.length > 0);
  const same = difference.samePipeline ? "The same pipeline\n" : "The pipelines differ\n";
  if (shown.length === 0) return `${same}No difference in parameters, outputs, tasks and artifacts\n`;
  const rows = (entries: readonly Difference[]) =>
    formatColumns(entries.map(({ name, a, b }) => [`  ${visible(name)}`, formatSide(a), "→", formatSide(b)]));
  return same + shown.map(([title, entries]) => `\n${title}\n${rows(entries)}`).join("");
}

function formatSide(value: JsonValue): string {
  return value === null ? "–" : formatValue(value);
}

function flatten(tasks: readonly TaskSummary[]): Record<string, JsonValue> {
  const flat: Record<string, JsonValue> = {};
  for (const task of tasks) {
    flat[task.path] = task.state;
    for (const [name, value] of Object.entries(task.outputs)) flat[`${task.path}.${name}`] = value;
    for (const [name, values] of Object.entries(task.artifacts)) {
      flat[`${task.path}.${name}`] = values.map(({ digest, uri }) => digest ?? uri).join(" ");
    }
  }
  return flat;
}

function differences(
  a: Readonly<Record<string, JsonValue>>,
  b: Readonly<Record<string, JsonValue>>,
): readonly Difference[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names
    .map((name) => ({ name, a: a[name] ?? null, b: b[name] ?? null }))
    .filter((each) => canonicalJson(each.a) !== canonicalJson(each.b));
}
