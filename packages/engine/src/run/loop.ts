/** One run from its first decision to its end: what the interpreter decides is done, what was done is told to it. */
import type { ErrorBody } from "@sealflow/core";
import type { Decision, DueTask, Interpretation, RunOutcome, TaskPath, TaskResult } from "@sealflow/pipeline";
import { thrownError } from "../executors/failure.js";
import type { RunInProgress } from "./run-context.js";
import { finishedEvent, nameOf, runTask, type TaskEnd } from "./task.js";

/** What a run starts from. */
export interface LoopStart {
  readonly interpretation: Interpretation;
  /** The first decisions: of a fresh start, or those that a replay left open. */
  readonly decisions: readonly Decision[];
  /** Attempts that earlier processes started, per task. */
  readonly attempts: ReadonlyMap<TaskPath, number>;
  /** The last of them whose success no longer holds, per task. */
  readonly settled: ReadonlyMap<TaskPath, number>;
}

/** Drives an interpretation until it has an outcome and nothing runs any more. */
export class RunLoop {
  private readonly run: RunInProgress;
  private readonly start: LoopStart;
  /** Tasks that are due and have no end yet. */
  private readonly open = new Map<TaskPath, { readonly task: DueTask; running: boolean }>();
  private readonly executing = new Set<Promise<void>>();
  private stopping = false;
  private failedFast: ErrorBody | undefined;
  private expired: ErrorBody | undefined;
  private settle: { resolve(): void; reject(cause: unknown): void } | undefined;

  constructor(run: RunInProgress, start: LoopStart) {
    this.run = run;
    this.start = start;
  }

  /**
   * Runs to the end.
   *
   * @throws SealflowError `ENGINE_STORE_…` when the run can't be recorded any more; its processes have ended then
   */
  async toEnd(): Promise<RunOutcome> {
    const done = new Promise<void>((resolve, reject) => {
      this.settle = { resolve, reject };
    });
    this.handle(this.start.decisions);
    this.checkEnd();
    await done;
    return this.outcome();
  }

  /** Resolves when no task of this run has a process any more. */
  async idle(): Promise<void> {
    while (this.executing.size > 0) await Promise.allSettled(this.executing);
  }

  /** Cancels: what runs is being ended by the run's signal, what waits does not start. */
  cancel(): void {
    this.run.tell({ type: "run-canceling" });
    this.stop();
  }

  /** As a cancellation, without a word about it: the run is to go on later. */
  suspend(): void {
    this.stop();
  }

  /** Ends a run whose time is up: like a cancellation, but the run has failed. */
  expire(error: ErrorBody): void {
    if (!this.stopping) this.expired = error;
    this.stop();
  }

  private stop(): void {
    if (this.stopping || this.start.interpretation.outcome !== undefined) return;
    this.stopping = true;
    this.handle(this.start.interpretation.cancel());
    const waiting = [...this.open.values()].filter(({ running }) => !running);
    for (const { task } of waiting) {
      this.finish(task, { result: canceled(task), cached: false, startTime: this.run.services.now() });
    }
    this.checkEnd();
  }

  private outcome(): RunOutcome {
    const { outcome } = this.start.interpretation;
    if (outcome === undefined) throw new Error("the run loop ended before the interpretation");
    if (this.expired !== undefined) return { ...outcome, state: "FAILED", error: this.expired };
    if (this.failedFast === undefined) return outcome;
    return { ...outcome, state: "FAILED", error: outcome.error ?? this.failedFast };
  }

  private handle(decisions: readonly Decision[]): void {
    for (const decision of decisions) this.decide(decision);
  }

  private decide(decision: Decision): void {
    const { run } = this;
    switch (decision.kind) {
      case "run":
        this.take(decision.task);
        return;
      case "skip":
        if (decision.leaf) {
          const name =
            decision.taskName === "" ? {} : nameOf({ path: decision.path, displayName: decision.taskName });
          run.tell({ type: "task-skipped", path: decision.path, ...name, reason: decision.reason });
        } else run.tell(dagEnd(decision.path, "SKIPPED"));
        return;
      case "fail":
        run.tell(decision.leaf ? failedLeaf(decision, run) : dagEnd(decision.path, "FAILED", decision.error));
        if (decision.leaf) this.failFast(decision.error);
        return;
      case "start-dag": {
        const { path, iterations } = decision;
        run.tell({ type: "dag-started", path, ...(iterations === undefined ? {} : { iterations }) });
        return;
      }
      case "finish-dag": {
        const { path, state, outputs, error } = decision;
        // The run's own end is told by whoever drives the loop, when nothing runs any more.
        if (path === "") return;
        run.tell({ type: "dag-finished", path, state, outputs, ...(error === undefined ? {} : { error }) });
      }
    }
  }

  private take(task: DueTask): void {
    const entry = { task, running: false };
    this.open.set(task.path, entry);
    this.run.slots.take(() => {
      if (!this.open.has(task.path) || this.run.signal.aborted) {
        this.run.slots.release();
        return;
      }
      entry.running = true;
      const execution = this.execute(task).finally(() => this.executing.delete(execution));
      this.executing.add(execution);
    });
  }

  private async execute(task: DueTask): Promise<void> {
    try {
      const { attempts, settled } = this.start;
      const after = (numbers: ReadonlyMap<TaskPath, number>) => (numbers.get(task.path) ?? 0) + 1;
      const end = await runTask(this.run, task, { first: after(attempts), since: after(settled) });
      this.finish(task, end);
    } catch (cause) {
      this.settle?.reject(cause);
    } finally {
      this.run.slots.release();
      this.checkEnd();
    }
  }

  private finish(task: DueTask, end: TaskEnd): void {
    const { end: accepted, decisions } = this.apply(end);
    this.open.delete(task.path);
    this.run.tell(finishedEvent(task, accepted), accepted.durable);
    this.handle(decisions);
    if (accepted.result.state === "FAILED" && accepted.result.error) this.failFast(accepted.result.error);
  }

  /** Outputs that the interpreter does not accept are the task's failure. */
  private apply(end: TaskEnd): { end: TaskEnd; decisions: readonly Decision[] } {
    const { interpretation } = this.start;
    try {
      return { end, decisions: interpretation.apply(end.result) };
    } catch (cause) {
      if (end.result.state !== "SUCCEEDED") throw cause;
      const result: TaskResult = { path: end.result.path, state: "FAILED", error: thrownError(cause) };
      return { end: { ...end, result }, decisions: interpretation.apply(result) };
    }
  }

  private failFast(error: ErrorBody): void {
    if (!this.run.settings.failFast || this.stopping) return;
    this.failedFast = error;
    this.stop();
  }

  private checkEnd(): void {
    if (this.open.size > 0 || this.start.interpretation.outcome === undefined) return;
    this.settle?.resolve();
  }
}

function canceled({ path }: DueTask): TaskResult {
  return { path, state: "CANCELED" };
}

function dagEnd(
  path: TaskPath,
  state: "SKIPPED" | "FAILED",
  error?: ErrorBody,
): Parameters<RunInProgress["tell"]>[0] {
  const outputs = { parameters: {}, artifacts: {} };
  return { type: "dag-finished", path, state, outputs, ...(error === undefined ? {} : { error }) };
}

function failedLeaf(
  { path, taskName, error }: Extract<Decision, { kind: "fail" }>,
  run: RunInProgress,
): Parameters<RunInProgress["tell"]>[0] {
  const name = nameOf({ path, displayName: taskName });
  const startTime = run.services.now();
  return { type: "task-finished", path, ...name, state: "FAILED", cached: false, startTime, error };
}
