import type { JsonObject, JsonValue } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import {
  type AnyPipeline,
  formatPipelineYaml,
  integer,
  list,
  parallelFor,
  pipeline,
} from "../../src/authoring/index.js";
import {
  createInterpretation,
  type DueTask,
  parsePipelineDocument,
  type RunOutcome,
  type TaskOutputs,
} from "../../src/index.js";
import { compileWithSources } from "./read-components.js";
import * as written from "./testdata/roundtrip/pipelines.js";
import { deepTotal, number } from "./testdata/roundtrip/steps.components.js";

/** What the components of the round trips put out. */
function outputsOf(task: DueTask): TaskOutputs {
  const { parameters: given, artifacts } = task.inputs;
  const results: Record<string, JsonValue> = {};
  for (const [name, { parameterType }] of Object.entries(task.outputParameters)) {
    const size = artifacts.data?.[0]?.uri.split("size=")[1];
    const value = given.x ?? sum(given.xs) ?? Number(size ?? 0);
    if (parameterType === "LIST") results[name] = [{ k: "it's" }];
    else results[name] = parameterType === "STRING" ? (given.text ?? "none") : value;
  }
  const made = Object.entries(task.outputArtifacts).map(([name, { artifactType }]) => {
    const uri = `memory://${task.path}/${name}?size=${given.size ?? 3}`;
    return [name, [{ name, type: artifactType, uri, metadata: {} }]] as const;
  });
  const declared = Object.entries(results).filter(([name]) => name in task.outputParameters);
  return { parameters: Object.fromEntries(declared), artifacts: Object.fromEntries(made) };
}

function sum(values: JsonValue | undefined): number | undefined {
  if (!Array.isArray(values)) return undefined;
  return (values.flat(9) as number[]).reduce((total, value) => total + value, 0);
}

/** Runs a compiled pipeline by the interpreter alone, in the order in which tasks become due. */
function interpret(
  definition: AnyPipeline,
  parameters: JsonObject = {},
): { outcome: RunOutcome | undefined; ran: string[] } {
  const { spec } = parsePipelineDocument(formatPipelineYaml(compileWithSources(definition)));
  const run = createInterpretation(spec, parameters, {
    runId: "r",
    runName: "run",
    createTime: "2026-01-01T00:00:00Z",
  });
  const ran: string[] = [];
  const waiting = [...run.start()];
  for (let decision = waiting.shift(); decision !== undefined; decision = waiting.shift()) {
    if (decision.kind !== "run") continue;
    ran.push(decision.task.path);
    waiting.push(
      ...run.apply({ path: decision.task.path, state: "SUCCEEDED", outputs: outputsOf(decision.task) }),
    );
  }
  return { outcome: run.outcome, ran };
}

describe("a pipeline written in TypeScript, interpreted", () => {
  it.each([
    [1, "condition-branches-1/condition-2/number-2", 1],
    [7, "condition-branches-1/condition-3/number-3", 7],
    [0, "condition-branches-1/condition-4/number-4", 3],
  ])("takes the branch for %i", (n, path, output) => {
    const { outcome, ran } = interpret(written.branches, { n });
    expect(ran).toEqual(["number", path, "number-5"]);
    expect(outcome?.outputs.parameters).toEqual({ Output: output });
  });

  it.each([
    ["a", 1],
    ["it's b", 9],
  ])("passes the artifact of the branch for %s", (s, size) => {
    const { outcome } = interpret(written.branch_artifacts, { s });
    expect(outcome?.outputs.artifacts.Output?.map(({ uri }) => uri.split("size=")[1])).toEqual([
      String(size),
    ]);
  });

  it("collects what a loop gives, in the order of its items", () => {
    const { outcome, ran } = interpret(written.static_loop);
    expect(outcome?.outputs.parameters).toEqual({ Output: [1, 2, 3] });
    expect(ran).toContain("for-loop-2[2]/number");
  });

  it("makes a list of lists of nested loops", () => {
    const nested = pipeline({ name: "nested", parameters: { nums: list(integer()) } }, ({ nums }) => {
      const outer = parallelFor([1, 2], () => {
        const inner = parallelFor(nums, (x) => ({ x: number({ x }).output }));
        return { all: inner.outputs.x };
      });
      return { all: outer.outputs.all, total: deepTotal({ xs: outer.outputs.all }).output };
    });
    const { outcome } = interpret(nested, { nums: [4, 5] });
    expect(outcome?.outputs.parameters).toEqual({
      all: [
        [4, 5],
        [4, 5],
      ],
      total: 18,
    });
  });

  it("runs nested loops, exit handlers, settings and nested pipelines to their end", () => {
    const all: readonly (readonly [AnyPipeline, JsonObject])[] = [
      [written.nested_loops, { nums: [4, 5] }],
      [written.struct_loops, { names: [{ a: "a", b: "x", c: "c" }] }],
      [written.loop_artifacts, {}],
      [written.exits, { m: "it's" }],
      [written.ignoring, { n: 1 }],
      [written.nested, { n: 1 }],
      [written.dynamic_settings, { image: "python:3.12" }],
      [written.comparisons, { s: "a b", n: 3, x: 0.1, b: true }],
    ];
    for (const [definition, parameters] of all) {
      expect(interpret(definition, parameters).outcome?.state, definition.pipelineName).toBe("SUCCEEDED");
    }
  });
});
