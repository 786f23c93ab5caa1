import { readFileSync, writeFileSync } from "node:fs";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import {
  type ArtifactValue,
  createInterpretation,
  type Decision,
  type PipelineDocument,
  parsePipelineDocument,
  validatePipeline,
} from "@sealflow/pipeline";
import { beforeAll, describe, expect, it } from "vitest";
import { runPython } from "../../../../test-support/python.js";
import { CONTEXT, type FakeRun, fakeRun, newestFirst, type Order } from "../interpreter/fake-run.js";
import { behave } from "./behaviour.js";

/** Pipelines by name, and the parameters of runs besides the one with defaults only. */
const variants: Readonly<Record<string, readonly JsonObject[]>> = {
  all_types: [
    { text: "s", whole: 5, fraction: 1.5, flag: true, items: [1, 2.5], fields: { a: 1, b: [2] } },
    { text: "", whole: -1, fraction: 2, flag: false, items: [], fields: {} },
  ],
  chain: [{ n: 40 }],
  optional_inputs: [{ text: "x", n: null }],
  nested_optional: [{ text: "x" }],
  if_text: [{ text: "no" }, { text: "it's" }],
  if_else: [{ flag: false }],
  if_elif_else: [{ n: 2 }, { n: 3 }, { n: 5 }, { n: 10 }],
  if_double: [{ x: 0.75 }],
  if_two_channels: [{ b: "y" }],
  if_hostile_value: [{ text: "yes" }, { text: "') || true || ('" }],
  one_of_parameter: [{ side: "tails" }, { side: "neither" }],
  one_of_artifact: [{ side: "a" }],
  loop_parameter: [{ items: [] }, { items: ["it's"] }],
  loop_empty: [{ items: ["a", "b"] }],
  loop_parameter_dicts: [
    {
      items: [
        { a: "1", b: "2" },
        { a: "3", b: "4" },
      ],
    },
  ],
  loop_condition: [{ items: [] }],
  condition_loop: [{ n: 2 }, { n: 3 }],
  collected_artifacts: [{ names: [] }],
  collected_of_conditions: [{ least: 4 }],
  exit_with_condition: [{ n: 2 }],
  nested_in_condition: [{ n: 1 }],
  loop_one_of: [{ items: [2] }, { items: [] }],
  f_strings: [{ name: "{{$.pipeline_job_name}}" }],
};
const expectedFile = fileURLToPath(new URL("../testdata/conformance/expected.json", import.meta.url));

/** What a run is compared by. */
interface Summary {
  readonly state: string;
  readonly error?: string;
  readonly outputs: JsonObject;
  readonly artifacts: JsonObject;
  /** State of each leaf; with its outputs where it has some. */
  readonly tasks: JsonObject;
}

function summary(run: FakeRun): Summary {
  const { outcome } = run;
  const results = new Map(run.results.map((result) => [result.path, result]));
  const tasks = Object.entries(run.states).map(([path, state]) => {
    const outputs = results.get(path)?.outputs?.parameters ?? {};
    return [path, Object.keys(outputs).length === 0 ? state : { state, ...outputs }];
  });
  const artifacts = Object.entries(outcome.outputs.artifacts).map(([key, list]) => [
    key,
    list.map(({ uri }) => uri),
  ]);
  return {
    state: outcome.state,
    ...(outcome.error === undefined ? {} : { error: outcome.error.message }),
    outputs: outcome.outputs.parameters,
    artifacts: Object.fromEntries(artifacts),
    tasks: Object.fromEntries(tasks),
  };
}

/** An artifact for each that the pipeline takes. */
function givenArtifacts({ spec }: PipelineDocument): Record<string, ArtifactValue[]> {
  const definitions = Object.entries(spec.root.inputDefinitions?.artifacts ?? {});
  return Object.fromEntries(
    definitions.map(([name, { artifactType }]) => [
      name,
      [{ name, type: artifactType, uri: `mem://given/${name}`, metadata: {} }],
    ]),
  );
}

/** A seeded choice among the due tasks. */
function shuffled(seed: number): Order {
  let state = seed;
  return (due) => {
    state = (Math.imul(state, 1664525) + 1013904223) >>> 0;
    return state % due.length;
  };
}

const documents: Record<string, PipelineDocument> = {};
const expected: Record<string, Summary> = JSON.parse(readFileSync(expectedFile, "utf8"));
const cases = Object.keys(expected).map((key) => {
  const at = key.indexOf(" ");
  const [name, parameters] = at === -1 ? [key, "{}"] : [key.slice(0, at), key.slice(at + 1)];
  return { key, name, parameters: JSON.parse(parameters) as JsonObject };
});

function runCase(at: { name: string; parameters: JsonObject }, order?: Order): FakeRun {
  const document = documents[at.name];
  if (document === undefined) throw new Error(`no pipeline ${at.name}`);
  const artifacts = givenArtifacts(document);
  return fakeRun(document.spec, behave, { ...at, artifacts, ...(order === undefined ? {} : { order }) });
}

beforeAll(async () => {
  const directory = dirname(fileURLToPath(import.meta.url));
  const texts: Record<string, string> = JSON.parse(await runPython([`${directory}/pipelines.py`]));
  for (const [name, text] of Object.entries(texts))
    documents[name] = parsePipelineDocument(text, { file: name });
  if (process.env.SEALFLOW_UPDATE_GOLDEN) {
    const all = Object.keys(texts).flatMap((name) => [
      ...(name === "all_types" || name === "if_elif_else" ? [] : [{ key: name, name, parameters: {} }]),
      ...(variants[name] ?? []).map((parameters) => ({
        key: `${name} ${JSON.stringify(parameters)}`,
        name,
        parameters,
      })),
    ]);
    const found = Object.fromEntries(all.map((at) => [at.key, summary(runCase(at))]));
    writeFileSync(expectedFile, `${JSON.stringify(found, null, 1)}\n`);
  }
}, 60_000);

describe("pipelines compiled by the Python SDK", () => {
  it("are all expected, in at least 80 runs", () => {
    expect(new Set(cases.map(({ name }) => name))).toEqual(new Set(Object.keys(documents)));
    expect(cases.length).toBeGreaterThanOrEqual(80);
  });

  it.each(cases)("$key", (at) => {
    expect(summary(runCase(at))).toEqual(expected[at.key]);
  });

  it("have nothing that validation objects to but what the compiler leaves implicit", () => {
    const codes = Object.values(documents).flatMap((document) =>
      validatePipeline(document).map(({ code }) => code),
    );
    expect(new Set(codes)).toEqual(new Set());
  });

  it("end alike in whatever order results come in", () => {
    for (const at of cases) {
      for (const order of [newestFirst, shuffled(1), shuffled(2)]) {
        expect(summary(runCase(at, order)), at.key).toEqual(expected[at.key]);
      }
    }
  });

  it("take the same decisions when recorded results are replayed", () => {
    for (const at of cases) {
      const document = documents[at.name];
      if (document === undefined) throw new Error(`no pipeline ${at.name}`);
      const recorded = runCase(at, shuffled(3));
      const replay = createInterpretation(document.spec, at.parameters, CONTEXT, givenArtifacts(document));
      const decisions: Decision[] = [...replay.start()];
      for (const result of recorded.results) decisions.push(...replay.apply(result));
      expect(decisions, at.key).toEqual(recorded.decisions);
      expect(replay.outcome).toEqual(recorded.outcome);
    }
  });
});

describe("what the Python SDK's pipelines ask of a task", () => {
  const task = (name: string, path: string) => runCase({ name, parameters: {} }).tasks[path];

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
    const document = documents.single;
    if (document === undefined) throw new Error("no pipeline single");
    const run = fakeRun(document.spec, behave, { context: { caching: false } });
    expect(run.tasks.echo?.caching).toEqual({ enabled: false });
  });

  it("keeps to the loop's limit, whatever the order", () => {
    for (const order of [newestFirst, shuffled(4), shuffled(5)]) {
      expect(runCase({ name: "loop_limited", parameters: {} }, order).width).toBe(2);
    }
    expect(runCase({ name: "loop_static", parameters: {} }).width).toBe(3);
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
    const document = documents.exit_success;
    if (document === undefined) throw new Error("no pipeline exit_success");
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
