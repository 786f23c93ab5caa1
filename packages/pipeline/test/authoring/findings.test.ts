import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { isSealflowError, SealflowErrors } from "@sealflow/core";
import { expect, it } from "vitest";
import {
  type AnyPipeline,
  artifactList,
  collected,
  compilePipeline,
  containerComponent,
  dataset,
  exitHandler,
  finalStatus,
  integer,
  list,
  oneOf,
  type ParameterRef,
  parallelFor,
  pipeline,
  string,
  struct,
  text,
  when,
} from "../../src/authoring/index.js";

const image = "alpine:3.20";
const count = containerComponent({
  name: "count",
  image,
  inputs: { n: integer({ default: 1 }) },
  outputs: { n_out: integer() },
});
const need = containerComponent({ name: "need", image, inputs: { n: integer() } });
const sum = containerComponent({ name: "sum", image, inputs: { xs: list(integer()) } });
const write = containerComponent({ name: "write", image, outputs: { data: dataset() } });
const gather = containerComponent({ name: "gather", image, inputs: { all: artifactList(dataset()) } });
const watch = containerComponent({
  name: "watch",
  image,
  inputs: { status: finalStatus(), n: integer({ default: 0 }) },
});
const name = { name: "wrong" };

const here = fileURLToPath(import.meta.url);
const lines = readFileSync(here, "utf8").split("\n");

/** What compiling finds: code, message, and the text of the line that it names. */
function findingsOf(
  definition: AnyPipeline,
): { readonly code: string; readonly message: string; readonly line: string }[] {
  try {
    compilePipeline(definition);
    return [];
  } catch (error) {
    if (!isSealflowError(error)) throw error;
    const all = error instanceof SealflowErrors ? error.findings : [error];
    return all.map(({ code, message, where }) => {
      expect(where?.file).toBe(here);
      return { code, message, line: lines[(where?.line ?? 0) - 1]?.trim() ?? "" };
    });
  }
}

const graphs: readonly (readonly [string, string, AnyPipeline])[] = [
  [
    "a cycle made by after",
    "PIPELINE_CYCLE",
    pipeline(name, () => {
      const [a, b, c] = [count(), count(), count()];
      a.after(b);
      b.after(c);
      c.after(a);
    }),
  ],
  [
    "a cycle through an input",
    "PIPELINE_CYCLE",
    pipeline(name, () => {
      const a = count();
      a.after(count({ n: a.output }));
    }),
  ],
  [
    "a loop's output used outside without collecting",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      let inside: ParameterRef<never> | undefined;
      parallelFor([1], (n) => {
        inside = count({ n }).output as ParameterRef<never>;
      });
      count({ n: inside });
    }),
  ],
  [
    "a branch's output used outside",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      let inside: ParameterRef<never> | undefined;
      when(count().output.equals(1), () => {
        inside = count().output as ParameterRef<never>;
      });
      count({ n: inside });
    }),
  ],
  [
    "an exit handler's output used outside",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      let inside: ParameterRef<never> | undefined;
      exitHandler(watch(), () => {
        inside = count().output as ParameterRef<never>;
      });
      count({ n: inside });
    }),
  ],
  [
    "a loop's item used outside",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      let item: ParameterRef<never> | undefined;
      parallelFor([1], (n) => {
        item = n as ParameterRef<never>;
        count();
      });
      count({ n: item });
    }),
  ],
  [
    "waiting for a task inside a loop",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      const inside: ReturnType<typeof count>[] = [];
      parallelFor([1], () => void inside.push(count()));
      count().after(...inside);
    }),
  ],
  [
    "collecting a value that is skipped in some iterations",
    "PIPELINE_TOPOLOGY",
    pipeline(name, () => {
      const inside: ParameterRef<never>[] = [];
      parallelFor([1], (n) => {
        when(n.equals(1), () => void inside.push(count().output as ParameterRef<never>));
      });
      for (const value of inside) sum({ xs: collected(value) });
    }),
  ],
  [
    "collecting a value outside any loop",
    "PIPELINE_COLLECTED_INVALID",
    pipeline(name, () => {
      collected(count().output);
    }),
  ],
  [
    "one of values that are not from branches",
    "PIPELINE_ONE_OF_INVALID",
    pipeline(name, () => {
      oneOf(count().output, count().output);
    }),
  ],
  [
    "an exit handler inside a loop",
    "PIPELINE_EXIT_HANDLER_INVALID",
    pipeline(name, () => {
      const last = count();
      parallelFor([1], () => void exitHandler(last, () => void count()));
    }),
  ],
  [
    "an exit task that takes another task's output",
    "PIPELINE_EXIT_HANDLER_INVALID",
    pipeline(name, () => {
      const last = watch({ n: count().output });
      exitHandler(last, () => void count());
    }),
  ],
  [
    "a final status in a plain task",
    "PIPELINE_FINAL_STATUS_INVALID",
    pipeline(name, () => {
      watch().after(count());
    }),
  ],
  [
    "a final status after two tasks",
    "PIPELINE_FINAL_STATUS_INVALID",
    pipeline(name, () => {
      watch().after(count(), count()).ignoreUpstreamFailure();
    }),
  ],
  [
    "a required input from a task whose failure is ignored",
    "PIPELINE_SETTING_INVALID",
    pipeline(name, () => {
      need({ n: count().output }).ignoreUpstreamFailure();
    }),
  ],
  [
    "an empty static loop",
    "PIPELINE_LOOP_INVALID",
    pipeline(name, () => {
      parallelFor([] as readonly number[], () => void count());
    }),
  ],
  [
    "a negative parallelism",
    "PIPELINE_LOOP_INVALID",
    pipeline(name, () => {
      parallelFor([1], () => void count(), { parallelism: -1 });
    }),
  ],
  [
    "items of an unknown type",
    "PIPELINE_LOOP_ITEM_TYPE",
    pipeline({ ...name, parameters: { items: list() } }, ({ items }) => {
      parallelFor(items, () => void count());
    }),
  ],
  [
    "a value of another pipeline",
    "PIPELINE_TYPE_MISMATCH",
    (() => {
      const other: ParameterRef<never>[] = [];
      const first = pipeline({ name: "first" }, () => void other.push(count().output as ParameterRef<never>));
      first.build();
      return pipeline(name, () => {
        for (const n of other) count({ n });
      });
    })(),
  ],
  [
    "an output that is a parameter",
    "PIPELINE_OUTPUT_INVALID",
    pipeline({ ...name, parameters: { n: integer() } }, ({ n }) => {
      count();
      return { n };
    }),
  ],
  [
    "a pipeline's name with capitals",
    "PIPELINE_NAME_INVALID",
    pipeline({ name: "Wrong" }, () => void count()),
  ],
  [
    "a variable that is no name",
    "PIPELINE_SETTING_INVALID",
    pipeline(name, () => {
      count().setEnv("A-B", "x");
    }),
  ],
  [
    "resources on a nested pipeline",
    "PIPELINE_SETTING_INVALID",
    (() => {
      const inner = pipeline({ name: "inner" }, () => void count());
      return pipeline(name, () => {
        inner().setCpu({ limit: 1 });
      });
    })(),
  ],
  [
    "a default that is not among the literals",
    "PIPELINE_TYPE_MISMATCH",
    pipeline({ ...name, parameters: { s: string({ literals: ["a"], default: "b" }) } }, () => void count()),
  ],
  [
    "a default that is no number",
    "PIPELINE_TYPE_MISMATCH",
    pipeline({ ...name, parameters: { x: integer({ default: Number.NaN }) } }, () => void count()),
  ],
  [
    "an input and an output of one name",
    "PIPELINE_NAME_DUPLICATE",
    (() => {
      const same = { data: dataset({ optional: true }) };
      const copy = containerComponent({ name: "copy", image, inputs: same, outputs: same });
      return pipeline(name, () => void copy());
    })(),
  ],
  [
    "text into literals",
    "PIPELINE_TYPE_MISMATCH",
    (() => {
      const pick = containerComponent({
        name: "pick",
        image,
        inputs: { mode: string({ literals: ["a", "b"] }) },
      });
      return pipeline({ ...name, parameters: { s: string() } }, ({ s }) => {
        pick({ mode: text`${s}` as unknown as "a" });
      });
    })(),
  ],
];

it.each(graphs)("finds %s", (_, code, definition) => {
  const findings = findingsOf(definition);
  expect(findings.map((finding) => finding.code)).toEqual([code]);
  expect(findings.map(({ message, line }) => `${message}\n  at ${line}`)).toMatchSnapshot();
});

it("reports everything at once, nested pipelines included", () => {
  const inner = pipeline({ name: "inner" }, () => {
    // @ts-expect-error: a missing input
    need();
  });
  const outer = pipeline({ name: "outer" }, () => {
    need({ n: "x" as unknown as number });
    inner();
    count()
      .after(count())
      .setMemory({ limit: "much" as "1Gi" });
  });
  const codes = findingsOf(outer).map(({ code }) => code);
  expect(codes.sort()).toEqual([
    "PIPELINE_INPUT_MISSING",
    "PIPELINE_SETTING_INVALID",
    "PIPELINE_TYPE_MISMATCH",
  ]);
});

it("throws at once for a call outside a pipeline, and for a pipeline in itself", () => {
  expect(() => count()).toThrow(expect.objectContaining({ code: "PIPELINE_OUTSIDE" }));
  const self: { call?: () => unknown } = {};
  const definition = pipeline({ name: "self" }, () => void self.call?.());
  self.call = () => definition();
  expect(() => definition.build()).toThrow(expect.objectContaining({ code: "PIPELINE_RECURSIVE" }));
});

it("compiles again to the same findings", () => {
  const definition = pipeline(name, () => {
    const a = count();
    a.after(a);
  });
  expect(findingsOf(definition)).toEqual(findingsOf(definition));
});

it("passes artifacts and struct members through loops, branches and pipelines", () => {
  const inner = pipeline(
    { name: "inner", parameters: { all: artifactList(dataset()) } },
    ({ all }) => void gather({ all }),
  );
  const definition = pipeline(
    { name: "deep", parameters: { settings: struct({ n: integer(), deep: struct({ s: string() }) }) } },
    ({ settings }) => {
      const loop = parallelFor([1, 2], () => ({ data: write().outputs.data }));
      parallelFor(["a"], (letter) => {
        when(letter.equals(settings.field("deep").field("s")), () => {
          inner({ all: loop.outputs.data });
          need({ n: settings.field("n") });
        });
      });
    },
  );
  const { components = {}, root } = compilePipeline(definition).spec;
  const condition = components["comp-condition-5"]?.dag?.tasks;
  expect(condition?.need?.inputs?.parameters?.n).toEqual({
    componentInputParameter: "pipelinechannel--settings",
    parameterExpressionSelector: 'parseJson(string_value)["n"]',
  });
  expect(condition?.inner?.inputs?.artifacts?.all).toEqual({
    componentInputArtifact: "pipelinechannel--for-loop-2-pipelinechannel--write-data",
  });
  expect(root.dag?.tasks["for-loop-4"]?.dependentTasks).toEqual(["for-loop-2"]);
});

it("runs over lists of artifacts", () => {
  const definition = pipeline({ name: "artifact-loop" }, () => {
    const made = parallelFor([1, 2], () => ({ data: write().outputs.data }));
    parallelFor(made.outputs.data, () => void count());
  });
  expect(compilePipeline(definition).spec.root.dag?.tasks["for-loop-3"]?.artifactIterator).toEqual({
    items: { inputArtifact: "pipelinechannel--for-loop-2-pipelinechannel--write-data" },
    itemInput: "pipelinechannel--for-loop-2-pipelinechannel--write-data-loop-item",
  });
});

it("gives tasks that differ in nothing one component, and others their own", () => {
  const definition = pipeline({ name: "shared" }, () => {
    for (let i = 0; i < 5; i += 1) count({ n: i });
    count().setEnv("A", "b");
  });
  const { components = {}, deploymentSpec } = compilePipeline(definition).spec;
  expect(Object.keys(components)).toEqual(["comp-count", "comp-count-6"]);
  expect(Object.keys(deploymentSpec.executors ?? {})).toEqual(["exec-count", "exec-count-6"]);
});
