/**
 * What of a sealed run's outputs stands for something hidden. Whoever orders the tasks has stand-ins where a value is sealed; an
 * output that comes out otherwise with other stand-ins is no value to show.
 */
import { canonicalJson, type JsonObject, type JsonValue } from "@sealflow/core";
import {
  createInterpretation,
  type Decision,
  type Interpretation,
  type PipelineSpec,
  type RunContext,
  type TaskPath,
  type TaskResult,
} from "@sealflow/pipeline";
import type { RunEvent, RunEventBody } from "../events.js";

/** What is shown in place of a sealed value. */
export const sealedValue = "(sealed)";

/** Output parameters with what is sealed replaced. */
export function shown(parameters: JsonObject, hidden: readonly string[] = []): JsonObject {
  if (hidden.length === 0) return parameters;
  const entries = Object.entries(parameters);
  return Object.fromEntries(
    entries.map(([name, value]) => [name, hidden.includes(name) ? sealedValue : value]),
  );
}

/** Another value of the same type. */
function other(value: JsonValue): JsonValue {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return `${value} `;
  return Array.isArray(value) ? [...value, null] : { ...(value as JsonObject), other: true };
}

/** What a run is evaluated from. */
export interface EvaluatedRun {
  readonly spec: PipelineSpec;
  readonly parameters: JsonObject;
  readonly context: RunContext;
}

/** The run's outputs with everything replaced that depends on sealed values. */
export function shownRunOutputs(
  outputs: JsonObject,
  run: EvaluatedRun,
  events: readonly RunEvent[],
): JsonObject {
  const others = outputsOtherwise(run, events);
  const same = (name: string, value: JsonValue) => JSON.stringify(others?.[name]) === JSON.stringify(value);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, same(name, value) ? value : sealedValue]),
  );
}

/** The outputs with other stand-ins; undefined when that can't be told, and then nothing is shown. */
function outputsOtherwise(run: EvaluatedRun, events: readonly RunEvent[]): JsonObject | undefined {
  return new OtherStandIns(run, events).outputs;
}

/**
 * The same run with other stand-ins, evaluated beside the one that orders the tasks: what a task is given, or a group of tasks
 * gives, and differs here depends on sealed values.
 */
class OtherStandIns {
  readonly #interpretation: Interpretation;
  /** By event type and path. */
  readonly #values = new Map<string, JsonObject>();
  /** True once it can't be told any more what would have been: then everything counts as sealed. */
  #lost = false;

  constructor({ spec, parameters, context }: EvaluatedRun, earlier: readonly RunEvent[]) {
    this.#interpretation = createInterpretation(spec, parameters, context);
    this.#follow(() => this.#interpretation.start());
    for (const event of lastEnds(earlier)) this.apply(event);
  }

  /** Follows a task's end. */
  apply(event: Finished): void {
    this.#follow(() => this.#interpretation.apply(otherwise(event)));
  }

  get outputs(): JsonObject | undefined {
    return this.#lost ? undefined : this.#interpretation.outcome?.outputs.parameters;
  }

  /** Names of values that would be others with other stand-ins. */
  differing(what: "task" | "dag", path: TaskPath, values: JsonObject): string[] {
    const others = this.#lost ? undefined : this.#values.get(`${what} ${path}`);
    return Object.entries(values)
      .filter(([name, value]) => canonicalJson(value) !== canonicalJson(others?.[name] ?? absent))
      .map(([name]) => name);
  }

  #follow(step: () => readonly Decision[]): void {
    if (this.#lost) return;
    try {
      for (const decision of step()) {
        if (decision.kind === "run")
          this.#values.set(`task ${decision.task.path}`, decision.task.inputs.parameters);
        if (decision.kind === "finish-dag")
          this.#values.set(`dag ${decision.path}`, decision.outputs.parameters);
      }
    } catch {
      this.#lost = true;
    }
  }
}

/** No parameter's value: what is compared with it differs. */
const absent = { absent: "from the other evaluation" };

/** Marks what in a sealed run's events depends on sealed values, before they are written. */
export function eventMarker(
  run: EvaluatedRun,
  earlier: readonly RunEvent[],
): (event: RunEventBody) => RunEventBody {
  const others = new OtherStandIns(run, earlier);
  return (event) => {
    if (event.type === "task-finished") others.apply(event);
    if (event.type === "task-started") {
      const { parameters } = event.inputs;
      const hidden = others.differing("task", event.path, parameters);
      return hidden.length === 0
        ? event
        : { ...event, inputs: { ...event.inputs, parameters: shown(parameters, hidden) }, hidden };
    }
    if (event.type === "dag-finished") {
      const { parameters } = event.outputs;
      const hidden = others.differing("dag", event.path, parameters);
      return hidden.length === 0
        ? event
        : { ...event, outputs: { ...event.outputs, parameters: shown(parameters, hidden) }, hidden };
    }
    return event;
  };
}

type Finished = Extract<RunEventBody, { type: "task-finished" }>;

/** The end of each task that still holds: a resumed run may have told an earlier one. */
function lastEnds(events: readonly RunEvent[]): Finished[] {
  const ends = new Map<string, Finished>();
  for (const event of events) {
    if (event.type === "run-started") for (const path of event.dropped ?? []) ends.delete(path);
    if (event.type !== "task-finished") continue;
    ends.delete(event.path);
    ends.set(event.path, event);
  }
  return [...ends.values()];
}

function otherwise(event: Finished): TaskResult {
  const { path, state, outputs, error, hidden = [] } = event;
  const parameters = Object.fromEntries(
    Object.entries(outputs?.parameters ?? {}).map(([name, value]) => [
      name,
      hidden.includes(name) ? other(value) : value,
    ]),
  );
  return {
    path,
    state,
    ...(outputs === undefined ? {} : { outputs: { ...outputs, parameters } }),
    ...(error === undefined ? {} : { error }),
  };
}
