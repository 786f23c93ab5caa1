import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { parseLock } from "@sealflow/cluster";
import type { JsonObject, JsonValue } from "@sealflow/core";
import {
  createInterpretation,
  type Decision,
  type DueTask,
  executorInputOf,
  type PipelineDocument,
  parsePipelineDocument,
  type TaskResult,
} from "@sealflow/pipeline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { registryProgram } from "../../../../test-support/registry.js";
import { cli } from "../../../cli/test/support/fake-context.js";
import { type Stage, startStage } from "./stage.js";

const program = registryProgram();
const example = fileURLToPath(new URL("../../../../examples/loan-default", import.meta.url));
const parameters = { generated_rows: 2000, n_estimators: 20 };
/** Released to the control plane, so that the test can look at them. */
const shown = ["evaluate-model/auc", "evaluate-model/accuracy", "run-inference/Output"];

/** Minutes long: packages of a few hundred megabytes, eight pods. `npm run test:slow` runs it. */
describe.skipIf(program === undefined || !process.env.SEALFLOW_SLOW)("the loan-default pipeline", () => {
  let stage: Stage;
  let document: PipelineDocument;
  beforeAll(async () => {
    const directory = mkdtempSync(join(tmpdir(), "sealflow-loan-"));
    const file = join(directory, "loan.yaml");
    await cli(["compile", "pipeline.ts", "-o", file], { cwd: example, env: process.env });
    document = parsePipelineDocument(readFileSync(file, "utf8"));
    rmSync(directory, { recursive: true });
    const requirements = parseLock(
      readFileSync(join(example, "requirements.lock"), "utf8"),
      "requirements.lock",
    );
    const input = { document, requirements, parameters, declassify: shown };
    stage = await startStage({ ...input, registryProgram: program ?? "" });
  }, 1_200_000);
  afterAll(() => stage?.stop());

  /** What the control plane sees of a task: its outputs as the pod wrote them. */
  async function runTask(task: DueTask): Promise<TaskResult> {
    const place = `minio://${task.path}`;
    const executorInput = executorInputOf(task, {
      outputFile: `/minio/${task.path}/output_metadata.json`,
      outputParameter: (name) => `/minio/${task.path}/${name}`,
      outputArtifact: (name) => `${place}/${name}`,
    });
    const node = task.path.replaceAll("/", ".");
    const { pod, log } = await stage.run({ executor: task.executorLabel, node, executorInput });
    expect(`${task.path}: ${log}`).toBe(`${task.path}: `);
    expect(pod.status?.phase).toBe("Succeeded");
    const file = join(stage.shared, task.path, "output_metadata.json");
    const { parameterValues } = JSON.parse(readFileSync(file, "utf8")) as { parameterValues: JsonObject };
    const artifacts = Object.entries(task.outputArtifacts).map(([name, { artifactType }]) => [
      name,
      [{ name, type: artifactType, uri: `${place}/${name}`, metadata: {} }],
    ]);
    const values = parameterValues as Record<string, JsonValue>;
    return {
      path: task.path,
      state: "SUCCEEDED",
      outputs: { parameters: values, artifacts: Object.fromEntries(artifacts) },
    };
  }

  test("runs sealed in pods of its measured image, eight tasks, to a model that is worth something", async () => {
    const context = { runId: stage.world.runId, runName: "loan", createTime: new Date().toISOString() };
    const interpretation = createInterpretation(document.spec, parameters, context);
    const due: DueTask[] = [];
    const take = (decisions: readonly Decision[]) => {
      for (const decision of decisions) if (decision.kind === "run") due.push(decision.task);
    };
    take(interpretation.start());
    let pods = 0;
    for (let task = due.shift(); task !== undefined; task = due.shift()) {
      take(interpretation.apply(await runTask(task)));
      pods += 1;
    }
    expect(interpretation.outcome).toMatchObject({ state: "SUCCEEDED" });
    expect(pods).toBe(8);
    const { auc, accuracy } = interpretation.outcome?.outputs.parameters ?? {};
    expect(Number(auc)).toBeGreaterThan(0.6);
    expect(Number(accuracy)).toBeGreaterThan(0.6);
    expect(await stage.world.project.broker.status(stage.world.runId)).toMatchObject({ state: "SUCCEEDED" });
  }, 1_200_000);
});
