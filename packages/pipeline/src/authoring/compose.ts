/** What can be tested, and its composition with `and`, `or`, `not`. */
import { Condition, type ConditionNode } from "./condition.js";
import { isReference, type ParameterRef } from "./references.js";
import type { BooleanType } from "./value-types.js";

/** What may be tested: a condition, or a boolean value. */
export type Test = Condition | ParameterRef<BooleanType>;

/** True when all are. */
export function and(...tests: readonly [Test, Test, ...Test[]]): Condition {
  return new Condition({ kind: "all", of: tests.map(testNode) });
}

/** True when at least one is. */
export function or(...tests: readonly [Test, Test, ...Test[]]): Condition {
  return new Condition({ kind: "any", of: tests.map(testNode) });
}

/** True when what is tested is not. */
export function not(test: Test): Condition {
  return new Condition({ kind: "not", of: testNode(test) });
}

/** The test as data; a boolean value is compared with true. */
export function testNode(test: Test): ConditionNode {
  if (test instanceof Condition) return test.node;
  if (isReference(test)) {
    const left = { kind: "value", node: test.node } as const;
    return { kind: "compare", operator: "==", left, right: { kind: "constant", value: true } };
  }
  return (test as Condition).node;
}
