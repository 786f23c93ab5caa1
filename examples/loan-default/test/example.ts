/** The example's pipelines on one engine, in a store of their own: workers and cache are shared by a file's tests. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { JsonObject } from "@sealflow/core";
import { createEngine, openStore, type RunSummary, type TaskSummary } from "@sealflow/engine";
import type { ArtifactValue } from "@sealflow/pipeline";
import { loadPipeline } from "../../../packages/cli/src/load/pipeline-file.js";
import { fakeContext } from "../../../packages/cli/test/support/fake-context.js";

/** The example's directory. */
export const directory = fileURLToPath(new URL("..", import.meta.url));

/** Rows made from statistics, few trees: what a run does, in a second. */
export const small = { generated_rows: 4000, n_estimators: 30, learning_rate: 0.2 } as const;

export interface Example {
  /** Removed at the end; the store is in it. */
  readonly scratch: string;
  /** Compiles again, and trains; for a copy that was changed. */
  retrain(parameters: JsonObject): Promise<RunSummary>;
  train(parameters: JsonObject): Promise<RunSummary>;
  score(parameters: JsonObject): Promise<RunSummary>;
  close(): Promise<void>;
}

/** Compiles both pipelines and starts an engine. With `copied`, the example is a copy in `scratch`, to be changed. */
export async function openExample({ copied = false } = {}): Promise<Example> {
  const scratch = mkdtempSync(join(tmpdir(), "sealflow-loan-"));
  if (copied) copyInto(scratch);
  const cwd = copied ? scratch : directory;
  const { context } = fakeContext({ cwd, env: process.env, now: Date.now });
  const training = await loadPipeline(context, "pipeline.ts");
  const scoring = await loadPipeline(context, "score.ts");
  const engine = createEngine({ store: openStore(join(scratch, ".sealflow")) });
  const runner =
    ({ document }: typeof training) =>
    (parameters: JsonObject) =>
      engine.run(document, { parameters, baseDirectory: scratch });
  return {
    scratch,
    retrain: async (parameters) => runner(await loadPipeline(context, "pipeline.ts"))(parameters),
    train: runner(training),
    score: runner(scoring),
    close: async () => {
      await engine.close();
      rmSync(scratch, { recursive: true, force: true });
    },
  };
}

/** Copies what a project of the example needs. */
export function copyInto(target: string): void {
  const parts = [
    "loan_default",
    "pipeline.ts",
    "score.ts",
    "steps.py",
    "steps.components.ts",
    "requirements.lock",
  ];
  for (const part of parts) cpSync(join(directory, part), join(target, part), { recursive: true });
  writeFileSync(join(target, "package.json"), '{"type":"module"}');
}

/** The task whose path ends so; its error, if any, is told when there is none. */
export function taskOf(summary: RunSummary, name: string): TaskSummary {
  const task = summary.tasks.find(({ path }) => path.endsWith(name));
  if (task === undefined) throw new Error(`no task ${name}: ${JSON.stringify(summary.error)}`);
  return task;
}

/** The one artifact of a task's output. */
export function artifactOf(summary: RunSummary, task: string, output: string): ArtifactValue {
  const found = taskOf(summary, task).artifacts[output]?.[0];
  if (found === undefined) throw new Error(`${task} has no artifact ${output}: ${JSON.stringify(summary)}`);
  return found;
}

/** The local path of a task's output. */
export function fileOf(summary: RunSummary, task: string, output: string): string {
  return fileURLToPath(artifactOf(summary, task, output).uri);
}

/** States of tasks by the last part of their paths. */
export function statesOf({ tasks }: RunSummary): Record<string, string> {
  return Object.fromEntries(tasks.map(({ path, state }) => [path.split("/").at(-1), state]));
}

/** Names of tasks that ran, rather than came from the cache or were skipped. */
export function executed({ tasks }: RunSummary): string[] {
  return tasks
    .filter(({ state, cached }) => state !== "SKIPPED" && !cached)
    .map(({ path }) => path.split("/").at(-1) ?? path);
}
