/**
 * Conditions as CEL over the executor input. Parameter values are `google.protobuf.Value`s, so every number is a
 * double there: integers are converted before they are compared, as Kubeflow's own compiler does.
 */
import type { JsonValue } from "@sealflow/core";
import type { ParameterType } from "../../ir/types.js";
import type { Comparison, ConditionNode, Operand } from "../condition.js";
import type { ParameterNode } from "../graph.js";

/** What the text is made with. */
export interface ConditionContext {
  /** Name of the input through which a value reaches the condition. */
  inputName(node: ParameterNode): string;
  /** Notes that the condition can't be. */
  report(message: string): void;
}

type Kind = "text" | "integer" | "double" | "boolean" | "other";

/** The CEL of a branch: its own test, and none of those before it. */
export function branchText(
  condition: { readonly test: ConditionNode | undefined; readonly not: readonly ConditionNode[] },
  context: ConditionContext,
): string {
  const parts = condition.not.map((earlier) => `!(${conditionText(earlier, context)})`);
  if (condition.test !== undefined) {
    const test = conditionText(condition.test, context);
    parts.push(parts.length > 0 && condition.test.kind === "any" ? `(${test})` : test);
  }
  return parts.join(" && ");
}

/** The CEL of one condition. */
export function conditionText(node: ConditionNode, context: ConditionContext): string {
  switch (node.kind) {
    case "compare":
      return comparisonText(node.left, node.operator, { right: node.right, context });
    case "in":
      return membershipText(node.value, node.list, context);
    case "not":
      return `!(${conditionText(node.of, context)})`;
    default:
      return node.of.map((part) => memberText(part, context)).join(node.kind === "all" ? " && " : " || ");
  }
}

/** A part of a conjunction or disjunction: mixed ones need parentheses. */
function memberText(part: ConditionNode, context: ConditionContext): string {
  const text = conditionText(part, context);
  return part.kind === "all" || part.kind === "any" ? `(${text})` : text;
}

interface Rest {
  readonly right: Operand;
  readonly context: ConditionContext;
}

function comparisonText(left: Operand, operator: Comparison, { right, context }: Rest): string {
  const kind = commonKind(kindOf(left), kindOf(right));
  const ordered = operator !== "==" && operator !== "!=";
  if (kind === undefined || kind === "other" || (kind === "boolean" && ordered)) {
    context.report(`can't compare ${operandName(left)} ${operator} ${operandName(right)}`);
    return "false";
  }
  return `${operandText(left, kind, context)} ${operator} ${operandText(right, kind, context)}`;
}

function membershipText(
  value: Operand,
  list: readonly Operand[] | ParameterNode,
  context: ConditionContext,
): string {
  const kind = kindOf(value);
  if ("form" in list) {
    // The list's numbers are doubles: the value stays one.
    const plain = kind === "integer" ? "double" : kind;
    return `${operandText(value, plain, context)} in ${inputText(list, context)}`;
  }
  const common = list.reduce<Kind | undefined>(
    (known, item) => known && commonKind(known, kindOf(item)),
    kind,
  );
  if (common === undefined || common === "other") {
    context.report(`can't look for ${operandName(value)} among ${list.map(operandName).join(", ")}`);
    return "false";
  }
  const items = list.map((item) => operandText(item, common, context));
  return `${operandText(value, common, context)} in [${items.join(", ")}]`;
}

function operandText(operand: Operand, kind: Kind, context: ConditionContext): string {
  if (operand.kind === "constant") return constantText(operand.value, kind);
  const input = inputText(operand.node, context);
  const own = nodeKind(operand.node);
  if (operand.kind === "text") return own === "integer" ? `string(int(${input}))` : `string(${input})`;
  if (own === "integer") return kind === "double" ? `double(int(${input}))` : `int(${input})`;
  return input;
}

function inputText(node: ParameterNode, context: ConditionContext): string {
  return `inputs.parameter_values[${celString(context.inputName(node))}]`;
}

function constantText(value: JsonValue, kind: Kind): string {
  if (typeof value === "string") return celString(value);
  if (typeof value !== "number" || kind !== "double") return String(value);
  const text = String(value);
  return /^-?\d+$/.test(text) ? `${text}.0` : text;
}

/** A CEL string literal in single quotes (CEL specification, section Values). */
export function celString(text: string): string {
  let quoted = "";
  for (const char of text) {
    if (char === "'" || char === "\\") quoted += `\\${char}`;
    else if (char === "\n") quoted += "\\n";
    else if (char === "\r") quoted += "\\r";
    else if (char === "\t") quoted += "\\t";
    else if (char < " " || (char >= "\u007f" && char <= "\u009f")) {
      quoted += `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
    } else quoted += char;
  }
  return `'${quoted}'`;
}

function kindOf(operand: Operand): Kind {
  if (operand.kind === "text") return "text";
  if (operand.kind === "value") return nodeKind(operand.node);
  const { value } = operand;
  if (typeof value === "string") return "text";
  if (typeof value === "boolean") return "boolean";
  if (typeof value === "number") return Number.isSafeInteger(value) ? "integer" : "double";
  return "other";
}

const KINDS: Partial<Record<ParameterType, Kind>> = {
  STRING: "text",
  NUMBER_INTEGER: "integer",
  NUMBER_DOUBLE: "double",
  BOOLEAN: "boolean",
};

function nodeKind(node: ParameterNode): Kind {
  return KINDS[node.type.parameterType] ?? "other";
}

/** What both sides are compared as, or undefined when they can't be. */
function commonKind(left: Kind, right: Kind): Kind | undefined {
  if (left === right) return left;
  const numbers = (kind: Kind): boolean => kind === "integer" || kind === "double";
  return numbers(left) && numbers(right) ? "double" : undefined;
}

function operandName(operand: Operand): string {
  return operand.kind === "constant" ? JSON.stringify(operand.value) : operand.node.type.parameterType;
}
