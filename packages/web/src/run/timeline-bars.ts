/** When tasks ran, and which of them decided how long the run took. */
import { type DagSpec, dependenciesOf, type PipelineSpec } from "@sealflow/pipeline";
import { staticPath } from "./graph-tree.js";
import type { RunModel, TaskModel } from "./model.js";

/** A bar of the timeline. */
export interface Bar {
  readonly task: TaskModel;
  readonly start: number;
  readonly end: number;
  readonly critical: boolean;
}

/** Bars in the order in which tasks began. @param now The end of what still runs. */
export function barsOf(spec: PipelineSpec | undefined, run: RunModel, now: number): readonly Bar[] {
  const critical = spec === undefined ? new Set<string>() : criticalPath(spec, run, now);
  return [...run.tasks.values()]
    .flatMap((task) => {
      if (task.startedAt === undefined) return [];
      const end = task.endedAt ?? now;
      return [
        {
          task,
          start: task.startedAt,
          end: Math.max(end, task.startedAt),
          critical: critical.has(task.path),
        },
      ];
    })
    .sort((a, b) => a.start - b.start || a.end - b.end || (a.task.path < b.task.path ? -1 : 1));
}

/**
 * The chain of tasks that the run waited for: from the task that ended last, back to whatever it waited for that ended
 * last, and so on.
 */
export function criticalPath(spec: PipelineSpec, run: RunModel, now: number): ReadonlySet<string> {
  const timed = [...run.tasks.values()].filter(({ startedAt }) => startedAt !== undefined);
  const endOf = (task: TaskModel): number => task.endedAt ?? now;
  const latest = (tasks: readonly TaskModel[]): TaskModel | undefined =>
    tasks.reduce<TaskModel | undefined>(
      (best, task) => (best && endOf(best) >= endOf(task) ? best : task),
      undefined,
    );
  const chain = new Set<string>();
  for (let task = latest(timed); task !== undefined && !chain.has(task.path); ) {
    chain.add(task.path);
    const before = waitedFor(spec, task.path);
    const start = task.startedAt ?? 0;
    task = latest(
      timed.filter((each) => endOf(each) <= start && before.some((path) => isWithin(each.path, path))),
    );
  }
  return chain;
}

function isWithin(leaf: string, path: string): boolean {
  return leaf === path || leaf.startsWith(`${path}/`) || leaf.startsWith(`${path}[`);
}

/** Paths of all that a task waited for, itself and through the DAGs around it. */
function waitedFor(spec: PipelineSpec, path: string): readonly string[] {
  const found: string[] = [];
  const parts = path.split("/");
  let dag: DagSpec | undefined = spec.root.dag;
  for (const [depth, part] of parts.entries()) {
    const name = staticPath(part);
    const task = dag?.tasks[name];
    if (task === undefined) break;
    const around = parts.slice(0, depth).join("/");
    for (const from of dependenciesOf(task)) found.push(around === "" ? from : `${around}/${from}`);
    dag = spec.components?.[task.componentRef.name]?.dag;
  }
  return found;
}

/** Places for ticks on a scale of this length: 4 to 9 of a round step, in milliseconds. */
export function ticksOf(length: number): readonly number[] {
  const steps = [
    ...[1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 15_000, 30_000, 60_000, 120_000],
    ...[300_000, 600_000, 900_000, 1_800_000, 3_600_000, 7_200_000, 21_600_000, 43_200_000, 86_400_000],
  ];
  const step = steps.find((each) => length / each <= 8) ?? 86_400_000 * Math.ceil(length / 86_400_000 / 8);
  return Array.from({ length: Math.floor(length / step) + 1 }, (_, index) => index * step);
}
