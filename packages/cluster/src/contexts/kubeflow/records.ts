/**
 * A run's tasks as the driver and launcher of Kubeflow Pipelines 2.16 and 2.17 record them in ML Metadata: an execution for
 * each task and graph, with the graph around it (`parent_dag_id`), its key there (`task_name`), the index of an iteration, and
 * parameters. Outputs of graphs are not recorded; they follow from the spec.
 */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { MetadataExecution } from "@sealflow/kfp";
import type { ComponentSpec, PipelineSpec, TaskPath } from "@sealflow/pipeline";

/** What is recorded of a task or a graph of tasks. */
export interface TaskRecord {
  readonly executionId: number;
  readonly graph: boolean;
  /** `NOT_TRIGGERED`: its condition is false. */
  readonly state: "RUNNING" | "SUCCEEDED" | "FAILED" | "NOT_TRIGGERED";
  readonly cached: boolean;
  /** Milliseconds since the Unix epoch: when the driver had prepared it, and when it was last written. */
  readonly startTime: number;
  readonly endTime: number;
  readonly inputs: JsonObject;
  readonly outputs: JsonObject;
  /** Its pod, once it runs. */
  readonly pod?: { readonly name: string; readonly namespace: string };
}

const states: Readonly<Partial<Record<string, TaskRecord["state"]>>> = {
  COMPLETE: "SUCCEEDED",
  CACHED: "SUCCEEDED",
  FAILED: "FAILED",
  CANCELED: "NOT_TRIGGERED",
};

/** The records of a run's executions, by path. Of a task that the engine started anew the last one counts. */
export function recordsByPath(
  spec: PipelineSpec,
  executions: readonly MetadataExecution[],
): ReadonlyMap<TaskPath, TaskRecord> {
  const children = byGraph(executions);
  const records = new Map<TaskPath, TaskRecord>();
  const seen = new Set<number>();
  const open: Around[] = (children.get(undefined) ?? []).map((root) => ({
    graph: root,
    at: { path: "", component: spec.root },
  }));
  for (let around = open.pop(); around !== undefined; around = open.pop()) {
    for (const child of children.get(around.graph.id) ?? []) {
      if (seen.has(child.id)) continue;
      seen.add(child.id);
      const at = placeOf(spec, around, child);
      const record = recordOf(child);
      if ((records.get(at.path)?.executionId ?? 0) < child.id) records.set(at.path, record);
      if (record.graph) open.push({ graph: child, at });
    }
  }
  return records;
}

/** Executions by the graph that they are in, each in the order in which they began; the run itself is in none. */
function byGraph(
  executions: readonly MetadataExecution[],
): ReadonlyMap<number | undefined, readonly MetadataExecution[]> {
  const children = new Map<number | undefined, MetadataExecution[]>();
  for (const execution of [...executions].sort((a, b) => a.id - b.id)) {
    const graph = integer(execution, "parent_dag_id");
    const list = children.get(graph);
    if (list === undefined) children.set(graph, [execution]);
    else list.push(execution);
  }
  return children;
}

interface Around {
  readonly graph: MetadataExecution;
  readonly at: { readonly path: TaskPath; readonly component: ComponentSpec | undefined };
}

function placeOf(spec: PipelineSpec, { graph, at }: Around, child: MetadataExecution): Around["at"] {
  const index = integer(child, "iteration_index");
  // A loop's own execution knows how many iterations it has; what is in it are those.
  if (index !== undefined && integer(graph, "iteration_count") !== undefined)
    return { path: `${at.path}[${index}]`, component: at.component };
  const name = keyOf(at.component, child);
  const path = at.path === "" ? name : `${at.path}/${name}`;
  return { path, component: componentOf(spec, at.component, name) };
}

/** The launcher of importers writes what a task is called where everything else writes its key. */
function keyOf(component: ComponentSpec | undefined, child: MetadataExecution): string {
  const name = textOf(child, "task_name");
  const tasks = component?.dag?.tasks ?? {};
  if (!child.type.startsWith("system.Importer") || Object.hasOwn(tasks, name)) return name;
  const called = Object.keys(tasks).filter((key) => tasks[key]?.taskInfo?.name === name);
  return called.length === 1 ? (called[0] ?? name) : name;
}

function componentOf(
  spec: PipelineSpec,
  around: ComponentSpec | undefined,
  name: string,
): ComponentSpec | undefined {
  const tasks = around?.dag?.tasks ?? {};
  const reference = Object.hasOwn(tasks, name) ? tasks[name]?.componentRef.name : undefined;
  const components = spec.components ?? {};
  return reference !== undefined && Object.hasOwn(components, reference) ? components[reference] : undefined;
}

function recordOf(execution: MetadataExecution): TaskRecord {
  const name = textOf(execution, "pod_name");
  return {
    executionId: execution.id,
    graph: isGraph(execution),
    state: states[execution.state] ?? "RUNNING",
    cached: execution.state === "CACHED",
    startTime: execution.createTime,
    endTime: execution.updateTime,
    inputs: objectOf(execution, "inputs"),
    outputs: objectOf(execution, "outputs"),
    ...(name === "" ? {} : { pod: { name, namespace: textOf(execution, "namespace") } }),
  };
}

function isGraph({ type }: MetadataExecution): boolean {
  return type === "system.DAGExecution";
}

function integer({ properties }: MetadataExecution, name: string): number | undefined {
  const value = properties.get(name);
  return typeof value === "number" ? value : undefined;
}

function textOf({ properties }: MetadataExecution, name: string): string {
  const value = properties.get(name);
  return typeof value === "string" ? value : "";
}

function objectOf({ properties }: MetadataExecution, name: string): JsonObject {
  const value = properties.get(name);
  return isJsonObject(value) ? value : {};
}
