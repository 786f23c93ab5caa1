import { isJsonObject, type JsonValue } from "@sealflow/core";
import { shown } from "./decode/decode.js";
import type { InputParameterDefinition, ParameterType } from "./types.js";

/** True when a value is of a parameter type as it stands; null is of none. Integers must be integral. */
export function isOfType(value: JsonValue, type: ParameterType): boolean {
  switch (type) {
    case "STRING":
      return typeof value === "string";
    case "NUMBER_INTEGER":
      return typeof value === "number" && Number.isInteger(value);
    case "NUMBER_DOUBLE":
      return typeof value === "number";
    case "BOOLEAN":
      return typeof value === "boolean";
    case "LIST":
      return Array.isArray(value);
    case "STRUCT":
    case "TASK_FINAL_STATUS":
    case "TASK_CONFIG":
      return isJsonObject(value);
    default:
      return false;
  }
}

/**
 * True when a parameter of one declared type can be given to another: STRING takes anything as JSON text, integers and
 * doubles are both JSON numbers, a task's final status is a struct.
 */
export function isAssignable(from: ParameterType, to: ParameterType): boolean {
  if (from === to || to === "STRING") return true;
  return kindOf(from) === kindOf(to);
}

function kindOf(type: ParameterType): string {
  if (type === "NUMBER_INTEGER" || type === "NUMBER_DOUBLE") return "number";
  if (type === "TASK_FINAL_STATUS" || type === "TASK_CONFIG") return "STRUCT";
  return type;
}

/**
 * Text of a value as the official backend gives it to STRING parameters and placeholders: strings as they are, numbers
 * without exponent, lists and structs as JSON.
 */
export function valueText(value: JsonValue): string {
  if (typeof value === "string") return value;
  if (typeof value === "number") return numberText(value);
  if (value === null) return "";
  return JSON.stringify(value);
}

/** Decimal digits of a number, never in exponent form. */
function numberText(value: number): string {
  const text = String(value);
  const match = /^(-?)(\d)(?:\.(\d+))?e([+-]\d+)$/.exec(text);
  if (match === null) return text;
  const [, sign = "", lead = "", fraction = "", exponent = "0"] = match;
  const digits = lead + fraction;
  const point = 1 + Number(exponent);
  if (point <= 0) return `${sign}0.${"0".repeat(-point)}${digits}`;
  return sign + digits.padEnd(point, "0");
}

/** True when a list of literals is absent, empty, or holds the value (by JSON equality). */
export function isAllowedLiteral(value: JsonValue, literals: readonly JsonValue[] | undefined): boolean {
  if (literals === undefined || literals.length === 0) return true;
  const text = JSON.stringify(value);
  return literals.some((literal) => JSON.stringify(literal) === text);
}

/** What is wrong with a value for a parameter: type first, then literals. */
export function valueProblem(
  value: JsonValue,
  type: ParameterType,
  literals?: readonly JsonValue[],
): string | undefined {
  if (!isOfType(value, type)) return `expected ${typeName(type)}, got ${kindName(value)}`;
  if (!isAllowedLiteral(value, literals)) {
    return `expected one of ${(literals ?? []).map((literal) => JSON.stringify(literal)).join(", ")}, got ${shown(value)}`;
  }
  return undefined;
}

/**
 * A parameter's default in its declared type. Older compilers wrote all defaults as text, and the official backend hands
 * them on unread: a text that is such a value stands for it, and so does any value for its text.
 */
export function declaredDefault({
  defaultValue,
  parameterType,
}: InputParameterDefinition): JsonValue | undefined {
  if (defaultValue === undefined || defaultValue === null || isOfType(defaultValue, parameterType))
    return defaultValue;
  if (parameterType === "STRING") return valueText(defaultValue);
  if (typeof defaultValue !== "string") return defaultValue;
  try {
    const text = parameterType === "BOOLEAN" ? defaultValue.toLowerCase() : defaultValue;
    const value = JSON.parse(text) as JsonValue;
    return isOfType(value, parameterType) ? value : defaultValue;
  } catch {
    return defaultValue;
  }
}

function typeName(type: ParameterType): string {
  const names: Partial<Record<ParameterType, string>> = {
    STRING: "a string",
    NUMBER_INTEGER: "an integer",
    NUMBER_DOUBLE: "a number",
    BOOLEAN: "true or false",
    LIST: "a list",
  };
  return names[type] ?? "an object";
}

function kindName(value: JsonValue): string {
  if (typeof value === "string") return `the string ${shown(value)}`;
  if (value === null) return "null";
  return shown(value);
}
