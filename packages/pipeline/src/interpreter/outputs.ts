import type { JsonValue } from "@sealflow/core";
import { member, setMember, sortedKeys } from "../ir/record.js";
import type { ComponentSpec, ParameterSelector } from "../ir/types.js";
import type { ArtifactValue, TaskOutputs } from "./types.js";

/**
 * What stands behind an output. `collected` are the values of a loop's iterations, in order. A loop around it makes a
 * list of such lists, as documented for the Python SDK; asked for what the official backend does, one flat list.
 */
export type ParameterSlot =
  | { readonly kind: "value"; readonly value: JsonValue }
  | { readonly kind: "collected"; readonly values: readonly JsonValue[] }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Artifacts behind an output; those of a loop are all of its iterations' in order. */
export type ArtifactSlot =
  | { readonly kind: "artifacts"; readonly artifacts: readonly ArtifactValue[] }
  | { readonly kind: "unavailable"; readonly reason: string };

/** Outputs of a task, leaf or not. Null-prototype-free lookups go through `member`. */
export interface OutputSlots {
  readonly parameters: Readonly<Record<string, ParameterSlot>>;
  readonly artifacts: Readonly<Record<string, ArtifactSlot>>;
}

/** What lists of nested loops become: lists of lists, or one flat list. */
export type Nesting = "nested" | "flat";

/** Slots of nothing. */
export const NO_OUTPUTS: OutputSlots = { parameters: {}, artifacts: {} };

/** The value that a consumer of an output sees. */
export function slotValue(slot: ParameterSlot): JsonValue | undefined {
  if (slot.kind === "value") return slot.value;
  return slot.kind === "collected" ? slot.values : undefined;
}

/** Slots of a leaf task's reported outputs. */
export function slotsOfLeaf(outputs: TaskOutputs): OutputSlots {
  const parameters: Record<string, ParameterSlot> = {};
  const artifacts: Record<string, ArtifactSlot> = {};
  for (const [key, value] of Object.entries(outputs.parameters)) {
    setMember<ParameterSlot>(parameters, key, { kind: "value", value });
  }
  for (const [key, list] of Object.entries(outputs.artifacts)) {
    setMember<ArtifactSlot>(artifacts, key, { kind: "artifacts", artifacts: list });
  }
  return { parameters, artifacts };
}

/** Outputs of a task of the DAG, or undefined when it did not succeed. */
export type Producers = (task: string) => OutputSlots | undefined;

/** Slots of a finished DAG: each output from the task that its selector names; of several, the first that succeeded. */
export function slotsOfDag(component: ComponentSpec, producers: Producers): OutputSlots {
  const outputs = component.dag?.outputs;
  const parameters: Record<string, ParameterSlot> = {};
  for (const key of sortedKeys(outputs?.parameters)) {
    const output = member(outputs?.parameters, key);
    const one = output?.valueFromParameter;
    const selectors = one === undefined ? (output?.valueFromOneof?.parameterSelectors ?? []) : [one];
    setMember(parameters, key, parameterFrom(selectors, producers));
  }
  const artifacts: Record<string, ArtifactSlot> = {};
  for (const key of sortedKeys(outputs?.artifacts)) {
    const selectors = member(outputs?.artifacts, key)?.artifactSelectors ?? [];
    let found: ArtifactSlot | undefined;
    for (const { producerSubtask, outputArtifactKey } of selectors) {
      found ??= member(producers(producerSubtask)?.artifacts, outputArtifactKey);
    }
    setMember(artifacts, key, found ?? noneOf(selectors));
  }
  return { parameters, artifacts };
}

function parameterFrom(selectors: readonly ParameterSelector[], producers: Producers): ParameterSlot {
  for (const { producerSubtask, outputParameterKey } of selectors) {
    const slot = member(producers(producerSubtask)?.parameters, outputParameterKey);
    if (slot !== undefined) return slot;
  }
  return noneOf(selectors);
}

function noneOf(selectors: readonly { readonly producerSubtask: string }[]): {
  kind: "unavailable";
  reason: string;
} {
  const names = selectors.map((selector) => selector.producerSubtask).join(", ");
  return { kind: "unavailable", reason: `none of its producers succeeded (${names})` };
}

/**
 * Slots of a finished loop: every iteration's, in order. An iteration whose producer was skipped by a condition adds
 * nothing, so that a list can be shorter than the loop.
 */
export function slotsOfLoop(
  component: ComponentSpec,
  iterations: readonly OutputSlots[],
  nesting: Nesting,
): OutputSlots {
  const parameters: Record<string, ParameterSlot> = {};
  for (const key of sortedKeys(component.outputDefinitions?.parameters)) {
    setMember(parameters, key, collectParameter(key, iterations, nesting));
  }
  const artifacts: Record<string, ArtifactSlot> = {};
  for (const key of sortedKeys(component.outputDefinitions?.artifacts)) {
    setMember(artifacts, key, collectArtifacts(key, iterations));
  }
  return { parameters, artifacts };
}

function collectParameter(key: string, iterations: readonly OutputSlots[], nesting: Nesting): ParameterSlot {
  const values: JsonValue[] = [];
  for (const iteration of iterations) {
    const slot = member(iteration.parameters, key);
    if (slot?.kind === "value") values.push(slot.value);
    if (slot?.kind !== "collected") continue;
    if (nesting === "nested") values.push(slot.values);
    else for (const value of slot.values) values.push(value);
  }
  return { kind: "collected", values };
}

function collectArtifacts(key: string, iterations: readonly OutputSlots[]): ArtifactSlot {
  const artifacts: ArtifactValue[] = [];
  for (const iteration of iterations) {
    const slot = member(iteration.artifacts, key);
    if (slot?.kind === "artifacts") for (const artifact of slot.artifacts) artifacts.push(artifact);
  }
  return { kind: "artifacts", artifacts };
}

/** What is available of a task's outputs, as values. */
export function materialise(slots: OutputSlots): TaskOutputs {
  const parameters: Record<string, JsonValue> = {};
  for (const [key, slot] of Object.entries(slots.parameters)) {
    const value = slotValue(slot);
    if (value !== undefined) setMember(parameters, key, value);
  }
  const artifacts: Record<string, readonly ArtifactValue[]> = {};
  for (const [key, slot] of Object.entries(slots.artifacts)) {
    if (slot.kind === "artifacts") setMember(artifacts, key, slot.artifacts);
  }
  return { parameters, artifacts };
}
