/**
 * What of a sealed run's outputs stands for something hidden. Whoever orders the tasks has stand-ins where a value is sealed; an
 * output that comes out otherwise with other stand-ins is no value to show.
 */
import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  createInterpretation,
  type PipelineSpec,
  type RunContext,
  type TaskResult,
} from "@sealflow/pipeline";
import type { RunEvent } from "../events.js";

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

/** The run's outputs with everything replaced that depends on sealed values. */
export function shownRunOutputs(
  outputs: JsonObject,
  run: { readonly spec: PipelineSpec; readonly parameters: JsonObject; readonly context: RunContext },
  events: readonly RunEvent[],
): JsonObject {
  const others = outputsOtherwise(run, events);
  const same = (name: string, value: JsonValue) => JSON.stringify(others?.[name]) === JSON.stringify(value);
  return Object.fromEntries(
    Object.entries(outputs).map(([name, value]) => [name, same(name, value) ? value : sealedValue]),
  );
}

/** The outputs with other stand-ins; undefined when that can't be told, and then nothing is shown. */
function outputsOtherwise(
  run: Parameters<typeof shownRunOutputs>[1],
  events: readonly RunEvent[],
): JsonObject | undefined {
  const again = createInterpretation(run.spec, run.parameters, run.context);
  try {
    again.start();
    for (const event of lastEnds(events)) again.apply(otherwise(event));
    return again.outcome?.outputs.parameters;
  } catch {
    return undefined;
  }
}

type Finished = Extract<RunEvent, { type: "task-finished" }>;

/** The end of each task that still holds: a resumed run may have told an earlier one. */
function lastEnds(events: readonly RunEvent[]): Finished[] {
  const ends = new Map<string, Finished>();
  for (const event of events) {
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
