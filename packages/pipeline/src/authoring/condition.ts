/** Conditions as data: comparisons of run-time values, and what is composed of them. */
import type { JsonValue } from "@sealflow/core";
import type { ParameterNode } from "./graph.js";

/** How two values are compared. */
export type Comparison = "==" | "!=" | "<" | "<=" | ">" | ">=";

/** One side of a comparison. `text` compares a value's text, so that a number can meet a string. */
export type Operand =
  | { readonly kind: "constant"; readonly value: JsonValue }
  | { readonly kind: "value"; readonly node: ParameterNode }
  | { readonly kind: "text"; readonly node: ParameterNode };

/** A condition as plain data. */
export type ConditionNode =
  | {
      readonly kind: "compare";
      readonly operator: Comparison;
      readonly left: Operand;
      readonly right: Operand;
    }
  | { readonly kind: "in"; readonly value: Operand; readonly list: readonly Operand[] | ParameterNode }
  | { readonly kind: "all" | "any"; readonly of: readonly ConditionNode[] }
  | { readonly kind: "not"; readonly of: ConditionNode };

/** Something that is true or false when the pipeline runs. Made by comparing values; consumed by `when`. */
export class Condition {
  readonly node: ConditionNode;

  constructor(node: ConditionNode) {
    this.node = node;
  }
}

/** Every value that a condition reads. */
export function valuesIn(node: ConditionNode): ParameterNode[] {
  switch (node.kind) {
    case "compare":
      return [node.left, node.right].flatMap(nodesOf);
    case "in":
      return [...nodesOf(node.value), ...("form" in node.list ? [node.list] : node.list.flatMap(nodesOf))];
    case "not":
      return valuesIn(node.of);
    default:
      return node.of.flatMap(valuesIn);
  }
}

function nodesOf(operand: Operand): ParameterNode[] {
  return operand.kind === "constant" ? [] : [operand.node];
}
