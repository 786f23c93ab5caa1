import type { JsonObject } from "@sealflow/core";
import {
  createInterpretation,
  type Decision,
  parsePipelineDocument,
  validatePipeline,
} from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import { compileCases, shortPath, withTexts } from "../../../../test-support/conformance/cases.js";
import { CONTEXT, type FakeRun, fakeRun, newestFirst, type Order } from "../interpreter/fake-run.js";
import { behave } from "./behaviour.js";

const cases = (await compileCases())
  .filter(({ commands, refused }) => !commands && refused === null)
  .flatMap(({ name, yaml, runs }) => {
    const document = parsePipelineDocument(yaml, { file: name });
    return runs.map((expected, index) => {
      const texts = {
        "@run-id@": CONTEXT.runId,
        "@run-name@": CONTEXT.runName,
        "@time@": CONTEXT.createTime,
      };
      const { parameters, ...wanted } = withTexts(expected as unknown as JsonObject, texts);
      return { key: `${name} ${index}`, document, parameters: parameters as JsonObject, wanted };
    });
  });
type Case = (typeof cases)[number];

/** What a run is compared by, as the expectations have it. */
function summary(run: FakeRun): JsonObject {
  const { outcome } = run;
  const results = new Map(run.results.map((result) => [result.path, result]));
  const tasks = Object.entries(run.states).map(([path, state]) => {
    const outputs = results.get(path)?.outputs?.parameters ?? {};
    return [shortPath(path), state === "SUCCEEDED" ? { state, outputs } : { state }];
  });
  const artifacts = Object.entries(outcome.outputs.artifacts).map(([key, list]) => {
    const texts = list.map(({ uri }) => uri.replace("mem:", ""));
    return [key, texts.length === 1 ? texts[0] : texts];
  });
  return {
    state: outcome.state,
    outputs: outcome.outputs.parameters,
    artifacts: Object.fromEntries(artifacts),
    tasks: Object.fromEntries(tasks),
  };
}

/** A seeded choice among the due tasks. */
function shuffled(seed: number): Order {
  let state = seed;
  return (due) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % due.length;
  };
}

function runCase({ document, parameters }: Case, order?: Order): FakeRun {
  return fakeRun(document.spec, behave, { parameters, ...(order === undefined ? {} : { order }) });
}

function caseNamed(key: string): Case {
  const found = cases.find((each) => each.key === key);
  if (found === undefined) throw new Error(`no case ${key}`);
  return found;
}

describe("pipelines compiled by the Python SDK", () => {
  it("are at least 80, in more runs", () => {
    expect(new Set(cases.map(({ document }) => document)).size).toBeGreaterThanOrEqual(80);
  });

  it.each(cases)("$key", (at) => {
    expect(summary(runCase(at))).toEqual(at.wanted);
  });

  it("have nothing that validation objects to", () => {
    const codes = cases.flatMap(({ document }) => validatePipeline(document).map(({ code }) => code));
    expect(new Set(codes)).toEqual(new Set());
  });

  it("end alike in whatever order results come in", () => {
    for (const at of cases) {
      for (const order of [newestFirst, shuffled(1), shuffled(2)]) {
        expect(summary(runCase(at, order)), at.key).toEqual(at.wanted);
      }
    }
  });

  it("take the same decisions when recorded results are replayed", () => {
    for (const at of cases) {
      const recorded = runCase(at, shuffled(3));
      const replay = createInterpretation(at.document.spec, at.parameters, CONTEXT);
      const decisions: Decision[] = [...replay.start()];
      for (const result of recorded.results) decisions.push(...replay.apply(result));
      expect(decisions, at.key).toEqual(recorded.decisions);
      expect(replay.outcome).toEqual(recorded.outcome);
    }
  });
});

describe("what the Python SDK's pipelines ask of a task", () => {
  const task = (name: string, path: string) => runCase(caseNamed(`${name} 0`)).tasks[path];

  it("has its retry policy, its own or that of the pipeline around it", () => {
    expect(task("retries_and_caching", "number")?.retryPolicy).toMatchObject({
      maxRetryCount: 3,
      backoffDuration: "5s",
    });
    expect(task("retry_inherited", "inner-sum/add")?.retryPolicy).toMatchObject({ maxRetryCount: 2 });
    expect(task("single", "echo")?.retryPolicy).toBeUndefined();
  });

  it("has its caching options, and none when the run wants none", () => {
    expect(task("retries_and_caching", "number")?.caching).toEqual({ enabled: false });
    expect(task("retries_and_caching", "number-2")?.caching).toEqual({ enabled: true, key: "mine" });
    const { document } = caseNamed("single 0");
    const run = fakeRun(document.spec, behave, { context: { caching: false } });
    expect(run.tasks.echo?.caching).toEqual({ enabled: false });
  });

  it("keeps to the loop's limit, whatever the order", () => {
    for (const order of [newestFirst, shuffled(4), shuffled(5)]) {
      expect(runCase(caseNamed("loop_limited 0"), order).width).toBe(2);
    }
    expect(runCase(caseNamed("loop_static 0")).width).toBe(3);
  });

  it("knows its iteration and its display name", () => {
    expect(task("loop_static", "for-loop-2[2]/number")?.iterationIndex).toBe(2);
    expect(task("nested_in_loop", "for-loop-2[1]/inner-sum/add")).toMatchObject({
      iterationIndex: 1,
      displayName: "add",
    });
  });

  it("passes machine resources and images given at run time as inputs", () => {
    const number = task("machine_inputs", "number");
    expect(number?.inputs.parameters).toMatchObject({ base_image: "python:3.12", memory_limit: "512M" });
    expect(number?.executor.container?.resources?.resourceMemoryLimit).toContain(
      "{{$.inputs.parameters['pipelinechannel--memory']}}",
    );
  });

  it("tells the final status in the words asked for", () => {
    const { document } = caseNamed("exit_success 0");
    const words = (finalStatusWords: "backend" | "documented") =>
      fakeRun(document.spec, behave, { context: { finalStatusWords } }).inputs.status?.given;
    expect(words("backend")).toEqual({
      state: "COMPLETE",
      pipelineJobResourceName: `exit-success-${CONTEXT.runId}`,
      pipelineTaskName: "exit-handler-1",
      error: {},
    });
    expect(words("documented")).toMatchObject({ state: "SUCCEEDED" });
  });
});
