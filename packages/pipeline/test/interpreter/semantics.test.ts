import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  type ComponentSpec,
  createInterpretation,
  type DueTask,
  lintPipeline,
  type TaskSpec,
} from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { inputs, leaf, parameters, spec, task } from "./build.js";
import { CONTEXT, fakeRun, newestFirst } from "./fake-run.js";

const dataset = { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" };
const echo = (due: DueTask): JsonObject => ({ out: String(due.inputs.parameters.in ?? "none") });

/** Errors of what could not be run, by path. */
function failures(run: ReturnType<typeof fakeRun>): Record<string, string> {
  return Object.fromEntries(
    run.decisions.flatMap((decision) =>
      decision.kind === "fail" ? [[decision.path, decision.error.code]] : [],
    ),
  );
}

/** Runs one task that takes `in` of a type, given a constant. */
function give(type: string, value: JsonValue, definition: JsonObject = {}) {
  const component = leaf({ in: type });
  Object.assign(component.inputDefinitions?.parameters?.in ?? {}, definition);
  // The value comes out of a struct by a selector, so that no declared type vouches for it.
  const taskOutputParameter = { producerTask: "a", outputParameterKey: "v" };
  const parameterExpressionSelector = 'parseJson(string_value)["x"]';
  const given = { parameters: { in: { taskOutputParameter, parameterExpressionSelector } } };
  const pipeline = spec(
    { tasks: { a: task("source"), b: task("comp", { inputs: given }) } },
    { source: leaf({}, { v: "STRUCT" }), comp: component },
  );
  return fakeRun(pipeline, (due) => (due.taskName === "a" ? { v: { x: value } } : { out: "" }));
}

describe("values", () => {
  it.each([
    ["STRING", "a", "a"],
    ["STRING", 3, "3"],
    ["STRING", 1.5, "1.5"],
    ["STRING", 1e21, "1000000000000000000000"],
    ["STRING", true, "true"],
    ["STRING", [1, { a: 2 }], '[1,{"a":2}]'],
    ["NUMBER_INTEGER", 3, 3],
    ["NUMBER_DOUBLE", 3, 3],
    ["LIST", [1, 2.5, { n: 3 }], [1, 2.5, { n: 3 }]],
    ["STRUCT", { a: [1], b: null }, { a: [1], b: null }],
  ] as const)("of type %s takes %j as %j", (type, value, expected) => {
    expect(give(type, value as JsonValue).inputs.b?.in).toEqual(expected);
  });

  it.each([
    ["NUMBER_INTEGER", "3"],
    ["NUMBER_INTEGER", 3.5],
    ["NUMBER_DOUBLE", true],
    ["BOOLEAN", 1],
    ["LIST", { a: 1 }],
    ["STRUCT", [1]],
  ] as const)("of type %s refuses %j", (type, value) => {
    expect(failures(give(type, value as JsonValue))).toEqual({ b: "INTERPRETER_INPUT_TYPE" });
  });

  it("must be among the literals", () => {
    expect(give("STRING", "a", { literals: ["a", "b"] }).outcome.state).toBe("SUCCEEDED");
    expect(failures(give("STRING", "c", { literals: ["a", "b"] }))).toEqual({ b: "INTERPRETER_INPUT_TYPE" });
  });

  it("are null only where that is optional", () => {
    expect(failures(give("STRING", null))).toEqual({ b: "INTERPRETER_INPUT_MISSING" });
    expect(give("STRING?", null).inputs.b).toEqual({});
    expect(give("STRING", null, { defaultValue: "d" }).inputs.b).toEqual({ in: "d" });
  });

  it("keep names that objects inherit", () => {
    const names = { constructor: "c", toString: "t" };
    const run = fakeRun(
      spec(
        { tasks: { constructor: task("c", { inputs: inputs(names) }) } },
        {
          c: leaf({ constructor: "STRING", toString: "STRING" }, {}),
        },
      ),
      () => ({}),
    );
    expect(run.inputs.constructor).toEqual(names);
  });

  it("come from the deprecated kinds of constants too", () => {
    const given = {
      parameters: {
        in: { runtimeValue: { constantValue: { intValue: "7" } } },
        other: { runtimeValue: { runtimeParameter: "p" } },
      },
    };
    const run = fakeRun(
      spec(
        { tasks: { a: task("c", { inputs: given }) } },
        { c: leaf({ in: "NUMBER_INTEGER", other: "STRING" }) },
        {
          inputDefinitions: { parameters: parameters({ p: "STRING" }) },
        },
      ),
      () => ({ out: "" }),
      { parameters: { p: "given" } },
    );
    expect(run.inputs.a).toEqual({ in: 7, other: "given" });
  });
});

describe("selectors", () => {
  const select = (selector: string, value: JsonValue) => {
    const given = {
      parameters: { in: { runtimeValue: { constant: value }, parameterExpressionSelector: selector } },
    };
    return fakeRun(spec({ tasks: { a: task("c", { inputs: given }) } }, { c: leaf({ in: "STRING" }) }), echo);
  };

  it.each([
    ['parseJson(string_value)["k"]', { k: "v" }, "v"],
    ['parseJson(string_value)["k"]["n"][1]', { k: { n: [1, 2] } }, "2"],
    ["string_value", 5, "5"],
    ["struct_value['k']", { k: true }, "true"],
    ["list_value[0]", ["first"], "first"],
    ["number_value + 1.0", 2, "3"],
  ])("%s of %j", (selector, value, expected) => {
    expect(select(selector, value as JsonValue).outcome.state).toBe("SUCCEEDED");
    expect(select(selector, value as JsonValue).inputs.a?.in).toBe(expected);
  });

  it.each([
    ['parseJson(string_value)["missing"]', { k: 1 }],
    ["parseJson(string_value)", "no json"],
    ["number_value", "text"],
  ])("%s of %j fails the task", (selector, value) => {
    expect(failures(select(selector, value as JsonValue))).toEqual({ a: "INTERPRETER_SELECTOR_FAILED" });
  });
});

describe("conditions", () => {
  const conditional = (condition: string, value: JsonValue, type = "STRING") =>
    fakeRun(
      spec(
        {
          tasks: {
            a: task("c", { inputs: inputs({ in: value }), triggerPolicy: { condition } }),
            b: task("c", { inputs: inputs({ in: value }), dependentTasks: ["a"] }),
          },
        },
        { c: leaf({ in: type }) },
      ),
      echo,
    );

  it.each([
    ["inputs.parameter_values['in'] == 'it\\'s'", "it's", "STRING", true],
    ["inputs.parameter_values['in'] == 'x'", "' == '", "STRING", false],
    ["int(inputs.parameter_values['in']) % 2 == 0", 4, "NUMBER_INTEGER", true],
    ["inputs.parameter_values['in'] >= 4.5", 4, "NUMBER_INTEGER", false],
    ["inputs.parameter_values['in'].exists(x, x == 'b')", ["a", "b"], "LIST", true],
    ["size(inputs.parameter_values['in']) > 2", ["a", "b"], "LIST", false],
    ["inputs.parameter_values['in'].k.n == 1", { k: { n: 1 } }, "STRUCT", true],
    ["inputs.parameter_values['in'] in ['a', 'b']", "b", "STRING", true],
    ["inputs.parameter_values['in'].matches('^a+$')", "aaa", "STRING", true],
    ["parseJson(inputs.parameter_values['in'])['k'] == 2", '{"k":2}', "STRING", true],
  ])("%s of %j", (condition, value, type, holds) => {
    const { states } = conditional(condition, value as JsonValue, type);
    expect(states).toEqual(holds ? { a: "SUCCEEDED", b: "SUCCEEDED" } : { a: "SKIPPED", b: "SKIPPED" });
  });

  it.each([
    ["inputs.parameter_values['in'].k == 1", "text"],
    ["inputs.parameter_values['in']", "text"],
    ["int(inputs.parameter_values['in']) == 1", ""],
    ["int(inputs.parameter_values['in']) == 16", "0x10"],
  ])("%s of %j fails the task and skips what waits for it", (condition, value) => {
    const run = conditional(condition, value);
    expect(failures(run)).toEqual({ a: "INTERPRETER_CONDITION_FAILED" });
    expect(run.states).toEqual({ a: "FAILED", b: "SKIPPED" });
    expect(run.outcome.state).toBe("FAILED");
  });

  it("see artifacts", () => {
    const pipeline = spec(
      {
        tasks: {
          make: task("make"),
          use: task("use", {
            inputs: {
              artifacts: { d: { taskOutputArtifact: { producerTask: "make", outputArtifactKey: "d" } } },
            },
            triggerPolicy: { condition: "inputs.artifacts['d'].artifacts[0].uri.startsWith('mem://')" },
          }),
        },
      },
      {
        make: leaf({}, {}, { outputs: { d: { artifactType: dataset } } }),
        use: leaf({}, {}, { inputs: { d: { artifactType: dataset } } }),
      },
    );
    expect(fakeRun(pipeline, () => ({})).states.use).toBe("SUCCEEDED");
    expect(fakeRun(pipeline, () => ({ d: "s3://x" })).states.use).toBe("SKIPPED");
  });
});

describe("order", () => {
  it("waits for producers that dependentTasks leaves out", () => {
    const run = fakeRun(
      spec(
        {
          tasks: {
            a: task("c", { inputs: inputs({ in: "<b.out" }) }),
            b: task("c", { inputs: inputs({ in: "x" }) }),
          },
        },
        { c: leaf({ in: "STRING" }) },
      ),
      echo,
      { order: newestFirst },
    );
    expect(run.results.map(({ path }) => path)).toEqual(["b", "a"]);
  });

  it("runs ALL_UPSTREAM_TASKS_COMPLETED after failed, skipped and successful tasks, with defaults for what is missing", () => {
    const cleanup: Partial<TaskSpec> = { triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" } };
    const run = fakeRun(
      spec(
        {
          tasks: {
            bad: task("c", { inputs: inputs({ in: "bad" }) }),
            skipped: task("c", { inputs: inputs({ in: "<bad.out" }) }),
            after: task("d", { ...cleanup, inputs: inputs({ in: "<skipped.out" }), dependentTasks: ["bad"] }),
            strict: task("c", { ...cleanup, inputs: inputs({ in: "<bad.out" }) }),
          },
        },
        {
          c: leaf({ in: "STRING" }),
          d: {
            ...leaf({}),
            inputDefinitions: { parameters: { in: { parameterType: "STRING", defaultValue: "d" } } },
          },
        },
      ),
      (due) => {
        if (due.inputs.parameters.in === "bad") throw new Error("bad");
        return echo(due);
      },
    );
    expect(run.states).toEqual({ after: "SUCCEEDED", bad: "FAILED", skipped: "SKIPPED", strict: "FAILED" });
    expect(run.inputs.after).toEqual({ in: "d" });
    expect(failures(run)).toEqual({ strict: "INTERPRETER_INPUT_MISSING" });
  });

  it("reads defaults that older compilers wrote as text in the declared type", () => {
    const written = {
      whole: { parameterType: "NUMBER_INTEGER", defaultValue: "1000" },
      real: { parameterType: "NUMBER_DOUBLE", defaultValue: "0.3" },
      flag: { parameterType: "BOOLEAN", defaultValue: "True" },
      items: { parameterType: "LIST", defaultValue: "[1]" },
      fields: { parameterType: "STRUCT", defaultValue: '{"a": 1}' },
      text: { parameterType: "STRING", defaultValue: 5 },
    } as const;
    const values = { whole: 1000, real: 0.3, flag: true, items: [1], fields: { a: 1 }, text: "5" };
    const component = { ...leaf({}), inputDefinitions: { parameters: written } };
    const bound = Object.fromEntries(Object.keys(values).map((name) => [name, `^${name}`]));
    const pipeline = spec(
      { tasks: { own: task("c"), given: task("c", { inputs: inputs(bound) }) } },
      { c: component },
      { inputDefinitions: { parameters: written } },
    );
    const run = fakeRun(pipeline, echo);
    expect(run.inputs.own).toEqual(values);
    expect(run.inputs.given).toEqual(values);
    const converted = lintPipeline({ spec: pipeline }, "local").filter(
      ({ code }) => code === "PIPELINE_DEFAULT_CONVERTED",
    );
    expect(converted).toHaveLength(2 * Object.keys(values).length);
  });

  it("gives a task that runs however others ended its default for an output that a DAG could not hand up", () => {
    const cleanup: Partial<TaskSpec> = { triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" } };
    const optional: ComponentSpec = {
      ...leaf({}),
      inputDefinitions: { parameters: { in: { parameterType: "STRING", defaultValue: "d" } } },
    };
    const run = fakeRun(
      spec(
        {
          tasks: {
            sub: task("sub"),
            strict: task("d", { inputs: inputs({ in: "<sub.out" }) }),
            lenient: task("d", { ...cleanup, inputs: inputs({ in: "<sub.out" }) }),
          },
        },
        {
          d: optional,
          sub: {
            outputDefinitions: { parameters: { out: { parameterType: "STRING" } } },
            dag: {
              tasks: { no: task("d", { triggerPolicy: { condition: "false" } }), yes: task("d") },
              outputs: {
                parameters: {
                  out: { valueFromParameter: { producerSubtask: "no", outputParameterKey: "out" } },
                },
              },
            },
          },
        },
      ),
      echo,
    );
    expect(failures(run)).toEqual({ strict: "INTERPRETER_OUTPUT_UNAVAILABLE" });
    expect(run.inputs.lenient).toEqual({ in: "d" });
  });

  it("names the dependency that a task was skipped for, whatever the order of results", () => {
    const pipeline = spec(
      {
        tasks: {
          a: task("c", { inputs: inputs({ in: "bad" }) }),
          b: task("c", { inputs: inputs({ in: "bad" }) }),
          z: task("c", { inputs: inputs({ in: "x" }), dependentTasks: ["b", "a"] }),
        },
      },
      { c: leaf({ in: "STRING" }) },
    );
    for (const order of [() => 0, newestFirst]) {
      const run = fakeRun(
        pipeline,
        () => {
          throw new Error("bad");
        },
        { order },
      );
      expect(run.decisions).toContainEqual(
        expect.objectContaining({
          kind: "skip",
          path: "z",
          reason: { kind: "dependency", dependency: "a", state: "FAILED" },
        }),
      );
      expect(run.outcome.error).toMatchObject({
        code: "INTERPRETER_TASK_FAILED",
        data: { path: "a", failures: 2 },
      });
    }
  });
});

describe("loops", () => {
  const items = (raw: string, rest: Partial<TaskSpec> = {}): Partial<TaskSpec> => ({
    parameterIterator: { items: { raw }, itemInput: "in" },
    ...rest,
  });

  it("run a leaf component directly, and collect what it gives", () => {
    const run = fakeRun(
      spec(
        {
          tasks: { l: task("c", items('["a","b"]')), sum: task("s", { inputs: inputs({ all: "<l.out" }) }) },
        },
        { c: leaf({ in: "STRING" }), s: leaf({ all: "LIST" }) },
      ),
      echo,
    );
    expect(Object.keys(run.states)).toEqual(["l[0]", "l[1]", "sum"]);
    expect(run.inputs.sum).toEqual({ all: ["a", "b"] });
  });

  it("in loops give a list of lists, or one flat list where that is asked for", () => {
    const given = (producerSubtask: string) => ({
      parameters: { out: { valueFromParameter: { producerSubtask, outputParameterKey: "out" } } },
    });
    const listed = { outputDefinitions: { parameters: { out: { parameterType: "LIST" as const } } } };
    const within = { inputDefinitions: { parameters: parameters({ in: "STRING" }) }, ...listed };
    const nested = spec(
      {
        tasks: {
          l: task("outer", items('["a","b"]')),
          sum: task("s", { inputs: inputs({ all: "<l.out" }) }),
        },
      },
      {
        outer: { ...within, dag: { tasks: { between: task("passed") }, outputs: given("between") } },
        passed: { ...listed, dag: { tasks: { m: task("c", items('["x","y"]')) }, outputs: given("m") } },
        c: leaf({ in: "STRING" }),
        s: leaf({ all: "LIST" }),
      },
    );
    expect(fakeRun(nested, echo).inputs.sum).toEqual({
      all: [
        ["x", "y"],
        ["x", "y"],
      ],
    });
    const flat = fakeRun(nested, echo, { context: { collected: "flat" } });
    expect(flat.inputs.sum).toEqual({ all: ["x", "y", "x", "y"] });
    const found = (target: "kfp-2.17" | "local") =>
      lintPipeline({ spec: nested }, target).flatMap(({ code, path }) =>
        code === "PIPELINE_LINT_NESTED_COLLECTION" ? [path.at(-1)] : [],
      );
    expect(found("kfp-2.17")).toEqual(["l"]);
    expect(found("local")).toEqual([]);
  });

  it("take text that is a JSON list, and nothing else", () => {
    const over = (value: JsonValue) =>
      fakeRun(
        spec(
          {
            tasks: {
              l: task("c", {
                inputs: inputs({ list: value }),
                parameterIterator: { items: { inputParameter: "list" }, itemInput: "in" },
              }),
            },
          },
          { c: leaf({ in: "STRING", list: "STRING" }) },
        ),
        echo,
      );
    expect(Object.keys(over('["a",1]').states)).toEqual(["l[0]", "l[1]"]);
    expect(over("[1,{}]").inputs["l[1]"]?.in).toBe("{}");
    for (const bad of ["a", '{"a":1}', "[1", "null"]) {
      expect(failures(over(bad))).toEqual({ l: "INTERPRETER_ITEMS_INVALID" });
    }
  });

  it("fail the iterations whose item has the wrong type, and run the others", () => {
    const run = fakeRun(
      spec(
        {
          tasks: {
            p: task("list"),
            l: task("c", {
              inputs: inputs({ list: "<p.v" }),
              parameterIterator: { items: { inputParameter: "list" }, itemInput: "in" },
            }),
          },
        },
        { list: leaf({}, { v: "LIST" }), c: leaf({ in: "NUMBER_INTEGER", list: "LIST" }) },
      ),
      (due) => (due.taskName === "p" ? { v: [1, "x", 3] } : echo(due)),
    );
    expect(run.states).toEqual({
      "l[0]": "SUCCEEDED",
      "l[1]": "FAILED",
      "l[2]": "SUCCEEDED",
      p: "SUCCEEDED",
    });
  });

  it("go over artifacts", () => {
    const artifact = { artifactType: dataset };
    const run = fakeRun(
      spec(
        {
          tasks: {
            make: task("make", { parameterIterator: { items: { raw: '["x","y"]' }, itemInput: "in" } }),
            each: task("each", {
              inputs: {
                artifacts: { all: { taskOutputArtifact: { producerTask: "make", outputArtifactKey: "d" } } },
              },
              artifactIterator: { items: { inputArtifact: "all" }, itemInput: "one" },
            }),
          },
        },
        {
          make: leaf({ in: "STRING" }, {}, { outputs: { d: artifact } }),
          each: leaf(
            {},
            { out: "STRING" },
            { inputs: { all: { ...artifact, isArtifactList: true }, one: artifact } },
          ),
        },
      ),
      (due) => ({ out: due.inputs.artifacts.one?.[0]?.uri ?? "" }),
    );
    expect(
      run.results.filter(({ path }) => path.startsWith("each")).map(({ outputs }) => outputs?.parameters.out),
    ).toEqual(["mem://make[0]/d", "mem://make[1]/d"]);
  });

  it("release iterations as earlier ones end, failed or not", () => {
    const run = fakeRun(
      spec(
        { tasks: { l: task("c", items("[1,2,3,4,5]", { iteratorPolicy: { parallelismLimit: 2 } })) } },
        { c: leaf({ in: "STRING" }) },
      ),
      (due) => {
        if (due.inputs.parameters.in === "2") throw new Error("two");
        return echo(due);
      },
      { order: newestFirst },
    );
    expect(run.width).toBe(2);
    expect(run.states).toMatchObject({ "l[1]": "FAILED", "l[4]": "SUCCEEDED" });
  });

  it("stop handing out iterations when canceled", () => {
    const run = fakeRun(
      spec(
        { tasks: { l: task("c", items("[1,2,3]", { iteratorPolicy: { parallelismLimit: 1 } })) } },
        { c: leaf({ in: "STRING" }) },
      ),
      echo,
      { cancelAfter: 1 },
    );
    expect(run.outcome.state).toBe("CANCELED");
    expect(run.states).toEqual({ "l[0]": "SUCCEEDED", "l[1]": "SUCCEEDED" });
  });
});

describe("outputs", () => {
  const branch = (output: string) => ({
    valueFromOneof: {
      parameterSelectors: ["a", "b"].map((producerSubtask) => ({
        producerSubtask,
        outputParameterKey: output,
      })),
    },
  });
  const never = { condition: "false" };

  it("of a OneOf without a branch taken fail who needs them, with the reason", () => {
    const inner = {
      dag: {
        tasks: {
          a: task("c", { inputs: inputs({ in: "a" }), triggerPolicy: never }),
          b: task("c", { inputs: inputs({ in: "b" }), triggerPolicy: never }),
        },
        outputs: { parameters: { o: branch("out") } },
      },
      outputDefinitions: { parameters: { o: { parameterType: "STRING" as const } } },
    };
    const run = fakeRun(
      spec(
        { tasks: { i: task("inner"), use: task("c", { inputs: inputs({ in: "<i.o" }) }) } },
        { inner, c: leaf({ in: "STRING" }) },
      ),
      echo,
    );
    expect(run.states).toEqual({ "i/a": "SKIPPED", "i/b": "SKIPPED", use: "FAILED" });
    expect(failures(run)).toEqual({ use: "INTERPRETER_OUTPUT_UNAVAILABLE" });
  });
});

describe("size", () => {
  const chainOf = (length: number): Record<string, TaskSpec> =>
    Object.fromEntries(
      Array.from({ length }, (_, i) => [
        `t${i}`,
        task("c", { inputs: inputs({ in: "x" }), ...(i === 0 ? {} : { dependentTasks: [`t${i - 1}`] }) }),
      ]),
    );

  it("lets ten thousand tasks be skipped in one step", () => {
    const it = createInterpretation(
      spec({ tasks: chainOf(10_000) }, { c: leaf({ in: "STRING" }) }),
      {},
      CONTEXT,
    );
    it.start();
    const decisions = it.apply({ path: "t0", state: "FAILED", error: { code: "X", message: "x" } });
    expect(decisions).toHaveLength(10_000);
    expect(it.outcome?.state).toBe("FAILED");
  });

  it("runs ten thousand iterations, one at a time", () => {
    const raw = JSON.stringify(Array.from({ length: 10_000 }, (_, i) => i));
    const loop = {
      parameterIterator: { items: { raw }, itemInput: "in" },
      iteratorPolicy: { parallelismLimit: 1 },
    };
    const inner = {
      inputDefinitions: { parameters: parameters({ in: "STRING" }) },
      dag: { tasks: { t: task("c", { inputs: inputs({ in: "^in" }) }) } },
    };
    const it = createInterpretation(
      spec({ tasks: { l: task("inner", loop) } }, { inner, c: leaf({ in: "STRING" }) }),
      {},
      CONTEXT,
    );
    it.start();
    for (let i = 0; i < 10_000; i++) {
      expect(it.due).toEqual([`l[${i}]/t`]);
      it.apply({
        path: `l[${i}]/t`,
        state: "SUCCEEDED",
        outputs: { parameters: { out: "" }, artifacts: {} },
      });
    }
    expect(it.outcome?.state).toBe("SUCCEEDED");
  });
});
