/** `sealflow runs diff A B`. */
import { canonicalJson, type JsonValue } from "@sealflow/core";
import type { RunDetails, TaskSummary } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import { formatValue } from "../render/run.js";
import { formatColumns, visible } from "../render/text.js";
import type { DiffFlags } from "../routes/runs.js";
import { recordedRun } from "./runs.js";

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
  /** States, output parameters and artifacts of tasks, named `path`, `path.output`. */
  readonly tasks: readonly Difference[];
}

/** Compares two runs by what they recorded. */
export function compareRuns(a: RunDetails, b: RunDetails): RunDifference {
  const left = new Map(a.tasks.map((task) => [task.path, task]));
  const right = new Map(b.tasks.map((task) => [task.path, task]));
  return {
    a: a.runId,
    b: b.runId,
    samePipeline: a.specDigest === b.specDigest,
    parameters: differences(a.parameters, b.parameters),
    outputs: differences(a.outputs, b.outputs),
    tasks: [...new Set([...left.keys(), ...right.keys()])].flatMap((path) =>
      taskDifferences(path, left.get(path), right.get(path)),
    ),
  };
}

/** `sealflow runs diff A B`. */
export async function diffRuns(context: CliContext, flags: DiffFlags, a: string, b: string): Promise<void> {
  const { against = flags.on, ...first } = flags;
  const second = { ...first, ...(against === undefined ? {} : { on: against }) };
  const difference = compareRuns(await recordedRun(context, first, a), await recordedRun(context, second, b));
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

function taskDifferences(
  path: string,
  a: TaskSummary | undefined,
  b: TaskSummary | undefined,
): readonly Difference[] {
  const names = new Set([...Object.keys(a?.artifacts ?? {}), ...Object.keys(b?.artifacts ?? {})]);
  const artifacts = [...names].map((name) =>
    artifactDifference(name, a?.artifacts[name], b?.artifacts[name]),
  );
  const inside = [...differences(a?.outputs ?? {}, b?.outputs ?? {}), ...artifacts.filter(isDifferent)];
  const state = { name: path, a: a?.state ?? null, b: b?.state ?? null };
  return [
    ...(isDifferent(state) ? [state] : []),
    ...inside.map(({ name, ...sides }) => ({ name: `${path}.${name}`, ...sides })),
  ];
}

type Artifacts = TaskSummary["artifacts"][string];

/**
 * Artifacts by their digests, and where an engine tells none, as Kubeflow does, by their metadata: places differ from run to
 * run and say nothing.
 */
function artifactDifference(name: string, a: Artifacts | undefined, b: Artifacts | undefined): Difference {
  const known = [...(a ?? []), ...(b ?? [])].every(({ digest }) => digest !== undefined);
  const side = (list: Artifacts | undefined): JsonValue => {
    if (list === undefined) return null;
    return known ? list.map(({ digest }) => digest).join(" ") : list.map(({ metadata }) => metadata);
  };
  return { name, a: side(a), b: side(b) };
}

function differences(
  a: Readonly<Record<string, JsonValue>>,
  b: Readonly<Record<string, JsonValue>>,
): readonly Difference[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])];
  return names.map((name) => ({ name, a: a[name] ?? null, b: b[name] ?? null })).filter(isDifferent);
}

function isDifferent({ a, b }: Difference): boolean {
  return canonicalJson(a) !== canonicalJson(b);
}
