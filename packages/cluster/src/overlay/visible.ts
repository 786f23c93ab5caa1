/** What the control plane sees of a protected run: parameters it passes, and outputs that its decisions need. */
import type { ComponentSpec, DagSpec, PipelineSpec, TaskInputParameter, TaskSpec } from "@sealflow/pipeline";

/** A parameter value that stands where the control plane reads it. */
export interface VisibleParameter {
  readonly name: string;
  readonly why: "constant" | "run-parameter" | "task-output" | "loop-item" | "final-status";
}

/** A DAG with the task that it is inside of. */
export interface DagFrame {
  /** Path of task names, without loop indices; empty for the root. */
  readonly path: readonly string[];
  readonly dag: DagSpec;
  readonly task?: TaskSpec;
  readonly parent?: DagFrame;
}

/** Parameters of a task that the control plane passes on, with where their values come from. */
export function visibleParameters(task: TaskSpec): readonly VisibleParameter[] {
  const item = task.parameterIterator?.itemInput;
  const inputs = Object.entries(task.inputs?.parameters ?? {}).map(
    ([name, input]): VisibleParameter => ({ name, why: why(input) }),
  );
  return item === undefined ? inputs : [...inputs, { name: item, why: "loop-item" }];
}

function why(input: TaskInputParameter): VisibleParameter["why"] {
  if (input.taskOutputParameter !== undefined) return "task-output";
  if (input.componentInputParameter !== undefined) return "run-parameter";
  return input.taskFinalStatus === undefined ? "constant" : "final-status";
}

/**
 * Outputs of tasks, as `task/output` without loop indices, whose values the control plane needs for its own decisions:
 * conditions and loops. They must be declassified, or the run stops there.
 */
export function decisionOutputs(spec: PipelineSpec, frame: DagFrame): readonly string[] {
  return Object.values(frame.dag.tasks).flatMap((task) =>
    decidingInputs(task).flatMap((name) => {
      const input = task.inputs?.parameters?.[name];
      return input === undefined ? [] : originsOf(input, frame, spec);
    }),
  );
}

/** Names of the inputs that a task's condition reads, or its loop runs over. */
function decidingInputs({ triggerPolicy, parameterIterator }: TaskSpec): readonly string[] {
  const condition = triggerPolicy?.condition ?? "";
  const read = [...condition.matchAll(/parameter_values\[\s*(?:'([^']*)'|"([^"]*)")\s*\]/g)];
  const items = parameterIterator?.items.inputParameter;
  return [
    ...read.map(([, single, double]) => single ?? double ?? ""),
    ...(items === undefined ? [] : [items]),
  ];
}

/** The leaf outputs that a value comes from, through all DAGs around it. */
function originsOf(input: TaskInputParameter, frame: DagFrame, spec: PipelineSpec): readonly string[] {
  const { taskOutputParameter: output, componentInputParameter: outer, runtimeValue } = input;
  if (output !== undefined) return producersOf(output.producerTask, output.outputParameterKey, frame, spec);
  const names = outer === undefined ? namesInText(runtimeValue?.constant) : [outer];
  const { parent, task } = frame;
  if (parent === undefined || task === undefined) return [];
  return names.flatMap((name) => {
    const iterator = task.parameterIterator;
    const key = iterator?.itemInput === name ? (iterator.items.inputParameter ?? "") : name;
    const given = task.inputs?.parameters?.[key];
    return given === undefined ? [] : originsOf(given, parent, spec);
  });
}

/** Parameters that a text with placeholders is made from. */
function namesInText(value: unknown): readonly string[] {
  if (typeof value !== "string") return [];
  return [...value.matchAll(/\{\{\$\.inputs\.parameters\['([^']*)'\]\}\}/g)].map(([, name]) => name ?? "");
}

function producersOf(name: string, key: string, frame: DagFrame, spec: PipelineSpec): readonly string[] {
  const task = frame.dag.tasks[name];
  if (task === undefined) return [];
  const component = componentOf(spec, task);
  const path = [...frame.path, name];
  if (component?.dag === undefined) return [`${path.join("/")}/${key}`];
  const inner: DagFrame = { path, dag: component.dag, task, parent: frame };
  const output = component.dag.outputs?.parameters?.[key];
  const selectors =
    output?.valueFromOneof?.parameterSelectors ??
    (output?.valueFromParameter === undefined ? [] : [output.valueFromParameter]);
  return selectors.flatMap(({ producerSubtask, outputParameterKey }) =>
    producersOf(producerSubtask, outputParameterKey, inner, spec),
  );
}

/** The component that a task runs. */
export function componentOf(spec: PipelineSpec, task: TaskSpec): ComponentSpec | undefined {
  const components = spec.components ?? {};
  return Object.hasOwn(components, task.componentRef.name) ? components[task.componentRef.name] : undefined;
}
