/** Runs as people see them, derived from the events and from nothing else. */
import { type ErrorBody, isJsonObject, type JsonObject } from "@sealflow/core";
import type { TaskPath } from "@sealflow/pipeline";
import type { RunEvent, RunState } from "../events.js";
import type { RunSummary, TaskSummary } from "../result.js";
import { shown } from "../sealed/hidden.js";

/** A run in a list. */
export interface RunHeader {
  readonly runId: string;
  readonly name: string;
  readonly pipelineName: string;
  /** `RUNNING`: a living process has it in hand. `INTERRUPTED`: its process died; `resume` continues it. */
  readonly state: RunState | "RUNNING" | "INTERRUPTED";
  /** RFC 3339, UTC. */
  readonly createTime: string;
  /** Null until the run has ended. */
  readonly endTime: string | null;
}

/** A run whole, ended or not. */
export interface RunDetails extends Omit<RunSummary, "state">, RunHeader {
  readonly state: RunHeader["state"];
  readonly parameters: JsonObject;
  /** Digest of the pipeline document. */
  readonly specDigest: string;
  /** Paths of tasks that were started and have no end yet. */
  readonly running: readonly TaskPath[];
}

/** RFC 3339 in UTC with milliseconds. */
export function timestamp(ms: number): string {
  return new Date(ms).toISOString();
}

type EventOf<T extends RunEvent["type"]> = Extract<RunEvent, { type: T }>;

/** Collects events into a run's details; feed it in order. */
export class RunView {
  private created: EventOf<"run-created"> | undefined;
  private ended: EventOf<"run-finished"> | undefined;
  private readonly tasks = new Map<TaskPath, TaskSummary>();
  private readonly started = new Map<TaskPath, { attempt: number; name: string }>();

  add(event: RunEvent): void {
    if (event.type === "run-created") this.created = event;
    else if (event.type === "run-started") this.restart(event);
    else if (event.type === "task-started") this.start(event);
    else if (event.type === "task-finished") this.finish(event);
    else if (event.type === "task-skipped") this.tasks.set(event.path, skipped(event));
    else if (event.type === "run-finished") this.ended = event;
  }

  /** The event that ended the run, unless something restarted it. */
  get end(): EventOf<"run-finished"> | undefined {
    return this.ended;
  }

  /** The event that made the run; undefined for an empty journal. */
  get creation(): EventOf<"run-created"> | undefined {
    return this.created;
  }

  /** What `--json` prints. Only for runs that have ended. */
  summary(): RunSummary {
    return {
      runId: this.created?.runId ?? "",
      state: this.ended?.state ?? "FAILED",
      outputs: this.ended?.outputs ?? {},
      tasks: [...this.tasks.values()],
      ...sealedOf(this.created),
      ...incompleteOf(this.ended?.incomplete),
      ...errorOf(this.ended?.error),
    };
  }

  /** The run as it stands. @param alive Whether a living process has it in hand. */
  details(alive: boolean): RunDetails {
    const { created } = this;
    return {
      ...this.summary(),
      state: this.ended?.state ?? (alive ? "RUNNING" : "INTERRUPTED"),
      name: created?.runName ?? "",
      pipelineName: created?.pipelineName ?? "",
      createTime: timestamp(created?.time ?? 0),
      endTime: this.ended === undefined ? null : timestamp(this.ended.time),
      parameters: created?.parameters ?? {},
      specDigest: created?.specDigest ?? "",
      running: this.ended === undefined ? [...this.started.keys()] : [],
    };
  }

  private restart(event: EventOf<"run-started">): void {
    this.ended = undefined;
    this.started.clear();
    for (const path of event.dropped ?? []) this.tasks.delete(path);
  }

  private start(event: EventOf<"task-started">): void {
    this.started.set(event.path, { attempt: event.attempt, name: event.name ?? lastName(event.path) });
  }

  private finish(event: EventOf<"task-finished">): void {
    const name = event.name ?? this.started.get(event.path)?.name ?? lastName(event.path);
    this.started.delete(event.path);
    this.tasks.set(event.path, {
      path: event.path,
      name,
      state: event.state,
      cached: event.cached,
      startTime: timestamp(event.startTime),
      endTime: timestamp(event.time),
      outputs: shown(event.outputs?.parameters ?? {}, event.hidden),
      artifacts: event.outputs?.artifacts ?? {},
      ...errorOf(event.error),
    });
  }
}

function skipped(event: EventOf<"task-skipped">): TaskSummary {
  const nothing = { cached: false, startTime: null, endTime: null, outputs: {}, artifacts: {} };
  return { path: event.path, name: event.name ?? lastName(event.path), state: "SKIPPED", ...nothing };
}

/** Runs of this machine know simulated enclaves only. */
function sealedOf(created: EventOf<"run-created"> | undefined): Pick<RunSummary, "sealed"> {
  return isJsonObject(created?.options.sealed) ? { sealed: { enclaves: "simulated" } } : {};
}

function incompleteOf(incomplete: ErrorBody | undefined): { incomplete?: ErrorBody } {
  return incomplete === undefined ? {} : { incomplete };
}

function errorOf(error: ErrorBody | undefined): { error?: ErrorBody } {
  return error === undefined ? {} : { error };
}

function lastName(path: TaskPath): string {
  return path.slice(path.lastIndexOf("/") + 1);
}

/** The view of a whole journal. */
export function viewOf(events: readonly RunEvent[]): RunView {
  const view = new RunView();
  for (const event of events) view.add(event);
  return view;
}
