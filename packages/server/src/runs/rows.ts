/** Runs with their results, for lists: read from the record once a run has ended, and kept with its label. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { RunDetails, RunEvent } from "@sealflow/engine";
import type { RunRow, RuntimeState, TaskCounts } from "@sealflow/kfp";
import type { ServerContext } from "../context.js";
import { documentOf } from "../routes/runs.js";
import type { Entity } from "../store/entities.js";
import { filled, timeText } from "../store/messages.js";
import { endedStates } from "./supervisor.js";

type Parts = Pick<ServerContext, "entities" | "store">;

/** What a row tells beyond the label. */
interface Results {
  readonly pipelineName: string;
  readonly startedAt: number | null;
  readonly parameters: JsonObject;
  readonly metrics: RunRow["metrics"];
  readonly tasks: TaskCounts;
}

/** Of what is kept with a label: what an earlier version made of a record is read anew. */
const VERSION = 2;
/** Most metrics of a row: a pipeline that logs thousands would make lists of nothing else. */
const MOST_METRICS = 100;
const LONGEST_TEXT = 200;
const NO_TASKS: TaskCounts = { succeeded: 0, cached: 0, failed: 0, skipped: 0, running: 0 };

/** The row of a run. What an ended run came to is kept in its label, under the time of its end. */
export function rowOf(parts: Parts, run: Entity): RunRow {
  const results = resultsOf(parts, run);
  const error = isJsonObject(run.body.error) ? run.body.error : undefined;
  return filled({
    run_id: run.id,
    display_name: run.displayName,
    pipeline_name: results.pipelineName,
    experiment_id: run.parent,
    state: run.state,
    storage_state: run.storageState,
    created_at: timeText(run.createdAt),
    started_at: results.startedAt === null ? undefined : timeText(results.startedAt),
    finished_at: run.endedAt === null ? undefined : timeText(run.endedAt),
    recurring_run_id: run.origin,
    parameters: results.parameters,
    metrics: results.metrics,
    tasks: results.tasks,
    error: error?.message,
    error_code: error === undefined ? undefined : reasonOf(error),
  }) as unknown as RunRow;
}

function resultsOf(parts: Parts, run: Entity): Results {
  const kept = run.body.results;
  // The border of our own database: what was kept under this end is of this shape.
  if (isJsonObject(kept) && kept.version === VERSION && kept.endedAt === run.endedAt)
    return kept as unknown as Results;
  const results = readResults(parts, run);
  if (run.endedAt !== null && (endedStates as readonly string[]).includes(run.state)) {
    const body = {
      ...run.body,
      results: { ...results, version: VERSION, endedAt: run.endedAt } as unknown as JsonObject,
    };
    parts.entities.change("run", run.id, { body });
  }
  return results;
}

function readResults(parts: Parts, run: Entity): Results {
  const { store } = parts;
  if (!store.hasRun(run.id)) return waiting(parts, run);
  const details = store.getRun(run.id);
  return {
    pipelineName: details.pipelineName,
    startedAt: startOf(details),
    parameters: { ...defaultsOf(documentOf(parts, run)), ...details.parameters },
    metrics: metricsOf(details),
    tasks: countsOf(details),
  };
}

/** A run that has not started: its pipeline tells its name and defaults. */
function waiting(parts: Parts, run: Entity): Results {
  const document = documentOf(parts, run);
  const config = isJsonObject(run.body.runtime_config) ? run.body.runtime_config : {};
  const given = isJsonObject(config.parameters) ? config.parameters : {};
  const info = specOf(document)?.pipelineInfo;
  return {
    pipelineName: isJsonObject(info) && typeof info.name === "string" ? info.name : "",
    startedAt: null,
    parameters: { ...defaultsOf(document), ...given },
    metrics: {},
    tasks: NO_TASKS,
  };
}

function specOf(document: JsonObject | undefined): JsonObject | undefined {
  const inner = document?.pipeline_spec;
  return isJsonObject(inner) ? inner : document;
}

function defaultsOf(document: JsonObject | undefined): JsonObject {
  const root = specOf(document)?.root;
  const inputs = isJsonObject(root) ? root.inputDefinitions : undefined;
  const parameters = isJsonObject(inputs) ? inputs.parameters : undefined;
  if (!isJsonObject(parameters)) return {};
  const defaults = Object.entries(parameters).flatMap(([name, definition]) =>
    isJsonObject(definition) && definition.defaultValue !== undefined
      ? [[name, definition.defaultValue] as const]
      : [],
  );
  return Object.fromEntries(defaults);
}

function startOf({ tasks, createTime }: RunDetails): number {
  const starts = tasks.flatMap(({ startTime }) => (startTime === null ? [] : [Date.parse(startTime)]));
  return starts.length === 0 ? Date.parse(createTime) : Math.min(...starts);
}

/**
 * The run's figures: outputs of the pipeline under their names, then what tasks logged as `system.Metrics`. A name for
 * which not all have the same value stands behind the path of each task, so that runs are compared figure by figure,
 * whichever of their tasks ended first.
 */
export function metricsOf({ outputs, tasks }: Pick<RunDetails, "outputs" | "tasks">): RunRow["metrics"] {
  const found: Figure[] = [];
  const add = (path: string, name: string, value: JsonValue): void => {
    if (isFigure(value)) found.push({ path, name, value });
  };
  for (const [name, value] of Object.entries(outputs)) add("", name, value);
  for (const { path, artifacts } of [...tasks].sort((a, b) => comparePaths(a.path, b.path))) {
    for (const { type, metadata } of Object.values(artifacts).flat()) {
      if (type.schemaTitle !== "system.Metrics") continue;
      for (const [name, value] of Object.entries(metadata))
        if (name !== "display_name") add(path, name, value);
    }
  }
  const first = new Map<string, Figure>();
  const differs = new Set<string>();
  for (const figure of found) {
    const { value } = first.get(figure.name) ?? figure;
    if (value !== figure.value) differs.add(figure.name);
    if (!first.has(figure.name)) first.set(figure.name, figure);
  }
  const named = found.map(({ path, name, value }) => {
    const plain = path === "" || !differs.has(name);
    return [plain ? name : `${path}/${name}`, value] as const;
  });
  return Object.fromEntries([...new Map(named)].slice(0, MOST_METRICS));
}

interface Figure {
  /** Of the task; empty for an output of the pipeline. */
  readonly path: string;
  readonly name: string;
  readonly value: number | string | boolean;
}

/** Iterations in the order of their numbers. */
function comparePaths(a: string, b: string): number {
  return a.localeCompare(b, "en", { numeric: true });
}

function isFigure(value: JsonValue): value is number | string | boolean {
  if (typeof value === "string") return value.length <= LONGEST_TEXT;
  return typeof value === "number" || typeof value === "boolean";
}

function countsOf({ tasks, running }: RunDetails): TaskCounts {
  const count = (state: string): number => tasks.filter((task) => task.state === state).length;
  return {
    succeeded: count("SUCCEEDED"),
    cached: tasks.filter(({ cached }) => cached).length,
    failed: count("FAILED") + count("CANCELED"),
    skipped: count("SKIPPED"),
    running: running.length,
  };
}

function reasonOf(error: JsonObject): string | undefined {
  const details = Array.isArray(error.details) ? error.details : [];
  const info = details.find((detail) => isJsonObject(detail) && typeof detail.reason === "string");
  return isJsonObject(info) && typeof info.reason === "string" ? info.reason : undefined;
}

/** True for a run that nothing will happen to any more. */
export function hasEnded({ state }: { readonly state: string }): boolean {
  return endedStates.includes(state as RuntimeState);
}

/** Events as they are: the types of events are JSON, which the compiler can't see through their interfaces. */
export function plainEvents(events: readonly RunEvent[]): readonly JsonObject[] {
  return events as unknown as readonly JsonObject[];
}
