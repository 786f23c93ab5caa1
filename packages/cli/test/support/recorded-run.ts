import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { openStore, type RunEvent, type RunEventBody } from "@sealflow/engine";

/** Writes a run's record into a store, as a process that has ended left it; events are one second apart. */
export function recordRun(
  directory: string,
  runId: string,
  bodies: readonly RunEventBody[],
  start = 1_700_000_000_000,
) {
  const events = bodies.map(
    (body, index) => ({ seq: index + 1, time: start + index * 1000, ...body }) as RunEvent,
  );
  const run = join(directory, "runs", runId);
  mkdirSync(run, { recursive: true });
  writeFileSync(join(run, "journal.jsonl"), events.map((event) => `${JSON.stringify(event)}\n`).join(""));
  return events;
}

/** Writes what an attempt printed. */
export function recordLog(
  directory: string,
  runId: string,
  task: string,
  attempt: number,
  text: string,
): void {
  const file = openStore(directory).logPath(runId, task, attempt);
  mkdirSync(dirname(file), { recursive: true });
  writeFileSync(file, text);
}

/** A run of two tasks: `load` gives `rows`, `train` gives `auc` and a model. */
export function twoTasks(
  runId: string,
  changes: { seed?: number; auc?: number; fails?: boolean } = {},
): RunEventBody[] {
  const { seed = 0, auc = 0.9466, fails = false } = changes;
  const error = { code: "TASK_FAILED", message: "train: exit code 1", hint: "read its log" };
  const none = { parameters: {}, artifacts: {} };
  const model = {
    name: "model",
    type: { schemaTitle: "system.Model" },
    uri: "file:///store/m",
    metadata: {},
    digest: `sha256:${String(seed).repeat(64).slice(0, 64)}`,
  };
  return [
    {
      type: "run-created",
      formatVersion: 1,
      runId,
      runName: `loan ${seed}`,
      pipelineName: "loan",
      specDigest: `sha256:${"a".repeat(64)}`,
      parameters: { seed },
      options: {},
    },
    { type: "run-started", pid: 1, resumed: false },
    { type: "task-started", path: "load", attempt: 1, inputs: none },
    {
      type: "task-finished",
      path: "load",
      state: "SUCCEEDED",
      cached: false,
      startTime: 1_700_000_002_000,
      outputs: { parameters: { rows: 32_581 }, artifacts: {} },
    },
    { type: "task-started", path: "train", attempt: 1, inputs: none },
    {
      type: "task-finished",
      path: "train",
      state: fails ? "FAILED" : "SUCCEEDED",
      cached: false,
      startTime: 1_700_000_004_000,
      ...(fails ? { error } : { outputs: { parameters: { auc }, artifacts: { model: [model] } } }),
    },
    {
      type: "run-finished",
      state: fails ? "FAILED" : "SUCCEEDED",
      outputs: fails ? {} : { auc },
      artifacts: {},
      ...(fails ? { error } : {}),
    },
  ];
}
