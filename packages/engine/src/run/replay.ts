/** Bringing a recorded run back to where it was: recorded results go through the interpreter again. */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import type { ErrorBody } from "@sealflow/core";
import type { Decision, Interpretation, TaskOutputs, TaskPath, TaskResult } from "@sealflow/pipeline";
import type { RunEvent } from "../events.js";

/** What a journal says about ended tasks. */
export interface Recorded {
  readonly results: ReadonlyMap<TaskPath, TaskResult>;
  /** Facts already told, as `type path`; a replay need not tell them again. */
  readonly told: ReadonlySet<string>;
  /** Leaf tasks with a recorded end of any kind. */
  readonly ended: ReadonlySet<TaskPath>;
  /** Attempts started per task, so that logs are never overwritten. */
  readonly attempts: ReadonlyMap<TaskPath, number>;
  /** Per task that runs once more: number of its last attempt with outputs that no longer hold or nobody could use. */
  readonly settled: ReadonlyMap<TaskPath, number>;
}

/** Reads results out of events. */
export function recordedResults(events: readonly RunEvent[]): Recorded {
  const results = new Map<TaskPath, TaskResult>();
  const told = new Set<string>();
  const ended = new Set<TaskPath>();
  const attempts = new Map<TaskPath, number>();
  const settled = new Map<TaskPath, number>();
  const forget = (path: TaskPath): void => {
    if (isSettled(results, path)) settled.set(path, attempts.get(path) ?? 0);
    results.delete(path);
    ended.delete(path);
  };
  for (const event of events) {
    if (event.type === "run-started") {
      if (event.resumed) forgetTold(told, event.dropped ?? []);
      for (const path of event.dropped ?? []) forget(path);
    }
    if (event.type === "task-started") attempts.set(event.path, event.attempt);
    if (event.type === "task-retrying" && isRefused(event.error)) settled.set(event.path, event.attempt);
    if (event.type === "task-finished") results.set(event.path, resultOf(event));
    if (event.type === "task-finished" || event.type === "task-skipped") ended.add(event.path);
    if ("path" in event && event.path !== undefined) told.add(`${event.type} ${event.path}`);
  }
  return { results, told, ended, attempts, settled };
}

/** Whether the last attempt gave outputs, be they such that nobody can use: there is nothing to wait for any more. */
function isSettled(results: Recorded["results"], path: TaskPath): boolean {
  const { state, error } = results.get(path) ?? {};
  return state === "SUCCEEDED" || isRefused(error);
}

function isRefused(error: ErrorBody | undefined): boolean {
  return error?.code.startsWith("ENGINE_OUTPUT_") === true;
}

/** The attempts that are settled once these tasks are dropped, too. */
export function settledWith(
  { results, attempts, settled }: Recorded,
  dropped: readonly TaskPath[],
): ReadonlyMap<TaskPath, number> {
  const more = dropped.filter((path) => isSettled(results, path));
  return new Map([...settled, ...more.map((path) => [path, attempts.get(path) ?? 0] as const)]);
}

/** A retry also takes back the ends of the DAGs around what it drops: those of all, since they are told again cheaply. */
function forgetTold(told: Set<string>, dropped: readonly TaskPath[]): void {
  if (dropped.length === 0) return;
  for (const fact of told) if (fact.startsWith("dag-finished ")) told.delete(fact);
  for (const path of dropped) {
    told.delete(`task-finished ${path}`);
    told.delete(`task-skipped ${path}`);
  }
}

function resultOf(event: Extract<RunEvent, { type: "task-finished" }>): TaskResult {
  const { path, state, outputs, error } = event;
  return {
    path,
    state,
    ...(outputs === undefined ? {} : { outputs }),
    ...(error === undefined ? {} : { error }),
  };
}

/** Where a replay ended. */
export interface Replayed {
  /** Decisions that still stand: tasks to run, and facts not yet told. */
  readonly decisions: readonly Decision[];
  /** Recorded ends that no longer hold. */
  readonly dropped: readonly TaskPath[];
}

/**
 * Starts an interpretation and gives it every recorded result that still holds: those whose task becomes due from
 * recorded results alone. What depends on anything that is run again becomes due only later, and so runs again too.
 *
 * @param keep States whose results hold: all ends for a resume, successes only for a retry.
 */
export function replay(
  interpretation: Interpretation,
  recorded: Recorded,
  keep: (result: TaskResult) => boolean,
): Replayed {
  const open: Decision[] = [];
  const kept = new Set<TaskPath>();
  const queue: Decision[] = [...interpretation.start()];
  for (let head = 0; head < queue.length; head++) {
    const decision = queue[head];
    if (decision === undefined) break;
    const result = decision.kind === "run" ? recorded.results.get(decision.task.path) : undefined;
    if (result !== undefined && keep(result) && isPresent(result.outputs)) {
      kept.add(result.path);
      queue.push(...interpretation.apply(result));
    } else if (decision.kind === "run" || !isTold(decision, recorded, kept)) open.push(decision);
  }
  return { decisions: open, dropped: [...recorded.ended].filter((path) => !kept.has(path)) };
}

function isTold(
  decision: Exclude<Decision, { kind: "run" }>,
  { told }: Recorded,
  kept: Set<TaskPath>,
): boolean {
  const { path } = decision;
  // The end of the run itself is told by whoever takes it in hand now.
  if (path === "" && decision.kind === "finish-dag") return false;
  if (decision.kind === "start-dag") return told.has(`dag-started ${path}`);
  if (decision.kind === "finish-dag") return told.has(`dag-finished ${path}`);
  const fact =
    decision.kind === "skip" && decision.leaf
      ? "task-skipped"
      : decision.leaf
        ? "task-finished"
        : "dag-finished";
  if (!told.has(`${fact} ${path}`)) return false;
  kept.add(path);
  return true;
}

/** False when content that a result points to was removed since. */
function isPresent(outputs: TaskOutputs | undefined): boolean {
  const artifacts = Object.values(outputs?.artifacts ?? {}).flat();
  return artifacts.every(
    ({ uri, digest }) => digest === undefined || !uri.startsWith("file:") || existsSync(fileURLToPath(uri)),
  );
}
