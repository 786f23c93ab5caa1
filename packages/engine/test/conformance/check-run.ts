/** Runs documents with one engine and compares with what was written down by hand. */
import { existsSync, mkdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { afterAll, expect } from "vitest";
import { type ExpectedRun, shortPath, withTexts } from "../../../../test-support/conformance/cases.js";
import { createEngine } from "../../src/engine.js";
import type { RunEvent } from "../../src/events.js";
import type { TaskSummary } from "../../src/result.js";
import { discard } from "../../src/store/artifacts.js";
import { openStore } from "../../src/store/store.js";
import { keptDirectory } from "../temporary.js";

/** A task as the expectations have it. */
function ended({ state, outputs }: TaskSummary): JsonObject {
  return state === "SUCCEEDED" ? { state, outputs } : { state };
}

type RunArtifacts = Extract<RunEvent, { type: "run-finished" }>["artifacts"];

/** Contents of artifacts; nothing for one that its task never wrote. */
function texts(artifacts: RunArtifacts): JsonObject {
  const read = (uri: string) =>
    existsSync(fileURLToPath(uri)) ? readFileSync(fileURLToPath(uri), "utf8") : "";
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

/** An engine for one test file, with warm workers between the runs. */
export function checkingEngine(name: string) {
  const directory = keptDirectory(name);
  const engine = createEngine({
    store: openStore(join(directory, "store")),
    environmentsDirectory: join(directory, "envs"),
    containers: "host",
    concurrency: 4,
  });
  afterAll(async () => {
    await engine.close();
    discard(directory);
  });
  const check = async (document: PipelineDocument, expected: ExpectedRun, id: string): Promise<void> => {
    const scratch = join(directory, "scratch", id);
    mkdirSync(scratch, { recursive: true });
    const known = { "@scratch@": scratch, "@run-id@": id, "@run-name@": `run of ${id}` };
    const { parameters, ...wanted } = withTexts(expected as unknown as JsonObject, known);
    let artifacts: RunArtifacts = {};
    const { state, outputs, tasks } = await engine.run(document, {
      parameters: parameters as JsonObject,
      runId: id,
      name: `run of ${id}`,
      caching: false,
      onEvent: (event) => {
        if (event.type === "run-finished") artifacts = event.artifacts;
      },
    });
    const found = {
      state,
      outputs,
      artifacts: texts(artifacts),
      tasks: Object.fromEntries(tasks.map((task) => [shortPath(task.path), ended(task)])),
    };
    expect(withoutTimes(found as JsonObject)).toEqual(wanted);
    expect(new Set(tasks.map(({ path }) => shortPath(path))).size).toBe(tasks.length);
  };
  return { engine, check };
}
