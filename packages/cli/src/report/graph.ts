/** The pipeline's graph: one drawing per DAG, laid out by dagre. */

import { html, type Markup } from "@sealflow/core";
import type { TaskSummary } from "@sealflow/engine";
import type { ComponentSpec, DagSpec, PipelineSpec, TaskSpec } from "@sealflow/pipeline";
import { truncate } from "../render/text.js";
import { round } from "./charts/unit-square.js";
import { layOut, type Point, type Size } from "./layout.js";

/** A DAG's drawing. */
export interface DagDrawing {
  /** Names of the DAG tasks around it; empty for the pipeline itself. */
  readonly title: string;
  readonly drawing: Markup;
}

/** Larger DAGs are named, not drawn: their layout takes long and shows little. */
const mostNodes = 300;
const deepest = 8;

/** Draws the pipeline and the DAGs inside it, coloured by the states of a run's tasks. */
export function drawGraphs(spec: PipelineSpec, tasks: readonly TaskSummary[]): readonly DagDrawing[] {
  const drawings: DagDrawing[] = [];
  const visit = (component: ComponentSpec | undefined, path: readonly string[]): void => {
    const dag = component?.dag;
    if (dag === undefined || Object.keys(dag.tasks).length === 0 || path.length > deepest) return;
    drawings.push({ title: path.join(" / "), drawing: drawDag(dag, spec, stateWithin(tasks, path)) });
    for (const [name, task] of Object.entries(dag.tasks)) {
      visit(spec.components?.[task.componentRef.name], [...path, name]);
    }
  };
  visit(spec.root, []);
  return drawings;
}

type StateOf = (name: string) => string;

/** The state of a task of the DAG at `path`, over all iterations around it and all tasks inside it. */
function stateWithin(tasks: readonly TaskSummary[], path: readonly string[]): StateOf {
  const found = new Map<string, Set<string>>();
  for (const task of tasks) {
    const names = task.path.split("/").map((name) => name.replace(/\[\d+\]$/, ""));
    const name = names[path.length];
    if (name === undefined || path.some((each, index) => names[index] !== each)) continue;
    found.set(name, (found.get(name) ?? new Set()).add(task.state));
  }
  return (name) => {
    const states = found.get(name) ?? new Set();
    return ["FAILED", "CANCELED", "SUCCEEDED", "SKIPPED"].find((state) => states.has(state)) ?? "PENDING";
  };
}

/** Names of the tasks that a task waits for. */
export function dependenciesOf(task: TaskSpec): ReadonlySet<string> {
  const { parameters = {}, artifacts = {} } = task.inputs ?? {};
  const producers = [
    ...Object.values(parameters).map(
      (input) => input.taskOutputParameter?.producerTask ?? input.taskFinalStatus?.producerTask,
    ),
    ...Object.values(artifacts).map((input) => input.taskOutputArtifact?.producerTask),
  ];
  return new Set([...producers.filter((name) => name !== undefined), ...(task.dependentTasks ?? [])]);
}

function kindOf(task: TaskSpec, spec: PipelineSpec): string {
  const component = spec.components?.[task.componentRef.name];
  if (task.parameterIterator !== undefined || task.artifactIterator !== undefined) return "loop";
  if (component?.dag !== undefined)
    return task.triggerPolicy?.condition === undefined ? "pipeline" : "condition";
  const executor = spec.deploymentSpec.executors?.[component?.executorLabel ?? ""];
  return executor?.importer === undefined ? "" : "importer";
}

interface Box extends Size {
  readonly label: string;
  readonly kind: string;
}

function drawDag(dag: DagSpec, spec: PipelineSpec, stateOf: StateOf): Markup {
  const tasks = Object.entries(dag.tasks);
  if (tasks.length > mostNodes) return html`<p>${tasks.length} tasks: too many to draw</p>`;
  const boxes = new Map(tasks.map(([name, task]) => [name, boxOf(name, task, spec)]));
  const waits = tasks.flatMap(([name, task]) =>
    [...dependenciesOf(task)].map((producer) => [producer, name] as const),
  );
  const { width, height, nodes, edges } = layOut(boxes, waits);
  const drawn = [...boxes].map(([name, box]) => drawNode(name, box, nodes.get(name), stateOf(name)));
  return html`<svg class="graph" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Graph of ${tasks.length} tasks"><title>Graph</title>${edges.map(drawEdge)}${drawn}</svg>`;
}

function boxOf(name: string, task: TaskSpec, spec: PipelineSpec): Box {
  const kind = kindOf(task, spec);
  const label = truncate(task.taskInfo?.name ?? name, 28);
  return {
    label,
    kind,
    width: 30 + 7.3 * Math.max(label.length, kind.length),
    height: kind === "" ? 34 : 46,
  };
}

function drawEdge(points: readonly Point[]): Markup {
  const [first, ...rest] = points;
  const last = rest.at(-1);
  if (first === undefined || last === undefined) return html``;
  const middle = rest.slice(0, -1).map((point, index) => {
    const next = rest[index + 1] ?? point;
    return `Q${round(point.x)} ${round(point.y)} ${round((point.x + next.x) / 2)} ${round((point.y + next.y) / 2)}`;
  });
  const path = `M${round(first.x)} ${round(first.y)}${middle.join("")}L${round(last.x)} ${round(last.y)}`;
  const tip = `M${round(last.x - 4)} ${round(last.y - 7)}L${round(last.x)} ${round(last.y)}L${round(last.x + 4)} ${round(last.y - 7)}`;
  return html`<path class="edge" d="${path}"/><path class="edge" d="${tip}"/>`;
}

function drawNode(name: string, box: Box, centre: Point | undefined, state: string): Markup {
  const { x, y } = centre ?? { x: 0, y: 0 };
  const [left, top] = [round(x - box.width / 2), round(y - box.height / 2)];
  const kind =
    box.kind === ""
      ? undefined
      : html`<text class="tick" x="${round(x)}" y="${round(y + 15)}" text-anchor="middle">${box.kind}</text>`;
  return html`<g class="node ${state.toLowerCase()}"><title>${name}: ${state}</title><rect x="${left}" y="${top}" width="${round(box.width)}" height="${box.height}" rx="6"/><text x="${round(x)}" y="${round(y + (kind === undefined ? 4.5 : -1))}" text-anchor="middle">${box.label}</text>${kind}</g>`;
}
