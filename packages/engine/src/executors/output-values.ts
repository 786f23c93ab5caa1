/** Output parameters against their declared types. */
import { isJsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import type { ParameterType } from "@sealflow/pipeline";

/** Spellings that Go's `strconv.ParseBool`, and so the official launcher, takes for true and false. */
const booleans: Readonly<Record<string, boolean>> = Object.fromEntries([
  ...["1", "t", "T", "TRUE", "true", "True"].map((text) => [text, true]),
  ...["0", "f", "F", "FALSE", "false", "False"].map((text) => [text, false]),
]);

/**
 * A value from the executor's output file. A STRING takes any JSON value as its text, as everywhere in KFP.
 *
 * @throws SealflowError `ENGINE_OUTPUT_TYPE`
 */
export function parameterFromValue(name: string, type: ParameterType, value: JsonValue): JsonValue {
  if (type === "STRING") return typeof value === "string" ? value : JSON.stringify(value);
  if (!fits(type, value)) throw mismatch(name, type, JSON.stringify(value));
  return value;
}

/**
 * A value from the parameter's own file.
 *
 * @throws SealflowError `ENGINE_OUTPUT_TYPE`
 */
export function parameterFromText(name: string, type: ParameterType, text: string): JsonValue {
  if (type === "STRING") return text;
  const value = parse(type, text.trim());
  if (value === undefined || !fits(type, value)) throw mismatch(name, type, JSON.stringify(text));
  return value;
}

function parse(type: ParameterType, text: string): JsonValue | undefined {
  if (type === "BOOLEAN") return Object.hasOwn(booleans, text) ? booleans[text] : undefined;
  if (type === "NUMBER_INTEGER") return /^[+-]?\d+$/.test(text) ? Number(text) : undefined;
  if (type === "NUMBER_DOUBLE") return text === "" ? undefined : Number(text);
  try {
    return JSON.parse(text) as JsonValue;
  } catch {
    return undefined;
  }
}

function fits(type: ParameterType, value: JsonValue): boolean {
  switch (type) {
    case "NUMBER_INTEGER":
      return Number.isInteger(value);
    case "NUMBER_DOUBLE":
      return typeof value === "number" && Number.isFinite(value);
    case "BOOLEAN":
      return typeof value === "boolean";
    case "LIST":
      return Array.isArray(value);
    case "STRUCT":
      return isJsonObject(value);
    default:
      return true;
  }
}

function mismatch(name: string, type: ParameterType, got: string): SealflowError {
  const shown = got.length > 200 ? `${got.slice(0, 200)}…` : got;
  return new SealflowError({
    code: "ENGINE_OUTPUT_TYPE",
    message: `output parameter ${name}: expected a value of type ${type}, got ${shown}`,
  });
}
