/**
 * Events from states: Kubeflow Pipelines has no stream, only a run's tasks as they are now. Two looks differ by what
 * happened in between.
 */
import type { RunEvent, RunEventBody } from "@sealflow/engine";
import type { PipelineTaskDetail, Run } from "@sealflow/kfp";

const ended = new Set(["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"]);

/** Turns successive states of one run into events. */
export class StateTeller {
  private seq = 0;
  private created = false;
  private finished = false;
  private readonly known = new Map<string, string>();

  /** What is new in this state of the run. */
  *look(run: Run): Generator<RunEvent> {
    for (const body of this.bodies(run)) {
      this.seq += 1;
      yield { ...body.event, seq: this.seq, time: body.time } as RunEvent;
    }
  }

  /** True when the run's end was told. */
  get done(): boolean {
    return this.finished;
  }

  private *bodies(run: Run): Generator<Told> {
    if (!this.created) {
      this.created = true;
      yield { time: timeOf(run.created_at), event: creation(run) };
    }
    const tasks = (run.run_details?.task_details ?? []).filter((task) => !isPlumbing(task));
    const byId = new Map((run.run_details?.task_details ?? []).map((task) => [task.task_id, task]));
    for (const task of tasks) yield* this.task(task, pathOf(task, byId));
    if (!ended.has(run.state) || this.finished) return;
    this.finished = true;
    const state = run.state === "SUCCEEDED" || run.state === "CANCELED" ? run.state : "FAILED";
    yield {
      time: timeOf(run.finished_at ?? run.created_at),
      event: { type: "run-finished", state, outputs: {}, artifacts: {}, ...errorIn(run) },
    };
  }

  private *task(task: PipelineTaskDetail, path: string): Generator<Told> {
    const before = this.known.get(task.task_id);
    if (before === task.state || path === "") return;
    this.known.set(task.task_id, task.state);
    const start = timeOf(task.start_time ?? task.create_time);
    const name = path.endsWith(task.display_name) ? {} : { name: task.display_name };
    if (task.state === "SKIPPED") {
      yield { time: start, event: { type: "task-skipped", path, ...name, reason: { kind: "canceled" } } };
      return;
    }
    const started = before === "RUNNING" || before === "CANCELING";
    if (!started && (task.state === "RUNNING" || ended.has(task.state))) {
      const inputs = { parameters: {}, artifacts: {} };
      yield { time: start, event: { type: "task-started", path, ...name, attempt: 1, inputs } };
    }
    if (task.state !== "SUCCEEDED" && task.state !== "FAILED" && task.state !== "CANCELED") return;
    const { state } = task;
    yield {
      time: timeOf(task.end_time ?? task.start_time),
      event: {
        type: "task-finished",
        path,
        ...name,
        state,
        cached: false,
        startTime: start,
        ...errorIn(task),
      },
    };
  }
}

interface Told {
  readonly time: number;
  readonly event: RunEventBody;
}

function creation(run: Run): RunEventBody {
  return {
    type: "run-created",
    formatVersion: 1,
    runId: run.run_id,
    runName: run.display_name,
    pipelineName: "",
    specDigest: "",
    parameters: run.runtime_config?.parameters ?? {},
    options: {},
  };
}

function errorIn({ error }: Pick<Run, "error">): { error?: { code: string; message: string } } {
  return error === undefined ? {} : { error: { code: "CLUSTER_TASK_FAILED", message: error.message } };
}

/** Drivers and the graphs themselves: the official engine lists them among the tasks. */
function isPlumbing({ display_name, child_tasks }: PipelineTaskDetail): boolean {
  if (/(^|-)driver$/.test(display_name) || display_name === "root") return true;
  return (child_tasks ?? []).some(({ task_id }) => task_id !== undefined && task_id !== "");
}

function pathOf(task: PipelineTaskDetail, byId: ReadonlyMap<string, PipelineTaskDetail>): string {
  const names: string[] = [];
  const seen = new Set<string>();
  for (let each: PipelineTaskDetail | undefined = task; each !== undefined; ) {
    if (seen.has(each.task_id)) break;
    seen.add(each.task_id);
    if (each.display_name !== "root") names.unshift(each.display_name);
    each = each.parent_task_id === undefined ? undefined : byId.get(each.parent_task_id);
  }
  return names.join("/");
}

function timeOf(text: string | undefined): number {
  const time = Date.parse(text ?? "");
  return Number.isNaN(time) ? 0 : time;
}
