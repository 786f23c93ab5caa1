/** Parameters of a pipeline as fields of a form: text that people write, values that the API takes. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { InputParameterDefinition, PipelineSpec } from "@sealflow/pipeline";

/** One field. */
export interface Field {
  readonly name: string;
  readonly definition: InputParameterDefinition;
}

/** What is written, by the name of the field. A field that is not in it has its default. */
export type Written = ReadonlyMap<string, string>;

/** The fields of a pipeline, in its own order. */
export function fieldsOfSpec(spec: PipelineSpec): readonly Field[] {
  const parameters = spec.root.inputDefinitions?.parameters ?? {};
  return Object.entries(parameters)
    .filter(
      ([, { parameterType }]) => parameterType !== "TASK_FINAL_STATUS" && parameterType !== "TASK_CONFIG",
    )
    .map(([name, definition]) => ({ name, definition }));
}

/** A value as it is written in its field. */
export function textFor(value: JsonValue | undefined, { parameterType }: InputParameterDefinition): string {
  if (value === undefined || value === null) return "";
  if (parameterType === "STRING" && typeof value === "string") return value;
  const indent = parameterType === "LIST" || parameterType === "STRUCT" ? 2 : undefined;
  return JSON.stringify(value, null, indent);
}

/** The value of what is written, or what is wrong with it. */
export type Reading = { readonly value: JsonValue | undefined } | { readonly problem: string };

/** Reads a field. An empty field means that no value is given: the default holds, or none where none is needed. */
export function readField(text: string, { definition }: Field): Reading {
  const { parameterType, defaultValue, isOptional, literals } = definition;
  if (parameterType === "STRING") return readText(text, definition);
  const trimmed = text.trim();
  if (trimmed === "") {
    return defaultValue !== undefined || isOptional ? { value: undefined } : { problem: "A value is needed" };
  }
  const reading = readTyped(trimmed, parameterType);
  if ("problem" in reading || literals === undefined) return reading;
  return literals.some((literal) => literal === reading.value) ? reading : { problem: oneOf(literals) };
}

function oneOf(literals: readonly JsonValue[]): string {
  return `One of ${literals.map((literal) => JSON.stringify(literal)).join(", ")} is expected`;
}

/** Text is itself, also when it is empty: only a required text without default must not be. */
function readText(text: string, { defaultValue, isOptional, literals }: InputParameterDefinition): Reading {
  if (text === "" && defaultValue === undefined) {
    return isOptional ? { value: undefined } : { problem: "A value is needed" };
  }
  if (literals !== undefined && !literals.includes(text)) return { problem: oneOf(literals) };
  return { value: text };
}

function readTyped(text: string, type: InputParameterDefinition["parameterType"]): Reading {
  switch (type) {
    case "NUMBER_INTEGER":
      return /^[-+]?\d{1,15}$/.test(text)
        ? { value: Number(text) }
        : { problem: "A whole number is expected" };
    case "NUMBER_DOUBLE": {
      const value = Number(text);
      return Number.isFinite(value) ? { value } : { problem: "A number is expected, such as 0.02 or 1e-3" };
    }
    case "BOOLEAN":
      return text === "true" || text === "false"
        ? { value: text === "true" }
        : { problem: "true or false is expected" };
    default:
      return readJson(text, type);
  }
}

function readJson(text: string, type: string): Reading {
  const wanted =
    type === "LIST"
      ? "A list in JSON is expected, such as [1, 2]"
      : 'An object in JSON is expected, such as {"a": 1}';
  try {
    const value = JSON.parse(text) as JsonValue;
    const fits =
      type === "LIST"
        ? Array.isArray(value)
        : typeof value === "object" && value !== null && !Array.isArray(value);
    return fits ? { value } : { problem: wanted };
  } catch {
    return { problem: wanted };
  }
}

/** Values of a whole form: what differs from nothing given, and what is wrong by field. */
export function readForm(
  fields: readonly Field[],
  written: Written,
): { readonly values: JsonObject; readonly problems: ReadonlyMap<string, string> } {
  const values: Record<string, JsonValue> = {};
  const problems = new Map<string, string>();
  for (const field of fields) {
    const reading = readField(written.get(field.name) ?? "", field);
    if ("problem" in reading) problems.set(field.name, reading.problem);
    else if (reading.value !== undefined) values[field.name] = reading.value;
  }
  return { values, problems };
}

/** What a form begins with: given values, and defaults for the others. */
export function writtenFrom(fields: readonly Field[], given: JsonObject): Written {
  return new Map(
    fields.map(({ name, definition }) => {
      const value = Object.hasOwn(given, name) ? given[name] : definition.defaultValue;
      return [name, textFor(value, definition)];
    }),
  );
}
