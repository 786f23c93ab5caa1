import type { ErrorBody } from "@sealflow/core";
import type { ComponentSpec, RetryPolicy } from "../ir/types.js";
import type { LoopItems } from "./iteration.js";
import type { OutputSlots } from "./outputs.js";
import type { DagPlan, TaskPlan } from "./plan.js";
import type { TaskInputValues, TaskPath, TerminalState } from "./types.js";

/** A DAG that runs: the root, a nested pipeline, a condition's or loop iteration's body. */
export interface DagState {
  readonly path: TaskPath;
  readonly component: ComponentSpec;
  readonly inputs: TaskInputValues;
  /** Parallel to the plan's tasks. */
  readonly tasks: readonly TaskState[];
  readonly plan: DagPlan;
  /** What this DAG is the run of; undefined for the root. */
  readonly owner: Owner | undefined;
  readonly retryPolicy: RetryPolicy | undefined;
  /** Index in the innermost loop around it. */
  readonly iterationIndex: number | undefined;
  /** Tasks that have not ended. */
  open: number;
}

/** A task, or one iteration of it, that a DAG or a leaf is the run of. */
export interface Owner {
  readonly task: TaskState;
  readonly index: number | undefined;
}

/** A task of a running DAG. */
export interface TaskState {
  readonly dag: DagState;
  readonly plan: TaskPlan;
  readonly path: TaskPath;
  /** Dependencies that have not ended. */
  waiting: number;
  phase: "waiting" | "running" | "ended";
  /** Set when it has ended. */
  end: End | undefined;
  /** Set while it runs as a loop. */
  loop: LoopState | undefined;
}

/** How a task ended. */
export interface End {
  readonly state: TerminalState;
  readonly outputs: OutputSlots;
  readonly error?: ErrorBody;
  /** True for what was skipped because the run was canceled. */
  readonly canceled?: boolean;
}

/** A loop that runs. */
export interface LoopState {
  readonly items: LoopItems;
  readonly inputs: TaskInputValues;
  /** Iterations that may run at once. */
  readonly limit: number;
  /** Index of the next iteration to start. */
  next: number;
  active: number;
  readonly ends: (End | undefined)[];
}

/** A task of a running DAG, by name. */
export function taskNamed(dag: DagState, name: string): TaskState | undefined {
  const position = dag.plan.positions.get(name);
  return position === undefined ? undefined : dag.tasks[position];
}

/** Path of a task in a DAG. */
export function taskPath(dag: TaskPath, name: string): TaskPath {
  return dag === "" ? name : `${dag}/${name}`;
}
