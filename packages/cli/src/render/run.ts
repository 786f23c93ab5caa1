/** A run as text. */
import { fileURLToPath } from "node:url";
import type { JsonValue } from "@sealflow/core";
import type { RunSummary, TaskSummary } from "@sealflow/engine";
import type { ArtifactValue } from "@sealflow/pipeline";
import { formatError } from "./error.js";
import type { Style } from "./style.js";
import { formatColumns, formatDuration, truncate, visible } from "./text.js";

/** A value on one line. */
export function formatValue(value: JsonValue): string {
  if (typeof value === "number") return formatNumber(value);
  return truncate(visible(typeof value === "string" ? value : JSON.stringify(value)), 100);
}

/** Whole numbers as they are; others with six significant digits, without trailing zeros. */
export function formatNumber(value: number): string {
  return Number.isInteger(value) ? String(value) : String(Number(value.toPrecision(6)));
}

/** Names and values in two columns, indented. Empty for nothing. */
export function formatValues(values: Readonly<Record<string, JsonValue>>): string {
  return formatColumns(
    Object.entries(values).map(([name, value]) => [`  ${visible(name)}`, formatValue(value)]),
  );
}

/** The state in its colour. */
export function paintState(state: string, style: Style): string {
  if (state === "SUCCEEDED") return style.green(state);
  if (state === "FAILED") return style.red(state);
  if (state === "RUNNING") return style.cyan(state);
  return style.yellow(state);
}

/** Time that a task took, or a dash when it never started. */
export function taskDuration(task: TaskSummary): string {
  if (task.startTime === null || task.endTime === null) return "–";
  if (task.cached) return "cached";
  return formatDuration(Date.parse(task.endTime) - Date.parse(task.startTime));
}

/** Tasks as a table. */
export function formatTasks(tasks: readonly TaskSummary[]): string {
  return formatColumns(tasks.map((task) => [`  ${task.state}`, visible(task.path), taskDuration(task)]));
}

/** Where the artifacts of tasks are, as a table of outputs and places; a list's members each on a line. Artifacts without content, as metrics are, have no place. */
export function formatArtifacts(tasks: readonly TaskSummary[]): string {
  const rows = tasks.flatMap(({ path, artifacts }) =>
    Object.entries(artifacts).flatMap(([output, list]) =>
      list
        .filter(hasContent)
        .map(({ uri }) => [`  ${visible(path)} / ${visible(output)}`, visible(placeOf(uri))]),
    ),
  );
  return formatColumns(rows);
}

/** What tasks leave unwritten gets a place without a digest; what is not on this machine has no digest either. */
function hasContent({ uri, digest }: ArtifactValue): boolean {
  return digest !== undefined || !uri.startsWith("file:");
}

/** The path of a local file, ready to be pasted; other URIs as they are. */
function placeOf(uri: string): string {
  if (!uri.startsWith("file:///")) return uri;
  try {
    return fileURLToPath(uri);
  } catch {
    return uri;
  }
}

/** Said wherever a run of simulated enclaves is shown. */
export const simulatedNote = "sealed, with SIMULATED enclaves: protects against nothing but mistakes";

/** How a run ended: state, number of tasks, outputs, error. */
export function formatOutcome(summary: RunSummary, elapsedMs: number, style: Style): string {
  const cached = summary.tasks.filter((task) => task.cached).length;
  const failed = summary.tasks.filter((task) => task.state === "FAILED").length;
  const counts = [
    `${summary.tasks.length} ${summary.tasks.length === 1 ? "task" : "tasks"}`,
    ...(cached > 0 ? [`${cached} cached`] : []),
    ...(failed > 0 ? [`${failed} failed`] : []),
  ].join(", ");
  const head = `Run ${summary.runId} ${paintState(summary.state, style)} in ${formatDuration(elapsedMs)} (${counts})\n`;
  const shownWithTask = summary.tasks.some((task) => task.error?.code === summary.error?.code);
  const error = summary.error === undefined || shownWithTask ? "" : formatError(summary.error, style);
  const sealed = summary.sealed === undefined ? "" : `${style.yellow(simulatedNote)}\n`;
  return head + formatValues(summary.outputs) + sealed + error;
}
