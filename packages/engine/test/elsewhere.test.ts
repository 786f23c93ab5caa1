import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { afterEach, expect, it } from "vitest";
import { createEngine, type ExecutorJob, openStore, type TaskExit } from "../src/index.js";

const directory = mkdtempSync(join(tmpdir(), "sealflow-elsewhere-"));
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const number = { outputDefinitions: { parameters: { n: { parameterType: "NUMBER_INTEGER" } } } };
const retryPolicy = { maxRetryCount: 1, backoffDuration: "0s" };
const document = parsePipelineDocument(
  JSON.stringify({
    pipelineInfo: { name: "elsewhere" },
    schemaVersion: "2.1.0",
    components: {
      "comp-work": { executorLabel: "exec", ...number },
      "comp-last": { executorLabel: "exec", ...number },
    },
    deploymentSpec: { executors: { exec: { container: { image: "x", command: ["y"] } } } },
    root: {
      dag: {
        tasks: {
          work: { taskInfo: { name: "work" }, componentRef: { name: "comp-work" }, retryPolicy },
          last: {
            taskInfo: { name: "last" },
            componentRef: { name: "comp-last" },
            dependentTasks: ["work"],
            triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" },
          },
        },
      },
    },
  }),
);

/** An engine whose attempts end as they are told to: with an output, or with a failure where there is none. */
function engine(outputs: (string | undefined)[], started: string[]) {
  const start = async ({ task, attempt, since, places }: ExecutorJob) => {
    started.push(`${task.path} ${attempt} since ${since}`);
    const output = outputs.shift();
    if (output !== undefined) writeFileSync(places.parameter("n"), output);
    const exit: TaskExit = { exitCode: output === undefined ? 1 : 0, signal: null };
    return { exit: Promise.resolve(exit), kill: () => {}, leave: () => {} };
  };
  const executor = { name: "test", start, present: async () => true, runEnded: async () => {} };
  return createEngine({ store: openStore(join(directory, "store")), executor });
}

it("tells an executor which of the attempts before are open: those whose outcome nobody has seen", async () => {
  const started: string[] = [];
  const outputs = ["no number"];
  const first = engine(outputs, started);
  const { runId, state } = await first.run(document, { caching: false });
  expect(state).toBe("FAILED");
  expect(started).toEqual(["work 1 since 1", "work 2 since 2", "last 1 since 1"]);
  started.length = 0;
  outputs.push("1", "2");
  const second = await first.retry(runId);
  await first.close();
  expect(second.tasks.map(({ outputs: made }) => made.n)).toEqual([1, 2]);
  expect(started).toEqual(["work 3 since 2", "last 2 since 1"]);
});

it("lets what had succeeded run again where a retry wants that, whatever there is of it elsewhere", async () => {
  const started: string[] = [];
  const outputs: (string | undefined)[] = [undefined, undefined, "5"];
  const own = engine(outputs, started);
  const { runId, tasks } = await own.run(document, { caching: false });
  expect(tasks.map(({ state }) => state)).toEqual(["FAILED", "SUCCEEDED"]);
  started.length = 0;
  outputs.push("1", undefined);
  await own.retry(runId);
  outputs.push("2");
  await own.retry(runId);
  expect(started).toEqual(["work 3 since 1", "last 2 since 2", "last 3 since 2"]);
  await own.close();
});
