/** Documents made to break or to stall: each ends in a run or in a SealflowError, and soon. */
import { isSealflowError, type JsonObject } from "@sealflow/core";
import { createInterpretation, type DueTask, parsePipelineDocument, type TaskSpec } from "@sealflow/pipeline";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { changed, sample } from "../ir/sample.js";
import { inputs, leaf, parameters, spec, task } from "./build.js";
import { CONTEXT, fakeRun } from "./fake-run.js";

/** A value of each declared output's type. */
const VALUES: JsonObject = {
  STRING: "s",
  NUMBER_INTEGER: 1,
  NUMBER_DOUBLE: 0.5,
  BOOLEAN: true,
  LIST: [1],
  STRUCT: { a: 1 },
  TASK_FINAL_STATUS: {},
  TASK_CONFIG: {},
};
const anything = (due: DueTask): JsonObject =>
  Object.fromEntries(
    Object.entries(due.outputParameters).map(([key, { parameterType }]) => [
      key,
      VALUES[parameterType] ?? null,
    ]),
  );

/** Parses and runs a text; says how that went. */
function tryRun(text: string): "ran" | "refused" {
  try {
    const document = parsePipelineDocument(text);
    fakeRun(document.spec, anything);
    return "ran";
  } catch (error) {
    if (isSealflowError(error)) return "refused";
    throw error;
  }
}

describe("fuzzed specs", { timeout: 900_000 }, () => {
  const numRuns = process.env.SEALFLOW_SLOW ? 10_000 : 300;
  const paths: (string | number)[][] = [];
  const collect = (value: unknown, path: (string | number)[]): void => {
    if (path.length > 0) paths.push(path);
    if (typeof value !== "object" || value === null) return;
    for (const key of Object.keys(value)) collect((value as Record<string, unknown>)[key], [...path, key]);
  };
  collect(sample(), []);

  it("run or are refused, whatever is put or taken away anywhere", () => {
    const words = fc.constantFrom(
      "make",
      "use",
      "loop",
      "text",
      "comp-use",
      "[1,2]",
      "true",
      "1",
      "{{$}}",
      "__proto__",
      "",
    );
    const put = fc.oneof(
      words,
      fc.integer(),
      fc.constant(undefined),
      fc.jsonValue(),
      fc.dictionary(words, words),
    );
    const seen = new Set<string>();
    fc.assert(
      fc.property(fc.constantFrom(...paths), put, (path, value) => {
        seen.add(tryRun(changed(path, value)));
      }),
      { numRuns },
    );
    expect(seen).toEqual(new Set(["ran", "refused"]));
  });

  it("run or are refused with any text as condition, selector or items", () => {
    const cel = fc.array(
      fc.constantFrom(
        "inputs",
        ".",
        "parameter_values",
        "['text']",
        "==",
        "'a'",
        "1",
        "(",
        ")",
        "&&",
        "!",
        "in",
        "[",
        "]",
        "size",
        " ",
        "x",
        "?",
        ":",
        "parseJson",
        "string_value",
      ),
      { maxLength: 12 },
    );
    const places = [
      ["root", "dag", "tasks", "use", "triggerPolicy", "condition"],
      ["root", "dag", "tasks", "use", "inputs", "parameters", "text", "parameterExpressionSelector"],
      ["root", "dag", "tasks", "loop", "parameterIterator", "items", "raw"],
    ];
    fc.assert(
      fc.property(
        fc.constantFrom(...places),
        fc.oneof(
          cel.map((parts) => parts.join("")),
          fc.string(),
          fc.json(),
        ),
        (path, text) => {
          tryRun(changed(path, text));
        },
      ),
      { numRuns },
    );
  });
});

describe("specs made to grow", { timeout: 300_000 }, () => {
  it.runIf(process.env.SEALFLOW_SLOW)("loops in loops in loops are stopped at the limit of tasks", () => {
    const raw = JSON.stringify(Array.from({ length: 1500 }, (_, i) => i));
    const loop: Partial<TaskSpec> = { parameterIterator: { items: { raw }, itemInput: "item" } };
    const inputDefinitions = { parameters: parameters({ item: "STRING" }) };
    const skipped = { triggerPolicy: { condition: "false" }, inputs: inputs({ item: "x" }) };
    const run = createInterpretation(
      spec(
        { tasks: { a: task("outer", loop) } },
        {
          outer: { inputDefinitions, dag: { tasks: { b: task("middle", loop) } } },
          middle: { inputDefinitions, dag: { tasks: { c: task("inner", skipped) } } },
          inner: { inputDefinitions, dag: { tasks: { d: task("c", { inputs: inputs({ item: "x" }) }) } } },
          c: leaf({ item: "STRING" }),
        },
      ),
      {},
      CONTEXT,
    );
    run.start();
    expect(run.outcome?.state).toBe("FAILED");
  });

  it("thousands of misspelt references are reported, the first thousand", () => {
    const document = sample() as unknown as { root: { dag: { tasks: Record<string, object> } } };
    for (let i = 0; i < 5000; i++) {
      document.root.dag.tasks[`task-${i}`] = {
        componentRef: { name: `comp-unknown-${i}` },
        dependentTasks: [`tusk-${i}`],
      };
    }
    try {
      parsePipelineDocument(JSON.stringify(document));
      expect.unreachable();
    } catch (error) {
      expect((error as { findings: unknown[] }).findings.length).toBe(1000);
    }
  });

  it("a DAG with a hundred thousand tasks is read and run", () => {
    const tasks = Object.fromEntries(
      Array.from({ length: 100_000 }, (_, i) => [
        `t${i}`,
        task("wide", { triggerPolicy: { condition: "false" } }),
      ]),
    );
    const run = createInterpretation(
      spec({ tasks }, { wide: { dag: { tasks: { x: task("c") } } }, c: leaf({}) }),
      {},
      CONTEXT,
    );
    expect(run.start().length).toBe(200_002);
    expect(run.outcome?.state).toBe("SUCCEEDED");
  });
});
