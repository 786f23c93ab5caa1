import type { parse } from "@bufbuild/cel";
import { compareCodeUnits } from "@sealflow/core";

type Expr = ReturnType<typeof parse>["expr"];

/** What a look at an expression's tree says. */
export interface ExpressionNames {
  /** The first thing wrong with it. */
  readonly problem?: string;
  /** Keys of `inputs.parameter_values[…]`, sorted. */
  readonly parameters: readonly string[];
}

/** Deepest nesting of `all`, `exists`, `map`, `filter`: what bounds the time that an expression can take. */
const MAX_COMPREHENSION_DEPTH = 2;

/** CEL's standard functions (cel-spec, language definition, "List of Standard Definitions"), and the pipelines' own. */
const FUNCTIONS = new Set(
  `_&&_ _||_ !_ _==_ _!=_ _<_ _<=_ _>_ _>=_ _+_ _-_ _*_ _/_ _%_ -_ _?_:_ _[_] @in _in_ in @not_strictly_false
  bool bytes contains double duration dyn endsWith getDate getDayOfMonth getDayOfWeek getDayOfYear getFullYear getHours
  getMilliseconds getMinutes getMonth getSeconds int matches size startsWith string timestamp type uint
  parseJson`.split(/\s+/),
);
const TYPE_NAMES = ["bool", "bytes", "double", "int", "list", "map", "null_type", "string", "type", "uint"];

/** Looks for unknown names and functions and for what would take too long. */
export function inspectExpression(expression: Expr, variables: readonly string[]): ExpressionNames {
  const known = new Set([...variables, ...TYPE_NAMES]);
  const parameters = new Set<string>();
  let problem: string | undefined;

  const visit = (node: Expr | undefined, local: readonly string[], depth: number): void => {
    if (node === undefined || problem !== undefined) return;
    const { case: kind, value } = node.exprKind;
    if (kind === "identExpr") {
      if (!known.has(value.name) && !local.includes(value.name)) problem = `unknown name ${value.name}`;
    } else if (kind === "selectExpr") visit(value.operand, local, depth);
    else if (kind === "callExpr") {
      if (!FUNCTIONS.has(value.function)) problem = `unknown function ${value.function}`;
      const key = parameterKey(value.function, value.args);
      if (key !== undefined) parameters.add(key);
      visit(value.target, local, depth);
      for (const argument of value.args) visit(argument, local, depth);
    } else if (kind === "listExpr") for (const element of value.elements) visit(element, local, depth);
    else if (kind === "structExpr") {
      for (const entry of value.entries) {
        if (entry.keyKind.case === "mapKey") visit(entry.keyKind.value, local, depth);
        visit(entry.value, local, depth);
      }
    } else if (kind === "comprehensionExpr") {
      if (depth >= MAX_COMPREHENSION_DEPTH) {
        problem = `all, exists, map and filter nested more than ${MAX_COMPREHENSION_DEPTH} deep`;
      }
      const inner = [...local, value.iterVar, value.iterVar2, value.accuVar];
      visit(value.iterRange, local, depth);
      visit(value.accuInit, local, depth);
      for (const part of [value.loopCondition, value.loopStep, value.result]) visit(part, inner, depth + 1);
    }
  };
  visit(expression, [], 0);
  return {
    ...(problem === undefined ? {} : { problem }),
    parameters: [...parameters].sort(compareCodeUnits),
  };
}

/** The key `k` of `inputs.parameter_values['k']`. */
function parameterKey(name: string, args: readonly Expr[]): string | undefined {
  const [operand, index] = args;
  if (name !== "_[_]" || operand?.exprKind.case !== "selectExpr" || index?.exprKind.case !== "constExpr")
    return;
  const { field, operand: owner } = operand.exprKind.value;
  const isInputs = owner?.exprKind.case === "identExpr" && owner.exprKind.value.name === "inputs";
  const constant = index.exprKind.value.constantKind;
  return isInputs && field === "parameter_values" && constant.case === "stringValue"
    ? constant.value
    : undefined;
}
