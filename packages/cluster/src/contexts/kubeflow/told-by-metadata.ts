/**
 * Events from what Kubeflow's driver and launcher record: each task under its path, with its values. The interpreter says from
 * the spec and the recorded results what was skipped and what graphs and the pipeline gave; what is recorded stands even where
 * the interpreter would have decided otherwise.
 */
import type { ErrorBody } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { Run } from "@sealflow/kfp";
import {
  createInterpretation,
  type Decision,
  type DueTask,
  type Interpretation,
  type PipelineDocument,
  type RunOutcome,
  type SkipReason,
  type TaskPath,
  type TaskResult,
} from "@sealflow/pipeline";
import { isConfidential } from "../../overlay/confidential.js";
import type { TaskRecord } from "./records.js";
import {
  bareResult,
  driverFailed,
  failure,
  failureOfDrivers,
  finishedEvent,
  hasRun,
  nameOf,
  type RunRecords,
  resultOf,
  type Shown,
  sealed,
  startedEvent,
} from "./task-events.js";
import {
  creationOf,
  EventNumbers,
  ended,
  errorIn,
  type KnownPipeline,
  noticeOf,
  stateOf,
  type Told,
  timeOf,
} from "./told.js";

/** A run as it is told. */
export interface MetadataTellerOptions {
  readonly document: PipelineDocument;
  readonly known: KnownPipeline;
}

/** Turns successive records of one run into events. */
export class MetadataTeller {
  private readonly document: PipelineDocument;
  private readonly known: KnownPipeline;
  private readonly numbers = new EventNumbers();
  private created = false;
  private interpretation: Interpretation | undefined;
  private readonly due = new Map<TaskPath, DueTask>();
  private readonly started = new Set<TaskPath>();
  /** Paths with a word about their end. */
  private readonly told = new Set<TaskPath>();
  private readonly unable: Extract<Decision, { kind: "fail" }>[] = [];
  private outcome: RunOutcome | undefined;
  /** Why the interpreter can't say all. */
  private lost: ErrorBody | undefined;
  private confidential = false;
  private finished = false;
  /** Time of the last thing that is known. */
  private now = 0;

  constructor({ document, known }: MetadataTellerOptions) {
    this.document = document;
    this.known = known;
  }

  /** True when the run's end was told. */
  get done(): boolean {
    return this.finished;
  }

  /** What is new. */
  *look(run: Run, records: RunRecords): Generator<RunEvent> {
    for (const told of this.bodies(run, records)) yield this.numbers.of(told);
  }

  /** The end of a run whose records can't be had any more. */
  *endWithout(run: Run, incomplete: ErrorBody): Generator<RunEvent> {
    this.finished = true;
    yield this.numbers.of(noticeOf(incomplete, this.now));
    yield this.numbers.of({
      time: timeOf(run.finished_at ?? run.created_at),
      event: {
        ...{ type: "run-finished", state: stateOf(run), outputs: {}, artifacts: {}, incomplete },
        ...errorIn(run),
      },
    });
  }

  private *bodies(run: Run, records: RunRecords): Generator<Told> {
    if (!this.created) {
      this.created = true;
      yield creationOf(run, this.known);
      this.now = timeOf(run.created_at);
      yield* this.decided(this.begin(run), records);
    }
    yield* this.advance(run, records);
    if (ended.has(run.state) && !this.finished) yield* this.end(run, records);
  }

  private begin(run: Run): readonly Decision[] {
    const { spec, platform } = this.document;
    try {
      this.interpretation = createInterpretation(spec, run.runtime_config?.parameters ?? {}, {
        ...{ runId: run.run_id, runName: run.display_name, createTime: run.created_at },
        // As the official backend does.
        ...{ collected: "flat", finalStatusWords: "backend" },
        ...(platform === undefined ? {} : { platform }),
      });
      return this.interpretation.start();
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
      return [];
    }
  }

  /** Tells ends until nothing that is due has one. */
  private *advance(run: Run, records: RunRecords): Generator<Told> {
    for (let moved = true; moved; ) {
      moved = false;
      for (const task of [...this.due.values()]) {
        const record = records.tasks.get(task.path);
        if (record === undefined) continue;
        yield* this.start(shownTask(task), record, records);
        if (!isOver(record, task, run)) continue;
        moved = true;
        yield* this.finish(task, record, records);
      }
    }
  }

  private *start(shown: Shown, record: TaskRecord, records: RunRecords): Generator<Told> {
    if (record.state === "NOT_TRIGGERED" || this.started.has(shown.path)) return;
    this.started.add(shown.path);
    yield startedEvent(shown, record, records);
  }

  private *finish(task: DueTask, record: TaskRecord, records: RunRecords): Generator<Told> {
    const { path, displayName } = task;
    this.due.delete(path);
    this.now = Math.max(this.now, record.endTime);
    if (record.state === "NOT_TRIGGERED") {
      this.lose(`${path}: the cluster did not run it, and the spec says that it is due`);
      yield this.skipped(path, displayName);
      return;
    }
    const result = resultOf(task, record, records.artifacts.get(record.executionId));
    yield this.ended(shownTask(task), result, record);
    yield* this.applied(result, records);
  }

  private *applied(result: TaskResult, records: RunRecords): Generator<Told> {
    let decisions: readonly Decision[] = [];
    try {
      decisions = this.interpretation?.apply(result) ?? [];
    } catch (error) {
      this.lose(error instanceof Error ? error.message : String(error));
    }
    yield* this.decided(decisions, records);
  }

  private *decided(decisions: readonly Decision[], records: RunRecords): Generator<Told> {
    for (const decision of decisions) yield* this.decide(decision, records);
  }

  private *decide(decision: Decision, { tasks }: RunRecords): Generator<Told> {
    const { now: time } = this;
    switch (decision.kind) {
      case "run":
        this.due.set(decision.task.path, decision.task);
        this.confidential ||= isConfidential(decision.task);
        return;
      case "fail":
        this.unable.push(decision);
        return;
      case "skip":
        // What ran nevertheless is told as it is recorded, at the end.
        if (!decision.leaf || hasRun(tasks.get(decision.path))) return;
        yield this.skipped(decision.path, decision.taskName, decision.reason);
        return;
      case "start-dag": {
        const { path, iterations } = decision;
        if (path === "") return;
        yield {
          time,
          event: { type: "dag-started", path, ...(iterations === undefined ? {} : { iterations }) },
        };
        return;
      }
      case "finish-dag":
        yield* this.finishGraph(decision);
    }
  }

  private *finishGraph({
    path,
    state,
    outputs,
    error,
  }: Extract<Decision, { kind: "finish-dag" }>): Generator<Told> {
    if (path === "") {
      this.outcome = this.interpretation?.outcome;
      return;
    }
    const { artifacts, parameters } = outputs;
    const shown = this.confidential ? sealed(parameters) : parameters;
    yield {
      time: this.now,
      event: {
        ...{ type: "dag-finished", path, state, outputs: { artifacts, parameters: shown } },
        ...(this.confidential ? { hidden: Object.keys(shown) } : {}),
        ...(error === undefined ? {} : { error }),
      },
    };
  }

  private *end(run: Run, records: RunRecords): Generator<Told> {
    this.finished = true;
    const time = timeOf(run.finished_at ?? run.created_at);
    this.now = Math.max(this.now, time);
    if (run.state !== "SUCCEEDED") yield* this.abandon(run, records);
    yield* this.unforeseen(records);
    const incomplete = this.incomplete(run);
    if (incomplete !== undefined) yield noticeOf(incomplete, this.now);
    const { parameters = {}, artifacts = {} } = this.outcome?.outputs ?? {};
    const error =
      this.outcome?.error === undefined
        ? { ...failureOfDrivers(run), ...errorIn(run) }
        : { error: this.outcome.error };
    yield {
      time,
      event: {
        ...{ type: "run-finished", state: stateOf(run), artifacts },
        outputs: this.confidential ? sealed(parameters) : parameters,
        ...(incomplete === undefined ? {} : { incomplete }),
        ...(run.state === "SUCCEEDED" ? {} : error),
      },
    };
  }

  /** What a run that did not succeed leaves behind: pods that ended without a word, tasks that never began. */
  private *abandon(run: Run, records: RunRecords): Generator<Told> {
    yield* this.decided(this.interpretation?.cancel() ?? [], records);
    const nothing = { startTime: this.now, endTime: this.now, cached: false };
    for (const task of [...this.due.values()]) {
      const { path, taskName } = task;
      this.due.delete(path);
      const record = records.tasks.get(path);
      const failed = run.state === "FAILED" && (record !== undefined || driverFailed(run, taskName));
      const result: TaskResult = failed
        ? { path, state: "FAILED", error: failure }
        : { path, state: "CANCELED" };
      const startTime = record?.startTime ?? this.now;
      yield this.ended(shownTask(task), result, { ...nothing, startTime });
      yield* this.applied(result, records);
    }
    for (const { path, leaf, error, taskName: name } of this.unable) {
      if (!leaf || this.told.has(path) || hasRun(records.tasks.get(path))) continue;
      yield this.ended({ path, name, hide: false }, { path, state: "FAILED", error }, nothing);
    }
  }

  /** What is recorded of tasks that the interpreter did not come to. */
  private *unforeseen(records: RunRecords): Generator<Told> {
    for (const [path, record] of records.tasks) {
      if (record.graph || this.told.has(path) || record.state === "RUNNING") continue;
      if (record.state === "NOT_TRIGGERED") {
        yield this.skipped(path, undefined);
        continue;
      }
      // Nothing says that such a task is not sealed.
      const shown = { path, name: undefined, hide: this.confidential };
      yield* this.start(shown, record, records);
      yield this.ended(shown, bareResult(path, record, records.artifacts), record);
    }
  }

  private skipped(path: TaskPath, name: string | undefined, reason: SkipReason = unknownCondition): Told {
    this.told.add(path);
    return { time: this.now, event: { type: "task-skipped", path, ...nameOf(path, name), reason } };
  }

  private ended(
    shown: Shown,
    ...of: [TaskResult, Pick<TaskRecord, "startTime" | "endTime" | "cached">]
  ): Told {
    this.told.add(shown.path);
    return finishedEvent(shown, ...of);
  }

  private lose(reason: string): void {
    this.lost ??= {
      code: "CLUSTER_OUTPUTS_INCOMPLETE",
      message: `run: what its spec means and what ML Metadata holds differ: ${reason}`,
      hint: "tasks are shown as they are recorded; outputs that follow from this task can't be told",
    };
  }

  private incomplete(run: Run): ErrorBody | undefined {
    if (this.lost !== undefined || run.state !== "SUCCEEDED" || this.outcome !== undefined) return this.lost;
    const [first, ...others] = this.due.keys();
    const more = others.length === 0 ? "" : ` and of ${others.length} more tasks`;
    return {
      code: "CLUSTER_OUTPUTS_INCOMPLETE",
      message: `run: it succeeded, and ML Metadata has no end of ${first ?? "its tasks"}${more}`,
      hint: "records of old runs may have been removed there; the run's page in Kubeflow shows what is left",
    };
  }
}

/** ML Metadata tells that a condition was false, not which. */
const unknownCondition: SkipReason = { kind: "condition-false", condition: "" };

function shownTask(task: DueTask): Shown {
  return { path: task.path, name: task.displayName, hide: isConfidential(task) };
}

/** The launcher records each attempt's failure; while the run goes on, another attempt may follow. */
function isOver({ state }: TaskRecord, { retryPolicy }: DueTask, run: Run): boolean {
  const again = state === "FAILED" && (retryPolicy?.maxRetryCount ?? 0) > 0;
  return state !== "RUNNING" && (!again || ended.has(run.state));
}
