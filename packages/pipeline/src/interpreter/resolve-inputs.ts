import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { parseExpression } from "../ir/expression.js";
import { declaredDefault, valueText } from "../ir/parameter-types.js";
import { member, setMember, sortedKeys } from "../ir/record.js";
import type {
  InputParameterDefinition,
  RuntimeValue,
  TaskInputArtifact,
  TaskInputParameter,
} from "../ir/types.js";
import { coerce } from "./coerce.js";
import { failure } from "./failure.js";
import { type OutputSlots, slotValue } from "./outputs.js";
import {
  expandText,
  type PlaceholderSteps,
  type RunPlaceholders,
  runPlaceholder,
  wholePlaceholder,
} from "./placeholder-text.js";
import type { TaskPlan } from "./plan.js";
import type { ArtifactValue, TaskInputValues } from "./types.js";

/** What a task's inputs are resolved from. */
export interface InputSources {
  /** Inputs of the DAG around the task. */
  readonly dag: TaskInputValues;
  /** Outputs of a task beside it; undefined when that did not succeed. */
  readonly outputsOf: (task: string) => OutputSlots | undefined;
  /** True for a task that runs however those before it ended: an output that they don't give is absent. */
  readonly runsOnCompletion: boolean;
  /** Final status of a task beside it. */
  readonly statusOf: (task: string) => JsonObject;
  readonly placeholders: RunPlaceholders;
}

/**
 * Inputs of a task, complete and of the declared types. For an iterated task without the item's, which `withItem` adds.
 *
 * @throws SealflowError `INTERPRETER_INPUT_…`
 */
export function resolveInputs(plan: TaskPlan, sources: InputSources): TaskInputValues {
  return {
    parameters: resolveParameters(plan, sources),
    artifacts: resolveArtifacts(plan, sources),
  };
}

/**
 * The value of an input parameter that belongs to the task without being an input of its component, as in a platform
 * document: of the DAG around it, of a task beside it, or a constant, which may speak of the task's inputs.
 *
 * @throws SealflowError `INTERPRETER_OUTPUT_UNAVAILABLE`, `INTERPRETER_SELECTOR_FAILED`
 */
export function besideValue(
  name: string,
  input: TaskInputParameter,
  { known, sources }: { known: Readonly<Record<string, JsonValue>>; sources: InputSources },
): JsonValue | undefined {
  const constant = input.runtimeValue?.constant;
  if (constant !== undefined && hasPlaceholder(constant))
    return expandConstant(constant, { known, sources, text: false });
  return selected(input, boundValue(name, input, sources), name);
}

function resolveParameters(plan: TaskPlan, sources: InputSources): Record<string, JsonValue> {
  const given = plan.spec.inputs?.parameters;
  const definitions = plan.component.inputDefinitions?.parameters;
  const values: Record<string, JsonValue> = {};
  const templates: string[] = [];
  for (const name of sortedKeys(given)) {
    const input = member(given, name);
    if (input === undefined) continue;
    if (hasPlaceholder(input.runtimeValue?.constant)) templates.push(name);
    else bind(values, name, { plan, value: selected(input, boundValue(name, input, sources), name) });
  }
  // Constants with placeholders refer to the other inputs: the compiler makes them of f-strings.
  const known = { ...values };
  for (const name of templates) {
    const constant = member(given, name)?.runtimeValue?.constant ?? null;
    const own = member(definitions, name);
    const value = expandConstant(constant, { known, sources, text: own?.parameterType === "STRING" });
    const input = member(given, name);
    bind(values, name, { plan, value: input === undefined ? value : selected(input, value, name) });
  }
  for (const name of sortedKeys(definitions)) {
    if (Object.hasOwn(values, name) || plan.spec.parameterIterator?.itemInput === name) continue;
    bind(values, name, { plan, value: undefined });
  }
  return values;
}

/** Sets an input: its value in the declared type, or what stands for a value that is absent or null. */
function bind(
  values: Record<string, JsonValue>,
  name: string,
  { plan, value }: { plan: TaskPlan; value: JsonValue | undefined },
): void {
  const definition = member(plan.component.inputDefinitions?.parameters, name);
  if (value !== undefined && value !== null) {
    setMember(values, name, definition === undefined ? value : coerce(value, definition, name));
    return;
  }
  if (definition === undefined) return;
  const fallback = absent(definition, name, value === null);
  if (fallback !== null) setMember(values, name, coerce(fallback, definition, name));
  // A DAG passes the null on; an executor's optional input is left out.
  else if (plan.component.dag !== undefined) setMember(values, name, null);
}

/** The default of a parameter without a value, or null when it may go without. */
function absent(definition: InputParameterDefinition, name: string, isNull: boolean): JsonValue {
  const fallback = declaredDefault(definition);
  if (fallback !== undefined && fallback !== null) return fallback;
  if (definition.isOptional === true || fallback === null) return null;
  if (definition.parameterType === "TASK_CONFIG") return {};
  throw failure(
    "INTERPRETER_INPUT_MISSING",
    `input ${name}: expected a value, got ${isNull ? "null" : "none"}, and it has no default`,
  );
}

/** The value that an input is bound to; undefined when there is none. */
function boundValue(name: string, input: TaskInputParameter, sources: InputSources): JsonValue | undefined {
  if (input.componentInputParameter !== undefined) {
    return member(sources.dag.parameters, input.componentInputParameter);
  }
  if (input.taskOutputParameter !== undefined) {
    const { producerTask, outputParameterKey } = input.taskOutputParameter;
    const outputs = sources.outputsOf(producerTask);
    if (outputs === undefined) return undefined;
    const slot = member(outputs.parameters, outputParameterKey);
    if (slot !== undefined && slot.kind !== "unavailable") return slotValue(slot);
    if (sources.runsOnCompletion) return undefined;
    throw failure(
      "INTERPRETER_OUTPUT_UNAVAILABLE",
      `input ${name}: expected ${producerTask}'s output ${outputParameterKey}, got none: ${slot?.reason ?? "it gives no such output"}`,
    );
  }
  if (input.taskFinalStatus !== undefined) return sources.statusOf(input.taskFinalStatus.producerTask);
  if (input.runtimeValue !== undefined) return runtimeValue(input.runtimeValue, sources.dag);
  return undefined;
}

/** A constant in either of its spellings, or a run parameter. */
function runtimeValue(value: RuntimeValue, dag: TaskInputValues): JsonValue | undefined {
  if (value.runtimeParameter !== undefined) return member(dag.parameters, value.runtimeParameter);
  const legacy = value.constantValue;
  if (legacy === undefined) return value.constant;
  if (legacy.intValue !== undefined) return Number(legacy.intValue);
  return legacy.doubleValue ?? legacy.stringValue;
}

/** What an input's selector takes out of a value; the value itself without one. */
function selected(
  input: TaskInputParameter,
  value: JsonValue | undefined,
  name: string,
): JsonValue | undefined {
  const selector = input.parameterExpressionSelector;
  if (selector === undefined || selector === "" || value === undefined) return value;
  try {
    return parseExpression(selector, "selector").evaluate(selectorBindings(value));
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw failure("INTERPRETER_SELECTOR_FAILED", `input ${name}: ${reason}`);
  }
}

/** Fields of `google.protobuf.Value` that are set, and `string_value`, which is always the value's text. */
function selectorBindings(value: JsonValue): Record<string, JsonValue> {
  const bindings: Record<string, JsonValue> = { string_value: valueText(value) };
  if (value === null) bindings.null_value = null;
  else if (typeof value === "number") bindings.number_value = value;
  else if (typeof value === "boolean") bindings.bool_value = value;
  else if (Array.isArray(value)) bindings.list_value = value;
  else if (typeof value === "object") bindings.struct_value = value;
  return bindings;
}

function hasPlaceholder(value: JsonValue | undefined): boolean {
  if (typeof value === "string") return value.includes("{{$");
  if (Array.isArray(value)) return value.some(hasPlaceholder);
  return isJsonObject(value) && Object.values(value).some(hasPlaceholder);
}

/** A constant with its placeholders replaced, also inside lists and structs. */
function expandConstant(
  constant: JsonValue,
  at: { known: Readonly<Record<string, JsonValue>>; sources: InputSources; text: boolean },
): JsonValue {
  if (typeof constant === "string") {
    const steps = wholePlaceholder(constant);
    const whole = steps === undefined ? undefined : parameterAt(steps, at.known);
    // Exactly one placeholder stands for the value itself, whatever its type.
    if (whole !== undefined && !at.text) return whole;
    return expandText(constant, (found) => {
      const value = parameterAt(found, at.known);
      return value === undefined ? runPlaceholder(found, at.sources.placeholders) : valueText(value);
    });
  }
  if (Array.isArray(constant)) return constant.map((item: JsonValue) => expandConstant(item, at));
  if (!isJsonObject(constant)) return constant;
  const result: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(constant)) setMember(result, key, expandConstant(value, at));
  return result;
}

function parameterAt(
  steps: PlaceholderSteps,
  known: Readonly<Record<string, JsonValue>>,
): JsonValue | undefined {
  const [inputs, parameters, name] = steps;
  if (steps.length !== 3 || inputs !== "inputs" || parameters !== "parameters") return undefined;
  return member(known, name ?? "");
}

function resolveArtifacts(plan: TaskPlan, sources: InputSources): Record<string, readonly ArtifactValue[]> {
  const given = plan.spec.inputs?.artifacts;
  const definitions = plan.component.inputDefinitions?.artifacts;
  const values: Record<string, readonly ArtifactValue[]> = {};
  for (const name of sortedKeys(given)) {
    const input = member(given, name);
    const artifacts = input === undefined ? undefined : artifactsOf(name, input, sources);
    if (artifacts !== undefined) setMember(values, name, artifacts);
  }
  for (const name of sortedKeys(definitions)) {
    if (plan.spec.artifactIterator?.itemInput === name) continue;
    checkArtifacts(name, { plan, artifacts: member(values, name) });
  }
  return values;
}

function checkArtifacts(
  name: string,
  { plan, artifacts }: { plan: TaskPlan; artifacts: readonly ArtifactValue[] | undefined },
): void {
  const definition = member(plan.component.inputDefinitions?.artifacts, name);
  if (artifacts === undefined && definition?.isOptional !== true) {
    throw failure("INTERPRETER_INPUT_MISSING", `input ${name}: expected an artifact, got none`);
  }
  const single = plan.component.dag === undefined && definition?.isArtifactList !== true;
  if (single && artifacts !== undefined && artifacts.length !== 1) {
    throw failure(
      "INTERPRETER_INPUT_TYPE",
      `input ${name}: expected one artifact, got a list of ${artifacts.length}`,
    );
  }
}

function artifactsOf(
  name: string,
  input: TaskInputArtifact,
  sources: InputSources,
): readonly ArtifactValue[] | undefined {
  if (input.componentInputArtifact !== undefined) {
    return member(sources.dag.artifacts, input.componentInputArtifact);
  }
  if (input.taskOutputArtifact === undefined) return undefined;
  const { producerTask, outputArtifactKey } = input.taskOutputArtifact;
  const outputs = sources.outputsOf(producerTask);
  if (outputs === undefined) return undefined;
  const slot = member(outputs.artifacts, outputArtifactKey);
  if (slot?.kind === "artifacts") return slot.artifacts;
  if (sources.runsOnCompletion) return undefined;
  throw failure(
    "INTERPRETER_OUTPUT_UNAVAILABLE",
    `input ${name}: expected ${producerTask}'s artifact ${outputArtifactKey}, got none: ${slot?.reason ?? "it gives no such output"}`,
  );
}
