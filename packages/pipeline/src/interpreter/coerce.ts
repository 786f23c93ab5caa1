import type { JsonValue } from "@sealflow/core";
import { valueProblem, valueText } from "../ir/parameter-types.js";
import type { InputParameterDefinition } from "../ir/types.js";
import { failure } from "./failure.js";

/**
 * A value as its parameter takes it: STRING takes anything as JSON text, every other type only its own values; literals
 * are enforced.
 *
 * @throws SealflowError `INTERPRETER_INPUT_TYPE`
 */
export function coerce(value: JsonValue, definition: InputParameterDefinition, name: string): JsonValue {
  const { parameterType, literals } = definition;
  const coerced = parameterType === "STRING" ? valueText(value) : value;
  const problem = valueProblem(coerced, parameterType, literals);
  if (problem !== undefined) throw failure("INTERPRETER_INPUT_TYPE", `input ${name}: ${problem}`);
  return coerced;
}
