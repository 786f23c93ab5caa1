/** A run as its events tell it: the same facts as the engine's journal, folded into what the page shows. */
import { type ErrorBody, isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ArtifactValue, SkipReason, TaskInputValues, TaskOutputs } from "@sealflow/pipeline";
import type { State } from "../parts/state.js";

/** One try of a task. Attempts count from 1. */
export interface Attempt {
  readonly number: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly error?: ErrorBody;
}

/** A leaf task. */
export interface TaskModel {
  /** For example `for-loop-1[2]/train`. */
  readonly path: string;
  readonly name: string;
  readonly state: State;
  readonly cached: boolean;
  readonly attempts: readonly Attempt[];
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly inputs?: TaskInputValues;
  readonly outputs?: TaskOutputs;
  /** In sealed runs: output parameters whose value is a stand-in for a sealed one. */
  readonly hidden?: readonly string[];
  readonly error?: ErrorBody;
  readonly skipped?: SkipReason;
  readonly usage?: { readonly maxRssBytes?: number; readonly cpuMs?: number };
}

/** A pipeline, loop or condition inside the run; the run's own has the empty path. */
export interface DagModel {
  readonly path: string;
  readonly state: State;
  readonly iterations?: number;
  readonly startedAt: number;
  readonly endedAt?: number;
  readonly outputs?: TaskOutputs;
}

/** Something that was said once. */
export interface Notice {
  readonly code: string;
  readonly message: string;
}

/** Everything that is known of a run. */
export interface RunModel {
  /** Number of the last event. */
  readonly seq: number;
  readonly state: State;
  /** True when data, logs and errors of the run are stored as ciphertext. */
  readonly sealed: boolean;
  readonly tasks: ReadonlyMap<string, TaskModel>;
  readonly dags: ReadonlyMap<string, DagModel>;
  readonly notices: readonly Notice[];
  readonly environmentMs: number;
  readonly startedAt?: number;
  readonly endedAt?: number;
  readonly outputs: Readonly<Record<string, JsonValue>>;
  readonly error?: ErrorBody;
}

/** Events of the engine, as far as the page reads them. Source: docs/reference/engine.md, "Events". */
export type RunEvent = { readonly seq: number; readonly time: number } & (
  | { readonly type: "run-created"; readonly options: JsonObject }
  | { readonly type: "run-canceling" | "environment-building" }
  | { readonly type: "run-started"; readonly dropped?: readonly string[] }
  | { readonly type: "environment-ready"; readonly elapsedMs: number }
  | { readonly type: "dag-started"; readonly path: string; readonly iterations?: number }
  | {
      readonly type: "dag-finished";
      readonly path: string;
      readonly state: State;
      readonly outputs: TaskOutputs;
    }
  | {
      readonly type: "task-started";
      readonly path: string;
      readonly name?: string;
      readonly attempt: number;
      readonly inputs: TaskInputValues;
    }
  | {
      readonly type: "task-retrying";
      readonly path: string;
      readonly attempt: number;
      readonly error: ErrorBody;
    }
  | {
      readonly type: "task-finished";
      readonly path: string;
      readonly name?: string;
      readonly state: State;
      readonly cached: boolean;
      readonly startTime: number;
      readonly inputs?: TaskInputValues;
      readonly outputs?: TaskOutputs;
      readonly hidden?: readonly string[];
      readonly error?: ErrorBody;
      readonly usage?: TaskModel["usage"];
    }
  | {
      readonly type: "task-skipped";
      readonly path: string;
      readonly name?: string;
      readonly reason: SkipReason;
    }
  | { readonly type: "notice"; readonly code: string; readonly message: string }
  | {
      readonly type: "run-finished";
      readonly state: State;
      readonly outputs: Readonly<Record<string, JsonValue>>;
      readonly error?: ErrorBody;
    }
);

/** A run of which nothing has happened yet. */
export const emptyRun: RunModel = {
  seq: 0,
  state: "PENDING",
  sealed: false,
  tasks: new Map(),
  dags: new Map(),
  notices: [],
  environmentMs: 0,
  outputs: {},
};

type Draft = { -readonly [K in keyof RunModel]: RunModel[K] } & {
  tasks: Map<string, TaskModel>;
  dags: Map<string, DagModel>;
};

/** The run after further events. Events that are known already, or of a kind that is not, change nothing. */
export function withEvents(run: RunModel, events: readonly JsonObject[]): RunModel {
  const draft: Draft = { ...run, tasks: new Map(run.tasks), dags: new Map(run.dags) };
  for (const event of events) {
    // The border where the server's events become typed: its journal is the only source of them.
    const known = event as unknown as RunEvent;
    if (!isJsonObject(event) || typeof known.seq !== "number" || known.seq <= draft.seq) continue;
    draft.seq = known.seq;
    apply(draft, known);
  }
  return draft;
}

function apply(run: Draft, event: RunEvent): void {
  if (event.type.startsWith("task-")) applyToTask(run, event);
  else if (event.type.startsWith("dag-")) applyToDag(run, event);
  else applyToRun(run, event);
}

function applyToRun(run: Draft, event: RunEvent): void {
  switch (event.type) {
    case "run-created":
      run.sealed = event.options.sealed !== undefined;
      return;
    case "run-started":
      run.startedAt ??= event.time;
      run.state = "RUNNING";
      delete run.endedAt;
      delete run.error;
      for (const path of event.dropped ?? []) {
        const task = run.tasks.get(path);
        if (task !== undefined) run.tasks.set(path, dropped(task));
      }
      return;
    case "run-canceling":
      run.state = "CANCELING";
      return;
    case "environment-ready":
      run.environmentMs += event.elapsedMs;
      return;
    case "notice":
      run.notices = [...run.notices, { code: event.code, message: event.message }];
      return;
    case "run-finished":
      run.state = event.state;
      run.endedAt = event.time;
      run.outputs = event.outputs;
      if (event.error !== undefined) run.error = event.error;
  }
}

/** A task whose end no longer holds. */
function dropped({ path, name, attempts }: TaskModel): TaskModel {
  return { path, name, attempts, state: "PENDING", cached: false };
}

function applyToDag(run: Draft, event: RunEvent): void {
  if (event.type === "dag-started") {
    const { path, iterations } = event;
    const known = run.dags.get(path);
    const startedAt = known?.startedAt ?? event.time;
    run.dags.set(path, {
      path,
      startedAt,
      state: "RUNNING",
      ...(iterations === undefined ? {} : { iterations }),
    });
  } else if (event.type === "dag-finished") {
    const known = run.dags.get(event.path) ?? { path: event.path, startedAt: event.time };
    run.dags.set(event.path, { ...known, state: event.state, outputs: event.outputs, endedAt: event.time });
  }
}

function lastPart(path: string): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

function applyToTask(run: Draft, event: RunEvent): void {
  if (!("path" in event)) return;
  const { path } = event;
  const name = "name" in event && event.name !== undefined ? event.name : undefined;
  const known = run.tasks.get(path) ?? {
    ...{ path, name: name ?? lastPart(path), attempts: [], cached: false, state: "PENDING" as const },
  };
  const changed = changedTask(known, event);
  if (changed !== undefined) run.tasks.set(path, changed);
}

function changedTask(task: TaskModel, event: RunEvent): TaskModel | undefined {
  switch (event.type) {
    case "task-started": {
      const attempt = { number: event.attempt, startedAt: event.time };
      const startedAt = task.startedAt ?? event.time;
      return {
        ...task,
        state: "RUNNING",
        inputs: event.inputs,
        startedAt,
        attempts: [...task.attempts, attempt],
      };
    }
    case "task-retrying":
      return { ...task, attempts: endAttempt(task.attempts, event.time, event.error) };
    case "task-finished":
      return {
        ...task,
        ...{ state: event.state, cached: event.cached, endedAt: event.time },
        startedAt: task.startedAt ?? event.startTime,
        attempts: endAttempt(task.attempts, event.time, event.error),
        ...(event.inputs === undefined ? {} : { inputs: event.inputs }),
        ...(event.outputs === undefined ? {} : { outputs: event.outputs }),
        ...(event.hidden === undefined ? {} : { hidden: event.hidden }),
        ...(event.error === undefined ? {} : { error: event.error }),
        ...(event.usage === undefined ? {} : { usage: event.usage }),
      };
    case "task-skipped":
      return { ...task, state: "SKIPPED", skipped: event.reason };
  }
  return undefined;
}

function endAttempt(attempts: readonly Attempt[], time: number, error?: ErrorBody): readonly Attempt[] {
  const last = attempts.at(-1);
  if (last === undefined) return attempts;
  return [...attempts.slice(0, -1), { ...last, endedAt: time, ...(error === undefined ? {} : { error }) }];
}

/** All artifacts that tasks made, with who made them. */
export function artifactsOf(run: RunModel): readonly MadeArtifact[] {
  return [...run.tasks.values()].flatMap((task) =>
    Object.entries(task.outputs?.artifacts ?? {}).flatMap(([output, values]) =>
      values.map((value, index) => ({ task: task.path, output, index, count: values.length, value })),
    ),
  );
}

/** An artifact, and where it is found in the run. */
export interface MadeArtifact {
  /** Path of the task that made it. */
  readonly task: string;
  /** Name of the task's output. */
  readonly output: string;
  /** Place in the output, where that is a list of `count`. */
  readonly index: number;
  readonly count: number;
  readonly value: ArtifactValue;
}

/** What tells an artifact from all others of a run. */
export function artifactKey({
  task,
  output,
  index,
}: Pick<MadeArtifact, "task" | "output" | "index">): string {
  return `${task}:${output}:${index}`;
}
