import type { JsonValue } from "@sealflow/core";
import fc from "fast-check";
import { expect, it } from "vitest";
import {
  and,
  boolean,
  type Condition,
  compilePipeline,
  containerComponent,
  double,
  integer,
  list,
  not,
  or,
  type ParameterRef,
  pipeline,
  string,
  when,
} from "../../src/authoring/index.js";
import { parseExpression } from "../../src/ir/expression.js";

const runs = process.env.SEALFLOW_SLOW ? 2000 : 100;

type Values = {
  readonly s: string;
  readonly t: string;
  readonly n: number;
  readonly x: number;
  readonly b: boolean;
};
type Test =
  | {
      readonly kind: "compare";
      readonly left: keyof Values;
      readonly operator: Operator;
      readonly right: Right;
    }
  | { readonly kind: "in"; readonly left: "s" | "n"; readonly list: readonly (string | number)[] }
  | { readonly kind: "text"; readonly value: string }
  | { readonly kind: "flag" }
  | { readonly kind: "and" | "or"; readonly of: readonly [Test, Test] }
  | { readonly kind: "not"; readonly of: Test };
type Operator = "equals" | "notEquals" | "lessThan" | "atMost" | "greaterThan" | "atLeast";
type Right = { readonly constant: string | number | boolean } | { readonly input: keyof Values };

const echo = containerComponent({ name: "echo", image: "alpine:3.20" });
const parameters = { s: string(), t: string(), n: integer(), x: double(), b: boolean() };

const words = fc.constantFrom(
  "",
  "a",
  "it's",
  'say "hi"',
  "\\",
  "\\'",
  "line\nbreak",
  "\t",
  "日本 😀",
  "\u0000",
  "zz' or 'a'=='a",
  "1",
);
const numbers = fc.constantFrom(-2, -1, 0, 1, 2, 3, 1000000);
const fractions = fc.constantFrom(-1.5, 0, 0.5, 1, 1e-7, 1e21, 3);
const values: fc.Arbitrary<Values> = fc.record({
  s: words,
  t: words,
  n: numbers,
  x: fractions,
  b: fc.boolean(),
});
const operators = fc.constantFrom<Operator>(
  "equals",
  "notEquals",
  "lessThan",
  "atMost",
  "greaterThan",
  "atLeast",
);

const comparison: fc.Arbitrary<Test> = fc.oneof(
  compare("s", fc.oneof(words.map(constant), fc.constant({ input: "t" as const }))),
  compare(
    "n",
    fc.oneof(numbers.map(constant), fractions.map(constant), fc.constant({ input: "x" as const })),
  ),
  compare(
    "x",
    fc.oneof(numbers.map(constant), fractions.map(constant), fc.constant({ input: "n" as const })),
  ),
  fc.record({
    kind: fc.constant("compare" as const),
    left: fc.constant("b" as const),
    operator: fc.constantFrom<Operator>("equals", "notEquals"),
    right: fc.boolean().map(constant),
  }),
  fc.record({
    kind: fc.constant("in" as const),
    left: fc.constant("s" as const),
    list: fc.array(words, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({
    kind: fc.constant("in" as const),
    left: fc.constant("n" as const),
    list: fc.array(numbers, { minLength: 1, maxLength: 3 }),
  }),
  fc.record({ kind: fc.constant("text" as const), value: fc.constantFrom("1", "-2", "x", "1.0") }),
  fc.constant({ kind: "flag" as const }),
);
const test: fc.Arbitrary<Test> = fc.letrec<{ test: Test }>((tie) => ({
  test: fc.oneof(
    { maxDepth: 4 },
    comparison,
    fc.record({
      kind: fc.constantFrom("and" as const, "or" as const),
      of: fc.tuple(tie("test"), tie("test")),
    }),
    fc.record({ kind: fc.constant("not" as const), of: tie("test") }),
  ),
})).test;

function constant<V extends string | number | boolean>(value: V): { readonly constant: V } {
  return { constant: value };
}

function compare(left: "s" | "n" | "x", right: fc.Arbitrary<Right>): fc.Arbitrary<Test> {
  return fc.record({
    kind: fc.constant("compare" as const),
    left: fc.constant(left),
    operator: operators,
    right,
  });
}

type Inputs = { readonly [K in keyof Values]: ParameterRef<never> };

function author(node: Test, inputs: Inputs): Condition {
  switch (node.kind) {
    case "compare":
      return inputs[node.left][node.operator](
        "input" in node.right ? inputs[node.right.input] : node.right.constant,
      );
    case "in":
      return inputs[node.left].in(node.list);
    case "text":
      return inputs.n.asText().equals(node.value);
    case "flag":
      return inputs.b.equals(true);
    case "not":
      return not(author(node.of, inputs));
    default:
      return (node.kind === "and" ? and : or)(author(node.of[0], inputs), author(node.of[1], inputs));
  }
}

function evaluate(node: Test, given: Values): boolean {
  switch (node.kind) {
    case "compare": {
      const left = given[node.left];
      const right = "input" in node.right ? given[node.right.input] : node.right.constant;
      return {
        equals: left === right,
        notEquals: left !== right,
        lessThan: left < right,
        atMost: left <= right,
        greaterThan: left > right,
        atLeast: left >= right,
      }[node.operator];
    }
    case "in":
      return node.list.includes(given[node.left]);
    case "text":
      return String(given.n) === node.value;
    case "flag":
      return given.b;
    case "not":
      return !evaluate(node.of, given);
    default: {
      const [left, right] = node.of.map((part) => evaluate(part, given));
      return node.kind === "and" ? left === true && right === true : left === true || right === true;
    }
  }
}

/** The compiled conditions of if, else-if and else, evaluated over the pipeline's inputs. */
function branchesTaken(first: Test, second: Test, given: Values): JsonValue[] {
  const definition = pipeline({ name: "branching", parameters }, (inputs) => {
    const references = inputs as unknown as Inputs;
    when(author(first, references), () => void echo())
      .elseWhen(author(second, references), () => void echo())
      .otherwise(() => void echo());
  });
  const { components = {} } = compilePipeline(definition).spec;
  const wrapper = components["comp-condition-branches-1"];
  return Object.values(wrapper?.dag?.tasks ?? {}).map((task) => {
    const bound = Object.keys(task.inputs?.parameters ?? {});
    const parameter_values: Record<string, JsonValue> = {};
    for (const name of bound)
      parameter_values[name] = given[name.replace("pipelinechannel--", "") as keyof Values];
    const condition = task.triggerPolicy?.condition ?? "";
    return parseExpression(condition, "condition").evaluate({ inputs: { parameter_values } });
  });
}

it("takes exactly the branch that the conditions say, whatever the values hold", () => {
  fc.assert(
    fc.property(test, test, values, (first, second, given) => {
      const [one, two] = [evaluate(first, given), evaluate(second, given)];
      expect(branchesTaken(first, second, given)).toEqual([one, !one && two, !one && !two]);
    }),
    { numRuns: runs },
  );
});

it("looks for a value in a list that exists at run time only", () => {
  const given = { s: "it's", n: 2, words: ["a", "it's"], numbers: [1, 3] };
  const definition = pipeline(
    {
      name: "member",
      parameters: { s: string(), n: integer(), words: list(string()), numbers: list(integer()) },
    },
    (inputs) => {
      when(inputs.s.in(inputs.words), () => void echo());
      when(inputs.n.in(inputs.numbers), () => void echo());
    },
  );
  const parameter_values = Object.fromEntries(
    Object.entries(given).map(([name, value]) => [`pipelinechannel--${name}`, value]),
  );
  const tasks = Object.values(compilePipeline(definition).spec.root.dag?.tasks ?? {});
  const taken = tasks.map((task) =>
    parseExpression(task.triggerPolicy?.condition ?? "", "condition").evaluate({
      inputs: { parameter_values },
    }),
  );
  expect(taken).toEqual([true, false]);
});

it.each([
  [
    "an integer with a string",
    (n: ParameterRef<never>) => n.equals("1"),
    'can\'t compare NUMBER_INTEGER == "1"',
  ],
  [
    "an integer with a boolean",
    (n: ParameterRef<never>) => n.equals(true),
    "can't compare NUMBER_INTEGER == true",
  ],
  [
    "integers with strings",
    (n: ParameterRef<never>) => n.in(["a"]),
    'can\'t look for NUMBER_INTEGER among "a"',
  ],
])("refuses to compare %s", (_, condition, message) => {
  const definition = pipeline({ name: "refused", parameters: { n: integer() } }, ({ n }) => {
    when(condition(n as unknown as ParameterRef<never>), () => void echo()).otherwise(() => void echo());
  });
  expect(() => compilePipeline(definition)).toThrow(
    expect.objectContaining({ code: "PIPELINE_CONDITION_INVALID", message: `condition: ${message}` }),
  );
});
