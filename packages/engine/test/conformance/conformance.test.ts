import { mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type JsonObject, SealflowError, SealflowErrors } from "@sealflow/core";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  type ConformanceCase,
  compileCases,
  type ExpectedRun,
  shortPath,
  withTexts,
} from "../../../../test-support/conformance/cases.js";
import type { Engine } from "../../src/api.js";
import { createEngine } from "../../src/engine.js";
import type { RunEvent } from "../../src/events.js";
import type { TaskSummary } from "../../src/result.js";
import { discard } from "../../src/store/artifacts.js";
import { openStore } from "../../src/store/store.js";
import { keptDirectory } from "../temporary.js";

const directory = keptDirectory("conformance");
const cases = await compileCases();
let engine: Engine;

beforeAll(() => {
  const environmentsDirectory = join(directory, "envs");
  const store = openStore(join(directory, "store"));
  engine = createEngine({ store, environmentsDirectory, containers: "host", concurrency: 4 });
});
afterAll(async () => {
  await engine.close();
  discard(directory);
});

/** A task as the expectations have it. */
function ended({ state, outputs }: TaskSummary): JsonObject {
  return state === "SUCCEEDED" ? { state, outputs } : { state };
}

type RunArtifacts = Extract<RunEvent, { type: "run-finished" }>["artifacts"];

function texts(artifacts: RunArtifacts): JsonObject {
  const read = (uri: string) => readFileSync(fileURLToPath(uri), "utf8");
  return Object.fromEntries(
    Object.entries(artifacts).map(([name, list]) => [
      name,
      list.length === 1 && list[0] !== undefined ? read(list[0].uri) : list.map(({ uri }) => read(uri)),
    ]),
  );
}

/** RFC 3339 times differ from run to run. */
const withoutTimes = (value: JsonObject): JsonObject =>
  JSON.parse(
    JSON.stringify(value).replace(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z/g, "@time@"),
  ) as JsonObject;

async function runCase({ name, yaml }: ConformanceCase, expected: ExpectedRun, index: number): Promise<void> {
  const scratch = join(directory, "scratch", `${name}-${index}`);
  mkdirSync(scratch, { recursive: true });
  const runId = `${name.replaceAll("_", "-")}-${index}`;
  const known = { "@scratch@": scratch, "@run-id@": runId, "@run-name@": `run of ${name}` };
  const { parameters, ...wanted } = withTexts(expected as unknown as JsonObject, known);
  let artifacts: RunArtifacts = {};
  const summary = await engine.run(parsePipelineDocument(yaml, { file: name }), {
    parameters: parameters as JsonObject,
    runId,
    name: `run of ${name}`,
    caching: false,
    onEvent: (event) => {
      if (event.type === "run-finished") artifacts = event.artifacts;
    },
  });
  const { state, outputs, tasks } = summary;
  const found = {
    state,
    outputs,
    artifacts: texts(artifacts),
    tasks: Object.fromEntries(tasks.map((task) => [shortPath(task.path), ended(task)])),
  };
  expect(withoutTimes(found as JsonObject)).toEqual(wanted);
  expect(new Set(tasks.map(({ path }) => shortPath(path))).size).toBe(tasks.length);
}

describe("pipelines of the Python SDK, run by the engine", () => {
  it("are at least 80", () => {
    expect(cases.length).toBeGreaterThanOrEqual(80);
  });

  it.each(cases.filter(({ refused }) => refused === null))("give what is expected: $name", async (given) => {
    for (const [index, expected] of given.runs.entries()) await runCase(given, expected, index);
  });

  it.each(cases.filter(({ refused }) => refused !== null))("is refused: $name", async ({ yaml, refused }) => {
    const error: unknown = await Promise.resolve(yaml)
      .then((text) => engine.run(parsePipelineDocument(text)))
      .catch((thrown) => thrown);
    const findings = error instanceof SealflowErrors ? error.findings : [error];
    const codes = findings.map((finding) => (finding instanceof SealflowError ? finding.code : finding));
    expect([...new Set(codes)].sort()).toEqual(refused);
  });
});
