/** The pipeline as boxes in boxes: what is collapsed is one box, what is expanded holds its own. */
import type { ComponentSpec, DagSpec, PipelineSpec, TaskSpec } from "@sealflow/pipeline";
import { dependenciesOf } from "@sealflow/pipeline";
import type { State } from "../parts/state.js";
import type { RunModel, TaskModel } from "./model.js";

/** What a box stands for. */
export type NodeKind = "task" | "importer" | "pipeline" | "condition" | "branches" | "loop";

/** How many of the tasks in a box are in which state. */
export type Tally = Readonly<Partial<Record<State | "cached", number>>>;

/** A box of the graph. */
export interface GraphNode {
  /** Path of the task in the run; of the shown iteration, inside a loop. */
  readonly path: string;
  readonly label: string;
  readonly kind: NodeKind;
  readonly state: State;
  readonly cached: boolean;
  readonly attempts: number;
  /** Set for loops: how many iterations there are, and which one is shown. */
  readonly iterations?: number;
  readonly shown?: number;
  /** CEL of a condition. */
  readonly condition?: string;
  /** Leaf tasks inside, of all iterations; empty for leaf tasks. */
  readonly tally: Tally;
  /** Set when the box is expanded. */
  readonly inside?: Graph;
}

/** Boxes and what waits for what, on one level. */
export interface Graph {
  readonly nodes: readonly GraphNode[];
  readonly edges: readonly (readonly [from: string, to: string])[];
}

/** What is expanded, and which iteration of each loop is shown. */
export interface GraphView {
  /** Paths without iterations, so that expanding holds for all of them. */
  readonly expanded: ReadonlySet<string>;
  /** By path of the loop; the first one when there is none. */
  readonly iterations: ReadonlyMap<string, number>;
}

/** A path without its iterations: `a[2]/b` becomes `a/b`. */
export function staticPath(path: string): string {
  return path.replace(/\[\d+\]/g, "");
}

const DEEPEST = 30;

/** The graph of a run. Without a run's record all tasks are pending. */
export function graphOf(spec: PipelineSpec, run: RunModel, view: GraphView): Graph {
  const leaves = leavesByStaticDag(run);
  const walk = (dag: DagSpec, prefix: string, depth: number): Graph => {
    const entries = Object.entries(dag.tasks);
    const nodes = entries.map(([name, task]) => {
      const path = prefix === "" ? name : `${prefix}/${name}`;
      const component = spec.components?.[task.componentRef.name];
      if (component?.dag === undefined) return leafNode(path, task, { spec, component, run });
      const node = dagNode(path, task, { component, run, leaves });
      const open = view.expanded.has(staticPath(path)) && depth < DEEPEST;
      if (!open) return node;
      if (node.kind !== "loop") return { ...node, inside: walk(component.dag, path, depth + 1) };
      const shown = Math.min(view.iterations.get(path) ?? 0, Math.max(0, (node.iterations ?? 1) - 1));
      return { ...node, shown, inside: walk(component.dag, `${path}[${shown}]`, depth + 1) };
    });
    const paths = new Map(entries.map(([name], index) => [name, nodes[index]?.path ?? name]));
    const edges = entries.flatMap(([name, task]) =>
      dependenciesOf(task).flatMap((from) => {
        const [start, end] = [paths.get(from), paths.get(name)];
        return start === undefined || end === undefined ? [] : [[start, end] as const];
      }),
    );
    return { nodes, edges };
  };
  return spec.root.dag === undefined ? { nodes: [], edges: [] } : walk(spec.root.dag, "", 0);
}

function leafNode(
  path: string,
  task: TaskSpec,
  { spec, component, run }: { spec: PipelineSpec; component: ComponentSpec | undefined; run: RunModel },
): GraphNode {
  const executor = spec.deploymentSpec.executors?.[component?.executorLabel ?? ""];
  const known = run.tasks.get(path);
  return {
    path,
    label: known?.name ?? task.taskInfo?.name ?? path.slice(path.lastIndexOf("/") + 1),
    kind: executor?.importer === undefined ? "task" : "importer",
    state: known?.state ?? "PENDING",
    cached: known?.cached ?? false,
    attempts: known?.attempts.length ?? 0,
    ...(task.triggerPolicy?.condition === undefined ? {} : { condition: task.triggerPolicy.condition }),
    tally: {},
  };
}

function dagNode(
  path: string,
  task: TaskSpec,
  {
    component,
    run,
    leaves,
  }: { component: ComponentSpec; run: RunModel; leaves: ReadonlyMap<string, readonly TaskModel[]> },
): GraphNode {
  const kind = kindOf(task, component);
  const own = run.dags.get(path);
  const tally = tallyOf((leaves.get(staticPath(path)) ?? []).filter((leaf) => isInside(leaf.path, path)));
  const iterations = own?.iterations;
  return {
    path,
    label: task.taskInfo?.name ?? path.slice(path.lastIndexOf("/") + 1),
    kind,
    state: own?.state ?? skippedOrPending(tally),
    cached: false,
    attempts: 0,
    ...(iterations === undefined ? {} : { iterations }),
    ...(task.triggerPolicy?.condition === undefined ? {} : { condition: task.triggerPolicy.condition }),
    tally,
  };
}

function kindOf(task: TaskSpec, component: ComponentSpec): NodeKind {
  if (task.parameterIterator !== undefined || task.artifactIterator !== undefined) return "loop";
  if (task.triggerPolicy?.condition !== undefined) return "condition";
  const inner = Object.values(component.dag?.tasks ?? {});
  const branches = inner.length > 0 && inner.every((each) => each.triggerPolicy?.condition !== undefined);
  return branches && /^comp-condition/.test(task.componentRef.name) ? "branches" : "pipeline";
}

function skippedOrPending(tally: Tally): State {
  const states = Object.keys(tally).filter((state) => state !== "cached");
  return states.length === 1 && states[0] === "SKIPPED" ? "SKIPPED" : "PENDING";
}

function isInside(leaf: string, dag: string): boolean {
  return leaf.startsWith(`${dag}/`) || leaf.startsWith(`${dag}[`);
}

/** Leaf tasks by each DAG around them, so that boxes count their tasks without looking at all of the run. */
function leavesByStaticDag(run: RunModel): ReadonlyMap<string, readonly TaskModel[]> {
  const found = new Map<string, TaskModel[]>();
  for (const task of run.tasks.values()) {
    const parts = staticPath(task.path).split("/");
    for (let depth = 1; depth < parts.length; depth++) {
      const dag = parts.slice(0, depth).join("/");
      const leaves = found.get(dag);
      if (leaves === undefined) found.set(dag, [task]);
      else leaves.push(task);
    }
  }
  return found;
}

function tallyOf(tasks: readonly TaskModel[]): Tally {
  const counts: Partial<Record<State | "cached", number>> = {};
  for (const { state, cached } of tasks) {
    const key = cached ? "cached" : state;
    counts[key] = (counts[key] ?? 0) + 1;
  }
  return counts;
}

/** More boxes than this are not expanded by themselves. */
const MOST_AT_FIRST = 60;

/** What is expanded at first: level by level, as long as the picture stays one that can be taken in. */
export function firstExpanded(spec: PipelineSpec): ReadonlySet<string> {
  const expanded = new Set<string>();
  let level = [{ dag: spec.root.dag, prefix: "" }];
  let boxes = Object.keys(spec.root.dag?.tasks ?? {}).length;
  for (let depth = 0; level.length > 0 && depth < DEEPEST; depth++) {
    const next = level.flatMap(({ dag, prefix }) =>
      Object.entries(dag?.tasks ?? {}).flatMap(([name, task]) => {
        const inner = spec.components?.[task.componentRef.name]?.dag;
        return inner === undefined
          ? []
          : [{ dag: inner, prefix: prefix === "" ? name : `${prefix}/${name}` }];
      }),
    );
    boxes += next.reduce((sum, { dag }) => sum + Object.keys(dag.tasks).length, 0);
    if (boxes > MOST_AT_FIRST) break;
    for (const { prefix } of next) expanded.add(prefix);
    level = next;
  }
  return expanded;
}

/** All paths that can be expanded. */
export function allExpandable(spec: PipelineSpec): ReadonlySet<string> {
  const found = new Set<string>();
  const walk = (dag: DagSpec | undefined, prefix: string, depth: number): void => {
    if (depth > DEEPEST) return;
    for (const [name, task] of Object.entries(dag?.tasks ?? {})) {
      const inner = spec.components?.[task.componentRef.name]?.dag;
      if (inner === undefined) continue;
      const path = prefix === "" ? name : `${prefix}/${name}`;
      found.add(path);
      walk(inner, path, depth + 1);
    }
  };
  walk(spec.root.dag, "", 0);
  return found;
}
