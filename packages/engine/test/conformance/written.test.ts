import type { JsonObject } from "@sealflow/core";
import { formatPipelineYaml, isPipeline, parsePipelineDocument } from "@sealflow/pipeline";
import { describe, expect, it } from "vitest";
import type { ExpectedRun, ExpectedTask } from "../../../../test-support/conformance/cases.js";
import { runPython } from "../../../../test-support/python.js";
import { compileWithSources } from "../../../pipeline/test/authoring/read-components.js";
import * as pairs from "../../../pipeline/test/authoring/testdata/roundtrip/pipelines.js";
import { checkingEngine } from "./check-run.js";
import * as written from "./written.js";

const SKIPPED: ExpectedTask = { state: "SKIPPED" };
const FAILED: ExpectedTask = { state: "FAILED" };
const ran = (outputs: JsonObject = {}): ExpectedTask => ({ state: "SUCCEEDED", outputs });
const gave = (value: number | string | readonly unknown[]): ExpectedTask => ran({ Output: value as string });
const said = (value: string): ExpectedTask => ran({ said: value });
/** `name`, `name-2`, `name-3` … with their ends. */
const numbered = (name: string, ends: readonly ExpectedTask[]): Record<string, ExpectedTask> =>
  Object.fromEntries(ends.map((end, index) => [index === 0 ? name : `${name}-${index + 1}`, end]));

interface Case extends Partial<ExpectedRun> {
  readonly name: string;
  readonly tasks: ExpectedRun["tasks"];
}

/** What the pipelines mean, by hand. */
const cases: readonly Case[] = [
  {
    name: "chain",
    parameters: { seed: 4 },
    outputs: { Output: 4 },
    tasks: { ...numbered("number", [gave(4), gave(4), gave(1)]), word: gave("x") },
  },
  {
    name: "parameters",
    parameters: { a: "a", b: 1, c: 2, d: true, e: [1, "t"], f: { z: 1 }, n: "n" },
    tasks: {
      ...numbered("settings", [gave("{'z': 1}"), gave("{'k': [1, 2.5, True]}")]),
      ratio: gave(2),
      word: gave("n"),
    },
  },
  {
    name: "artifacts",
    outputs: { auc: 0.5 },
    artifacts: { model: "" },
    tasks: { make: ran(), fit: ran({ auc: 0.5, n: 3 }), read: gave(4) },
  },
  { name: "single_if", parameters: { n: 1 }, tasks: { number: gave(1), "number-2": gave(1) } },
  { name: "single_if", parameters: { n: 2 }, tasks: { number: gave(2), "number-2": SKIPPED } },
  {
    name: "comparisons",
    parameters: { s: "a b", n: 3, x: 0.25, b: true },
    tasks: {
      ...numbered("word", [gave("1"), gave("2"), gave("3"), gave("4"), SKIPPED]),
      number: gave(3),
    },
  },
  {
    name: "comparisons",
    parameters: { s: "' b", n: 2, x: 0.5, b: false },
    tasks: { ...numbered("word", [SKIPPED, SKIPPED, SKIPPED, SKIPPED, SKIPPED]), number: gave(2) },
  },
  ...[
    { n: 1, taken: [gave(1), SKIPPED, SKIPPED], gives: 1 },
    { n: 5, taken: [SKIPPED, gave(5), SKIPPED], gives: 5 },
    { n: 2, taken: [SKIPPED, SKIPPED, gave(3)], gives: 3 },
  ].map(({ n, taken, gives }) => ({
    name: "branches",
    parameters: { n },
    outputs: { Output: gives },
    tasks: numbered("number", [gave(n), ...taken, gave(gives)]),
  })),
  {
    name: "branch_artifacts",
    parameters: { s: "a" },
    artifacts: { Output: "x" },
    tasks: { make: ran(), "make-2": SKIPPED, read: gave(1) },
  },
  {
    name: "branch_artifacts",
    parameters: { s: "it's" },
    artifacts: { Output: "xxxxxxxxx" },
    tasks: { make: SKIPPED, "make-2": ran(), read: gave(9) },
  },
  {
    name: "static_loop",
    outputs: { Output: [1, 2, 3] },
    tasks: { "[0]/number": gave(1), "[1]/number": gave(2), "[2]/number": gave(3), total: gave(6) },
  },
  {
    name: "nested_loops",
    parameters: { nums: [10, 20] },
    tasks: {
      "[0]/number": gave(1),
      "[0][0]/number-2": gave(10),
      "[0][1]/number-2": gave(20),
      "[1]/number": gave(2),
      "[1][0]/number-2": gave(10),
      "[1][1]/number-2": gave(20),
      "deep-total": gave(60),
    },
  },
  {
    name: "struct_loops",
    parameters: {
      names: [
        { a: "p", b: "x", c: "q" },
        { a: "r", b: "y", c: "s" },
      ],
    },
    tasks: {
      "[0]/word": gave("p"),
      "[0]/word-2": gave("q"),
      "[1]/word": gave("r"),
      "[1]/word-2": SKIPPED,
      "[0]/word-3": gave("x"),
      "[0]/word-4": gave("1"),
      "[1]/word-3": gave("y"),
      "[1]/word-4": gave("2"),
      rows: gave([{ k: "v" }]),
      "[0]/word-5": gave("v"),
    },
  },
  { name: "loop_artifacts", tasks: { "[0]/make": ran(), "[1]/make": ran(), gather: gave(2) } },
  {
    name: "exits",
    parameters: { m: "'m'" },
    tasks: { notify: ran(), number: gave(1), word: gave("hi 'm' 1!") },
  },
  { name: "ignoring", parameters: { n: 3 }, tasks: { number: gave(3), notify: ran() } },
  {
    name: "nested",
    parameters: { n: 1 },
    tasks: {
      "inner/maybe": gave(""),
      "inner/number": gave(1),
      make: ran(),
      "inner-2/maybe": gave(""),
      "inner-2/number": gave(4),
      number: gave(1),
      "inner-3/maybe": gave(""),
      "inner-3/number": gave(4),
    },
  },
  { name: "task_settings", parameters: { n: 7 }, tasks: numbered("number", [gave(7), gave(7), gave(7)]) },
  {
    name: "dynamic_settings",
    parameters: { image: "python:3.11" },
    tasks: { word: gave("2"), number: gave(1) },
  },
  {
    name: "composed",
    parameters: { n: 2, s: "it's", b: true },
    tasks: numbered("say", [said("all"), SKIPPED, SKIPPED, SKIPPED]),
  },
  {
    name: "composed",
    parameters: { n: 0, s: "0", b: false },
    tasks: numbered("say", [SKIPPED, said("some"), said("none"), said("as text")]),
  },
  {
    name: "composed",
    parameters: { n: 5, s: 'q"', b: false },
    tasks: numbered("say", [SKIPPED, said("some"), SKIPPED, SKIPPED]),
  },
  {
    name: "boolean_outputs",
    outputs: { chosen: "same" },
    tasks: { test: ran({ same: true }), say: said("same"), "say-2": SKIPPED },
  },
  {
    name: "boolean_outputs",
    parameters: { s: "y" },
    outputs: { chosen: "other" },
    tasks: { test: ran({ same: false }), say: SKIPPED, "say-2": said("other") },
  },
  {
    name: "texts_of_items",
    outputs: {
      said: [
        ["a1x", "a2y"],
        ["b1x", "b2y"],
      ],
    },
    tasks: {
      "[0][0]/say": said("a1x"),
      "[0][1]/say": said("a2y"),
      "[1][0]/say": said("b1x"),
      "[1][1]/say": said("b2y"),
    },
  },
  {
    name: "choice_in_a_condition",
    parameters: { n: -1 },
    tasks: numbered("say", [said("minus"), SKIPPED, said("below")]),
  },
  {
    name: "choice_in_a_condition",
    parameters: { n: 1 },
    tasks: numbered("say", [SKIPPED, said("plus"), SKIPPED]),
  },
  { name: "literals", outputs: { said: "fast" }, tasks: { say: said("fast") } },
  {
    name: "fields",
    outputs: { said: ["part 3", "part 3"] },
    tasks: {
      split: ran({ parts: [3, 3], shape: { size: 3, name: "n" } }),
      say: said("n is large"),
      "[0]/say-2": said("part 3"),
      "[1]/say-2": said("part 3"),
    },
  },
  {
    name: "guarded",
    tasks: { ...numbered("say", [said("bye"), said("work"), said("beside")]), stop: SKIPPED },
  },
  {
    name: "guarded",
    parameters: { fails: true },
    state: "FAILED",
    tasks: { ...numbered("say", [said("bye"), said("work"), said("beside")]), stop: FAILED },
  },
];

const pipelines = Object.fromEntries(
  Object.entries({ ...pairs, ...written }).filter(([, value]) => isPipeline(value)),
);
const { check } = checkingEngine("written");
const documentOf = (name: string) => {
  const pipeline = pipelines[name];
  if (!isPipeline(pipeline)) throw new Error(`no pipeline ${name}`);
  return compileWithSources(pipeline);
};

describe("pipelines written in TypeScript, run by the engine", () => {
  it.each(cases.map((each, index) => ({ ...each, index })))("give what is expected: $name", async (given) => {
    const { name, index, ...expected } = given;
    const document = parsePipelineDocument(formatPipelineYaml(documentOf(name)));
    const blank = { parameters: {}, state: "SUCCEEDED", outputs: {}, artifacts: {} };
    await check(document, { ...blank, ...expected }, `${name.replaceAll("_", "-")}-${index}`);
  });

  it("are loaded by Kubeflow's own classes", async () => {
    const names = Object.keys(written).filter((name) => name in pipelines);
    const texts = Object.fromEntries(names.map((name) => [name, formatPipelineYaml(documentOf(name))]));
    const program = new URL("../../../pipeline/test/authoring/check_documents.py", import.meta.url).pathname;
    expect(JSON.parse(await runPython([program], JSON.stringify(texts)))).toEqual({});
  });
});
