/**
 * Events from states alone: Kubeflow Pipelines has no stream, only a run's nodes as they are now. Two looks differ by what
 * happened in between. Where its metadata can't be read, this is all there is: states, and no values.
 */
import type { ErrorBody } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import type { PipelineTaskDetail, Run } from "@sealflow/kfp";
import type { PipelineDocument } from "@sealflow/pipeline";
import { creationOf, EventNumbers, ended, errorIn, noticeOf, stateOf, type Told, timeOf } from "./told.js";

/** What is known besides states. */
export interface StateTellerOptions {
  /** With it only what is a task there is told; without it the engine's own nodes are left out as far as their names tell. */
  readonly document?: PipelineDocument;
  /** Why there are no values. */
  readonly incomplete?: ErrorBody;
}

/** Turns successive states of one run into events. */
export class StateTeller {
  private readonly numbers = new EventNumbers();
  private readonly leaves: ReadonlySet<string> | undefined;
  private readonly incomplete: ErrorBody | undefined;
  private created = false;
  private finished = false;
  private readonly known = new Map<string, string>();
  private readonly paths = new Map<string, string>();

  constructor({ document, incomplete }: StateTellerOptions = {}) {
    this.leaves = document === undefined ? undefined : leafNames(document);
    this.incomplete = incomplete;
  }

  /** What is new in this state of the run. */
  *look(run: Run): Generator<RunEvent> {
    for (const told of this.bodies(run)) yield this.numbers.of(told);
  }

  /** True when the run's end was told. */
  get done(): boolean {
    return this.finished;
  }

  private *bodies(run: Run): Generator<Told> {
    if (!this.created) {
      this.created = true;
      yield creationOf(run);
      if (this.incomplete !== undefined) yield noticeOf(this.incomplete, timeOf(run.created_at));
    }
    const details = run.run_details?.task_details ?? [];
    const byId = new Map(details.map((task) => [task.task_id, task]));
    for (const task of details) if (this.isTask(task)) yield* this.task(task, this.pathOf(task, byId));
    if (!ended.has(run.state) || this.finished) return;
    this.finished = true;
    yield {
      time: timeOf(run.finished_at ?? run.created_at),
      event: {
        ...{ type: "run-finished", state: stateOf(run), outputs: {}, artifacts: {} },
        ...(this.incomplete === undefined ? {} : { incomplete: this.incomplete }),
        ...errorIn(run),
      },
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
    const end = { type: "task-finished", path, ...name, state, cached: false, startTime: start } as const;
    yield { time: timeOf(task.end_time ?? task.start_time), event: { ...end, ...errorIn(task) } };
  }

  /** Drivers, pods of executors and the graphs themselves: the official engine lists them among the tasks. */
  private isTask({ display_name, child_tasks }: PipelineTaskDetail): boolean {
    if (this.leaves !== undefined) return this.leaves.has(display_name);
    if (/(^|-)driver$/.test(display_name) || display_name === "root") return false;
    return (child_tasks ?? []).every(({ task_id }) => task_id === undefined || task_id === "");
  }

  /** The official engine does not say what is inside of what: there a task's name alone is its path, counted where it comes again. */
  private pathOf(task: PipelineTaskDetail, byId: ReadonlyMap<string, PipelineTaskDetail>): string {
    const known = this.paths.get(task.task_id);
    if (known !== undefined) return known;
    const names: string[] = [];
    const seen = new Set<string>();
    for (let each: PipelineTaskDetail | undefined = task; each !== undefined; ) {
      if (seen.has(each.task_id)) break;
      seen.add(each.task_id);
      if (each.display_name !== "root") names.unshift(each.display_name);
      each = each.parent_task_id === undefined ? undefined : byId.get(each.parent_task_id);
    }
    const path = names.join("/");
    const taken = new Set(this.paths.values());
    let free = path;
    for (let number = 2; taken.has(free); number++) free = `${path}#${number}`;
    this.paths.set(task.task_id, free);
    return free;
  }
}

/** Names of everything that runs in a pod of its own. */
function leafNames({ spec }: PipelineDocument): ReadonlySet<string> {
  const components = spec.components ?? {};
  const names = new Set<string>();
  for (const { dag } of [spec.root, ...Object.values(components)]) {
    for (const [name, { componentRef }] of Object.entries(dag?.tasks ?? {})) {
      const component = Object.hasOwn(components, componentRef.name)
        ? components[componentRef.name]
        : undefined;
      if (component?.dag === undefined) names.add(name);
    }
  }
  return names;
}
