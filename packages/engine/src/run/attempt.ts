/** One attempt of a task: a directory of its own, a process, and what it leaves behind. */
import { unlinkSync } from "node:fs";
import { join } from "node:path";
import { isSealflowError } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { exitError, isSuccess } from "../executors/failure.js";
import { type OutputPlaces, type ReadOutputs, readOutputs } from "../executors/outputs.js";
import { systemCode } from "../store/disk-errors.js";
import { taskLog } from "../store/layout.js";
import type { TaskExit } from "../workers/protocol.js";
import type { WorkerTask } from "../workers/worker.js";
import { AttemptFailed } from "./attempt-failed.js";
import type { RunInProgress } from "./run-context.js";
import type { Scratch } from "./scratch.js";

/** How an attempt's process is started. */
export interface AttemptStart {
  readonly start: (places: OutputPlaces, log: string, attempt: number) => Promise<WorkerTask> | WorkerTask;
  readonly timeoutMs?: number;
  readonly memoryLimitBytes?: number;
}

/** A finished attempt. */
export interface AttemptDone extends ReadOutputs {
  readonly usage: { readonly maxRssBytes?: number; readonly cpuMs?: number };
}

/**
 * Runs an attempt to its end.
 *
 * @throws AttemptFailed when the task failed; SealflowError when outputs can't be read or the store can't be written
 */
export async function runAttempt(
  run: RunInProgress,
  task: DueTask,
  attempt: { readonly number: number } & AttemptStart,
): Promise<AttemptDone> {
  const scratch = run.scratch.take();
  const log = taskLog(run.layout, task.path, attempt.number);
  const places = placesIn(scratch);
  const unfollow = run.tails.follow(task.path, attempt.number, log);
  try {
    const { exit, timedOut } = await supervised(run, attempt, () =>
      attempt.start(places, log, attempt.number),
    );
    run.signal.throwIfAborted();
    if (timedOut || !isSuccess(exit)) {
      const timeout = timedOut && attempt.timeoutMs !== undefined ? { timeoutMs: attempt.timeoutMs } : {};
      const limit =
        attempt.memoryLimitBytes === undefined ? {} : { memoryLimitBytes: attempt.memoryLimitBytes };
      throw new AttemptFailed(exitError(exit, { log, ...timeout, ...limit }), usageOf(exit));
    }
    return { ...(await readOutputs(run.services.store, task, places)), usage: usageOf(exit) };
  } finally {
    unfollow();
    removeIfThere(places.executorOutput);
    run.scratch.give(scratch);
  }
}

/** What the process used. */
export function usageOf({ maxRssBytes, cpuSeconds }: TaskExit): AttemptDone["usage"] {
  return {
    ...(maxRssBytes ? { maxRssBytes } : {}),
    ...(cpuSeconds ? { cpuMs: Math.round(cpuSeconds * 1000) } : {}),
  };
}

function placesIn({ directory, outputs }: Scratch): OutputPlaces {
  return {
    directory,
    executorOutput: join(directory, "executor_output.json"),
    parameter: (name) => join(outputs, name),
    artifact: (name) => join(outputs, name),
  };
}

interface Supervised {
  readonly exit: TaskExit;
  readonly timedOut: boolean;
}

/** Waits for the process; ends it when the run is canceled or its time is up: politely first, then by force. */
export async function supervised(
  run: RunInProgress,
  { timeoutMs }: Pick<AttemptStart, "timeoutMs">,
  start: () => Promise<WorkerTask> | WorkerTask,
): Promise<Supervised> {
  const process = await start();
  let timedOut = false;
  let killer: NodeJS.Timeout | undefined;
  const end = (): void => {
    process.kill("TERM");
    killer ??= setTimeout(() => process.kill("KILL"), run.services.graceMs);
  };
  const timer =
    timeoutMs === undefined
      ? undefined
      : setTimeout(() => {
          timedOut = true;
          end();
        }, timeoutMs);
  run.signal.addEventListener("abort", end, { once: true });
  if (run.signal.aborted) end();
  try {
    return { exit: await process.exit, timedOut };
  } finally {
    clearTimeout(timer);
    clearTimeout(killer);
    run.signal.removeEventListener("abort", end);
  }
}

function removeIfThere(path: string): void {
  try {
    unlinkSync(path);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
  }
}

/** True for errors that say the worker, not the task, is to blame. */
export function isWorkerLost(cause: unknown): boolean {
  return isSealflowError(cause) && cause.code === "ENGINE_WORKER_LOST";
}
