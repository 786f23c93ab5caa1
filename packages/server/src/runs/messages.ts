/** Runs as the API's messages: the label, and, for one run, its tasks as the engine's record tells them. */
import type { ErrorBody, JsonObject } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { PipelineTaskDetail, Run, RuntimeState } from "@sealflow/kfp";
import { type ArtifactValue, taskIdOf } from "@sealflow/pipeline";
import { statusOf } from "../http/problem.js";
import type { Entity } from "../store/entities.js";
import { filled, timeText } from "../store/messages.js";

/** The message of a run. Lists leave out what `more` holds: documents and tasks are large. */
export function toRun(
  run: Entity,
  more: { spec?: JsonObject; tasks?: readonly PipelineTaskDetail[] } = {},
): Run {
  const { body } = run;
  return filled({
    experiment_id: run.parent,
    run_id: run.id,
    display_name: run.displayName,
    storage_state: run.storageState,
    description: body.description,
    pipeline_version_reference: body.pipeline_version_reference,
    pipeline_spec: more.spec,
    runtime_config: body.runtime_config,
    service_account: body.service_account,
    created_at: timeText(run.createdAt),
    scheduled_at: body.scheduled_at ?? timeText(run.createdAt),
    finished_at: run.endedAt === null ? undefined : timeText(run.endedAt),
    state: run.state,
    error: body.error,
    recurring_run_id: run.origin,
    state_history: body.state_history,
    run_details: more.tasks === undefined ? undefined : { task_details: more.tasks },
  }) as unknown as Run;
}

type Mutable = {
  -readonly [K in keyof PipelineTaskDetail]: PipelineTaskDetail[K];
};

/** Tasks and DAGs of a run, the root first, in the order in which they began. */
export function taskDetails(runId: string, events: readonly RunEvent[]): PipelineTaskDetail[] {
  const tasks = new Map<string, Mutable>();
  const began = (path: string, time: number, name?: string): Mutable => {
    const known = tasks.get(path);
    if (known !== undefined) return known;
    const task = newTask(runId, path, { time, ...(name === undefined ? {} : { name }) });
    tasks.set(path, task);
    return task;
  };
  for (const event of events) apply(event, began);
  for (const [path, task] of tasks) {
    if (path === "") continue;
    const parent = tasks.get(parentPath(path)) ?? tasks.get("");
    if (parent === undefined) continue;
    task.parent_task_id = parent.task_id;
    parent.child_tasks = [...(parent.child_tasks ?? []), { task_id: task.task_id }];
  }
  return [...tasks.values()];
}

function newTask(runId: string, path: string, { time, name }: { time: number; name?: string }): Mutable {
  return {
    run_id: runId,
    task_id: taskIdOf(runId, path),
    display_name: path === "" ? "root" : (name ?? path.slice(path.lastIndexOf("/") + 1)),
    create_time: timeText(time),
    state: "PENDING",
  };
}

type Began = (path: string, time: number, name?: string) => Mutable;

function apply(event: RunEvent, began: Began): void {
  const time = timeText(event.time);
  switch (event.type) {
    case "run-created":
      began("", event.time).start_time = time;
      return;
    case "run-started":
      move(began("", event.time), "RUNNING", time);
      for (const path of event.dropped ?? []) move(began(path, event.time), "PENDING", time);
      return;
    case "run-finished":
      end(began("", event.time), event.state, { time, ...(event.error && { error: event.error }) });
      return;
    case "dag-started":
      move(began(event.path, event.time), "RUNNING", time);
      return;
    case "dag-finished":
      end(began(event.path, event.time), event.state, { time, ...(event.error && { error: event.error }) });
      return;
    case "task-started": {
      const task = began(event.path, event.time, event.name);
      task.start_time = time;
      task.inputs = artifactLists(event.inputs.artifacts);
      move(task, "RUNNING", time);
      return;
    }
    case "task-finished": {
      const task = began(event.path, event.startTime, event.name);
      task.start_time ??= timeText(event.startTime);
      if (event.inputs !== undefined) task.inputs = artifactLists(event.inputs.artifacts);
      if (event.outputs !== undefined) task.outputs = artifactLists(event.outputs.artifacts);
      end(task, event.state, { time, ...(event.error && { error: event.error }) });
      return;
    }
    case "task-skipped":
      end(began(event.path, event.time, event.name), "SKIPPED", { time });
  }
}

function move(task: Mutable, state: RuntimeState, time: string, error?: ErrorBody): void {
  if (state === "RUNNING") task.start_time ??= time;
  task.state = state;
  const entry = { update_time: time, state, ...(error === undefined ? {} : { error: statusOf(error) }) };
  task.state_history = [...(task.state_history ?? []), entry];
  delete task.end_time;
  delete task.error;
}

function end(task: Mutable, state: RuntimeState, { time, error }: { time: string; error?: ErrorBody }): void {
  move(task, state, time, error);
  task.end_time = time;
  if (error !== undefined) task.error = statusOf(error);
}

/** Artifacts are named by the digest of their content; those without content by nothing. */
function artifactLists(
  artifacts: Readonly<Record<string, readonly ArtifactValue[]>>,
): Record<string, { artifact_ids: string[] }> {
  const lists = Object.entries(artifacts).map(([name, values]) => {
    return [name, { artifact_ids: values.map(({ digest, uri }) => digest ?? uri) }] as const;
  });
  return Object.fromEntries(lists);
}

/** The DAG around a task: an iteration's tasks are in the loop's own DAG. */
function parentPath(path: string): string {
  const cut = path.lastIndexOf("/");
  const parent = cut < 0 ? "" : path.slice(0, cut);
  if (path.endsWith("]")) return path.slice(0, path.lastIndexOf("["));
  return parent;
}
