/** Components: what tasks are made of. Calling one in a pipeline function adds a task. */
import type { CallOf } from "./arguments.js";
import { type CallSite, readArguments, reportDefaults } from "./arguments.js";
import type {
  Component,
  PythonImplementation,
  TaskConfigField,
  TaskConfigPassthrough,
} from "./component-model.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";
import type { TaskNode, ValueNode } from "./graph.js";
import { type Reference, referenceTo } from "./references.js";
import { currentScope, newTaskName, report } from "./scope.js";
import { type OutputsOf, Task } from "./task.js";
import { type Trace, traceCaller } from "./trace.js";

type AnyCallable = (...args: never[]) => unknown;

/** A component: call it with its inputs inside a pipeline function. */
export interface ComponentFunction<I, O> {
  (...call: CallOf<I>): Task<O>;
  readonly component: Component;
}

/** Makes the function that adds a task of this component. */
export function componentFunction<I, O>(component: Component): ComponentFunction<I, O> {
  const call = (...[inputs]: CallOf<I>): Task<O> => addTask<O>(component, inputs ?? {}, call);
  return Object.assign(call, { component });
}

/** Adds a task to the pipeline function that is running; `caller` is the function that the user called. */
export function addTask<O>(component: Component, inputs: object, caller: AnyCallable): Task<O> {
  const where = traceCaller(caller);
  const scope = currentScope(component.name, where);
  const site = { graph: scope.graph, component, where };
  reportNames(site);
  if (component.implementation.kind !== "pipeline") reportDefaults(scope.graph, where, component);
  const node: TaskNode = {
    kind: "task",
    name: newTaskName(scope, component.name),
    component,
    arguments: readArguments(site, inputs as Readonly<Record<string, unknown>>),
    settings: {
      caching: { enabled: true },
      resources: {},
      env: {},
      ignoreUpstreamFailure: false,
      kubernetes: [],
    },
    after: [],
    where,
    parent: scope.group,
  };
  scope.group.children.push(node);
  return new Task<O>(node, outputsOf<O>(node, scope.graph, where));
}

/** Names stand in placeholders and in Python signatures. */
function reportNames({ graph, component, where }: CallSite): void {
  const names = [...Object.keys(component.inputs), ...Object.keys(component.outputs)];
  const invalid = names.find((name) => !/^[\w-]+$/.test(name));
  if (invalid !== undefined) {
    report(graph, where, {
      code: "PIPELINE_NAME_INVALID",
      message: `${component.name}: expected names of letters, digits, "_" and "-", got ${JSON.stringify(invalid)}`,
    });
  }
  const twice = Object.keys(component.inputs).find((name) => Object.hasOwn(component.outputs, name));
  if (twice !== undefined && component.implementation.kind !== "pipeline") {
    report(graph, where, {
      code: "PIPELINE_NAME_DUPLICATE",
      message: `${component.name}: an input and an output are both called ${twice}`,
    });
  }
}

function outputsOf<O>(task: TaskNode, graph: Parameters<typeof report>[0], where: Trace): OutputsOf<O> {
  const outputs: Record<string, Reference> = {};
  for (const [name, definition] of Object.entries(task.component.outputs)) {
    outputs[name] = referenceTo(outputNode(task, name, definition));
  }
  return new Proxy(outputs, {
    get: (target, name) => {
      if (typeof name === "string" && !Object.hasOwn(target, name))
        reportUnknownOutput(task, name, graph, where);
      return Reflect.get(target, name) as unknown;
    },
  }) as OutputsOf<O>;
}

function reportUnknownOutput(
  task: TaskNode,
  name: string,
  graph: Parameters<typeof report>[0],
  where: Trace,
): void {
  if (["then", "toJSON", "constructor", "asymmetricMatch", "nodeType"].includes(name)) return;
  const known = Object.keys(task.component.outputs).join(", ") || "(none)";
  report(graph, where, {
    code: "PIPELINE_OUTPUT_UNKNOWN",
    message: `${task.name}: expected one of the outputs ${known}, got ${name}`,
  });
}

function outputNode(task: TaskNode, output: string, definition: OutputDefinition): ValueNode {
  const origin = { kind: "task", task, output } as const;
  if (definition.kind === "parameter") return { form: "parameter", origin, type: definition.type };
  return { form: "artifact", origin, artifactType: definition.artifactType, list: definition.list };
}

/** What a generated `.components.ts` says about a Python function. */
export interface PythonComponentOptions<I, O> {
  /** URL of the `.py` file. */
  readonly source: string;
  readonly function: string;
  /** Digest of the signature that this was generated from. */
  readonly signature: string;
  readonly description?: string;
  readonly inputs: I;
  readonly outputs: O;
}

/** A component whose code is a Python function. Generated code calls this; write the `.py` and generate. */
export function pythonComponent<
  I extends Definitions<InputDefinition>,
  O extends Definitions<OutputDefinition>,
>(options: PythonComponentOptions<I, O>): ComponentFunction<I, O> {
  const { inputs, outputs, description, ...rest } = options;
  const described = description === undefined ? {} : { description };
  const implementation: PythonImplementation = { kind: "python", ...rest };
  return componentFunction({ name: options.function, ...described, inputs, outputs, implementation });
}

/**
 * The same component with its code taken from an image instead of being embedded: the image holds the module at
 * `modulePath`, and `kfp`.
 */
export function inImage<I, O>(
  component: ComponentFunction<I, O>,
  location: { readonly image: string; readonly modulePath: string },
): ComponentFunction<I, O> {
  const { implementation } = component.component;
  if (implementation.kind !== "python") throw new TypeError("inImage: expected a Python component");
  return componentFunction({
    ...component.component,
    implementation: { ...implementation, inImage: location },
  });
}

/**
 * The same component, passing settings of its tasks on: they reach the function in its `TaskConfig` input instead of
 * holding for the task itself, for components that start further work (a job on several nodes, say) with them.
 *
 * @param passthroughs Fields, or fields with `applyToTask` for those that hold for the task as well.
 */
export function passTaskConfig<I, O>(
  component: ComponentFunction<I, O>,
  passthroughs: readonly (TaskConfigField | TaskConfigPassthrough)[],
): ComponentFunction<I, O> {
  const taskConfigPassthroughs = passthroughs.map((each): TaskConfigPassthrough => {
    const { field, applyToTask = false } = typeof each === "string" ? { field: each } : each;
    return { field, ...(applyToTask ? { applyToTask } : {}) };
  });
  return componentFunction({ ...component.component, taskConfigPassthroughs });
}
