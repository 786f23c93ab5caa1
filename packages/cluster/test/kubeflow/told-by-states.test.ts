import { RunView } from "@sealflow/engine";
import type { PipelineTaskDetail, Run, RuntimeState } from "@sealflow/kfp";
import { expect, it } from "vitest";
import { StateTeller } from "../../src/contexts/kubeflow/told-by-states.js";

const at = (second: number) => new Date(Date.UTC(2026, 0, 1, 0, 0, second)).toISOString();

function task(name: string, state: RuntimeState, more: Partial<PipelineTaskDetail> = {}): PipelineTaskDetail {
  return {
    run_id: "r",
    task_id: name,
    display_name: name,
    create_time: at(1),
    start_time: at(1),
    state,
    ...more,
  };
}

function run(state: RuntimeState, tasks: readonly PipelineTaskDetail[]): Run {
  return {
    ...{
      run_id: "r",
      experiment_id: "e",
      display_name: "mine",
      storage_state: "AVAILABLE",
      created_at: at(0),
      state,
    },
    ...(state === "RUNNING" ? {} : { finished_at: at(9) }),
    run_details: { task_details: tasks },
  };
}

/** What Kubeflow Pipelines lists: the root, its driver, a graph with its own driver, and the tasks. */
const plumbing = [
  task("root", "RUNNING", { child_tasks: [{ pod_name: "p" }] }),
  task("root-driver", "SUCCEEDED"),
  task("loop", "RUNNING", { parent_task_id: "root", child_tasks: [{ task_id: "train" }] }),
  task("loop-driver", "SUCCEEDED", { parent_task_id: "loop" }),
];

it("tells each change of a task's state once, and leaves the engine's own pods out", () => {
  const teller = new StateTeller();
  const events = [
    run("RUNNING", [...plumbing, task("load", "RUNNING")]),
    run("RUNNING", [...plumbing, task("load", "RUNNING")]),
    run("RUNNING", [
      ...plumbing,
      task("load", "SUCCEEDED", { end_time: at(3) }),
      task("train", "RUNNING", { parent_task_id: "loop" }),
    ]),
    run("FAILED", [
      ...plumbing,
      task("load", "SUCCEEDED"),
      task("train", "FAILED", { parent_task_id: "loop", error: { code: 2, message: "exit code 1" } }),
      task("report", "SKIPPED"),
    ]),
  ].flatMap((state) => [...teller.look(state)]);
  expect(events.map(({ type, ...event }) => ("path" in event ? `${type} ${event.path}` : type))).toEqual([
    "run-created",
    "task-started load",
    "task-finished load",
    "task-started loop/train",
    "task-finished loop/train",
    "task-skipped report",
    "run-finished",
  ]);
  expect(events.map(({ seq }) => seq)).toEqual([1, 2, 3, 4, 5, 6, 7]);
  const view = new RunView();
  for (const event of events) view.add(event);
  expect(view.summary()).toMatchObject({
    state: "FAILED",
    tasks: [
      { path: "load", state: "SUCCEEDED", startTime: at(1), endTime: at(3) },
      { path: "loop/train", state: "FAILED", error: { message: "exit code 1" } },
      { path: "report", state: "SKIPPED" },
    ],
  });
});
