/**
 * The expressions of a pipeline spec: CEL over typed values. Values are bound, never pasted into the text, so that no
 * value can break or steer an expression.
 */

import {
  type CelInput,
  CelScalar,
  celEnv,
  celFunc,
  isCelError,
  isCelList,
  isCelMap,
  isCelUint,
  parse,
  plan,
} from "@bufbuild/cel";
import { type JsonValue, SealflowError } from "@sealflow/core";
import { inspectExpression } from "./expression-names.js";

/** Longest expression that is read, in characters. */
export const MAX_EXPRESSION_LENGTH = 10_000;

/** Where an expression stands decides what it may name: a trigger condition, or a selector on a parameter's value. */
export type ExpressionKind = "condition" | "selector";

/** Names bound in each kind. Source: kubeflow/pipelines, backend/src/v2/expression (ExecutorInput and Value fields). */
const VARIABLES: Readonly<Record<ExpressionKind, readonly string[]>> = {
  condition: ["inputs", "outputs"],
  selector: ["string_value", "number_value", "bool_value", "null_value", "list_value", "struct_value"],
};

/** A parsed expression. */
export interface Expression {
  readonly text: string;
  /** Input parameters that a condition names as `inputs.parameter_values['…']`, sorted. */
  readonly parameters: readonly string[];
  /**
   * Value for these bindings.
   *
   * @throws SealflowError `PIPELINE_EXPRESSION_FAILED` when there is none, for example for a missing key.
   */
  evaluate(bindings: Readonly<Record<string, JsonValue>>): JsonValue;
}

const environment = celEnv({
  funcs: [
    celFunc("parseJson", [CelScalar.STRING], CelScalar.DYN, (text): CelInput => JSON.parse(text) as CelInput),
    // The library's own conversion reads "" and "0x10" as integers too; CEL's does not.
    celFunc("int", [CelScalar.STRING], CelScalar.INT, (text) => {
      if (!/^[-+]?\d+$/.test(text)) throw new Error(`cannot convert ${JSON.stringify(text)} to int`);
      return BigInt(text.replace(/^\+/, ""));
    }),
  ],
});

const CACHE_LIMIT = 10_000;
const cache = new Map<string, Expression | string>();

/**
 * Parses an expression.
 *
 * @throws SealflowError `PIPELINE_EXPRESSION_INVALID`: not CEL, too long, or with a name or function that is not known.
 */
export function parseExpression(text: string, kind: ExpressionKind): Expression {
  const key = `${kind} ${text}`;
  let found = cache.get(key);
  if (found === undefined) {
    found = compile(text, kind);
    if (cache.size >= CACHE_LIMIT) cache.clear();
    cache.set(key, found);
  }
  if (typeof found !== "string") return found;
  throw new SealflowError({
    code: "PIPELINE_EXPRESSION_INVALID",
    message: `expected a CEL expression, got ${JSON.stringify(text.slice(0, 200))}: ${found}`,
  });
}

/** The expression, or what is wrong with it. */
function compile(text: string, kind: ExpressionKind): Expression | string {
  if (text.length > MAX_EXPRESSION_LENGTH) return `longer than ${MAX_EXPRESSION_LENGTH} characters`;
  try {
    const parsed = parse(text);
    const names = inspectExpression(parsed.expr, VARIABLES[kind]);
    if (names.problem !== undefined) return names.problem;
    const run = plan(environment, parsed);
    return {
      text,
      parameters: names.parameters,
      evaluate: (bindings) => result(run(bindings as Record<string, CelInput>), text),
    };
  } catch (cause) {
    if (cause instanceof RangeError) return "nested too deep";
    return cause instanceof Error ? cause.message : String(cause);
  }
}

function result(value: unknown, text: string): JsonValue {
  if (!isCelError(value)) return toJson(value, text);
  throw failed(text, value.message);
}

function failed(text: string, reason: string): SealflowError {
  return new SealflowError({
    code: "PIPELINE_EXPRESSION_FAILED",
    message: `expression ${JSON.stringify(text)}: expected a value, got an error: ${reason}`,
  });
}

/** A CEL value as JSON: integers and doubles become numbers. */
function toJson(value: unknown, text: string): JsonValue {
  if (value === null || typeof value === "boolean" || typeof value === "string") return value;
  if (typeof value === "number" && Number.isFinite(value)) return value;
  if (typeof value === "bigint") return Number(value);
  if (isCelUint(value)) return Number(value.value);
  if (isCelList(value)) return [...value].map((item) => toJson(item, text));
  if (isCelMap(value)) {
    return Object.fromEntries([...value.entries()].map(([key, item]) => [String(key), toJson(item, text)]));
  }
  throw failed(text, "the result is not JSON");
}
