import type { JsonValue } from "@sealflow/core";
import { member, setMember } from "../ir/record.js";
import { coerce } from "./coerce.js";
import { failure } from "./failure.js";
import type { TaskPlan } from "./plan.js";
import type { ArtifactValue, TaskInputValues } from "./types.js";

/** Most iterations of one loop. */
export const MAX_ITERATIONS = 1_000_000;

/** The items of a loop: parameter values or artifacts. */
export type LoopItems =
  | { readonly kind: "parameters"; readonly items: readonly JsonValue[] }
  | { readonly kind: "artifacts"; readonly items: readonly ArtifactValue[] };

/** True when a task runs once per item. */
export function isLoop(plan: TaskPlan): boolean {
  return plan.spec.parameterIterator !== undefined || plan.spec.artifactIterator !== undefined;
}

/**
 * Items of a loop: a list, or text that is a JSON list.
 *
 * @throws SealflowError `INTERPRETER_ITEMS_INVALID`
 */
export function loopItems(plan: TaskPlan, inputs: TaskInputValues): LoopItems {
  const { parameterIterator, artifactIterator } = plan.spec;
  if (artifactIterator !== undefined) {
    return within({
      kind: "artifacts",
      items: member(inputs.artifacts, artifactIterator.items.inputArtifact) ?? [],
    });
  }
  const { raw, inputParameter } = parameterIterator?.items ?? {};
  const value = inputParameter === undefined ? raw : member(inputs.parameters, inputParameter);
  const list = typeof value === "string" ? parseItems(value) : value;
  if (Array.isArray(list)) return within({ kind: "parameters", items: list });
  throw failure(
    "INTERPRETER_ITEMS_INVALID",
    `items of the loop: expected a list, got ${value === undefined ? "nothing" : JSON.stringify(value).slice(0, 80)}`,
  );
}

function parseItems(text: string): JsonValue | undefined {
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function within(items: LoopItems): LoopItems {
  if (items.items.length <= MAX_ITERATIONS) return items;
  throw failure(
    "INTERPRETER_TOO_LARGE",
    `items of the loop: expected at most ${MAX_ITERATIONS}, got ${items.items.length}`,
  );
}

/**
 * Inputs of one iteration: the loop's, and its item.
 *
 * @throws SealflowError `INTERPRETER_INPUT_TYPE` when the item is not of the declared type.
 */
export function withItem(
  plan: TaskPlan,
  inputs: TaskInputValues,
  at: { readonly items: LoopItems; readonly index: number },
): TaskInputValues {
  const { items, index } = at;
  if (items.kind === "artifacts") {
    const item = items.items[index];
    const artifacts = { ...inputs.artifacts };
    const name = plan.spec.artifactIterator?.itemInput ?? "";
    setMember(artifacts, name, item === undefined ? [] : [item]);
    return { parameters: inputs.parameters, artifacts };
  }
  const name = plan.spec.parameterIterator?.itemInput ?? "";
  const definition = member(plan.component.inputDefinitions?.parameters, name);
  const item = items.items[index] ?? null;
  const parameters = { ...inputs.parameters };
  setMember(
    parameters,
    name,
    definition === undefined || item === null ? item : coerce(item, definition, name),
  );
  return { parameters, artifacts: inputs.artifacts };
}
