import { parsePipelineDocument } from "@sealflow/pipeline";
import type { VerifiedRun, VerifiedTask } from "@sealflow/trust";
import { expect, it } from "vitest";
import { verifiedOutputs, verifiedTasks } from "../src/confidential/verified-outputs.js";

const types = {
  count: "NUMBER_INTEGER",
  ratio: "NUMBER_DOUBLE",
  good: "BOOLEAN",
  name: "STRING",
  rows: "LIST",
  table: "STRUCT",
};
const parameters = Object.fromEntries(
  Object.entries(types).map(([name, parameterType]) => [name, { parameterType }]),
);

/** One task whose outputs are the pipeline's. */
const document = parsePipelineDocument(
  JSON.stringify({
    ...{ schemaVersion: "2.1.0", sdkVersion: "kfp-2.17.0", pipelineInfo: { name: "measured" } },
    deploymentSpec: { executors: { exec: { container: { image: "python:3.11", command: ["true"] } } } },
    components: { measure: { executorLabel: "exec", outputDefinitions: { parameters } } },
    root: {
      outputDefinitions: { parameters },
      dag: {
        tasks: { measure: { taskInfo: { name: "measure" }, componentRef: { name: "measure" } } },
        outputs: {
          parameters: Object.fromEntries(
            Object.keys(types).map((name) => [
              name,
              { valueFromParameter: { producerSubtask: "measure", outputParameterKey: name } },
            ]),
          ),
        },
      },
    },
  }),
);

/** What the bundle proves: of the task's outputs only `ratio` was released. */
function proven(released: Readonly<Record<string, number>>): VerifiedRun {
  const task = {
    ...{ path: "measure", state: "succeeded" },
    outputs: {
      artifacts: {},
      parameters: Object.fromEntries(
        Object.keys(types).map((name) => [name, name in released ? { value: released[name] } : {}]),
      ),
    },
  };
  const run = { runId: "r", runName: "r", registeredAt: "2026-01-01T00:00:00Z", parameters: {}, inputs: {} };
  // Only what is read of a verdict.
  return { ...run, tasks: [task as unknown as VerifiedTask] } as unknown as VerifiedRun;
}

it("shows what was released, and the rest as sealed, whatever its type and whatever the control plane said", () => {
  const sealed = Object.fromEntries(Object.keys(types).map((name) => [name, "(sealed)"]));
  expect(verifiedOutputs(document, proven({ ratio: 0.5 })).parameters).toEqual({ ...sealed, ratio: 0.5 });
  const told = { path: "measure", name: "measure", state: "SUCCEEDED", cached: false } as const;
  const nothing = { startTime: null, endTime: null, outputs: { count: 17 }, artifacts: {} };
  expect(verifiedTasks([{ ...told, ...nothing }], proven({ ratio: 0.5 }))[0]?.outputs).toEqual({
    ...sealed,
    ratio: 0.5,
  });
});
