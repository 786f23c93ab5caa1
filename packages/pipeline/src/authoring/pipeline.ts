import { type JsonObject, SealflowError } from "@sealflow/core";
import type { CallOf } from "./arguments.js";
import { belongsTo, reportDefaults, valueText } from "./arguments.js";
import { addTask } from "./component.js";
import type { Component } from "./component-model.js";
import type {
  ArtifactDefinition,
  Definitions,
  FilledDefinition,
  InputDefinition,
  OutputDefinition,
  ParameterDefinition,
} from "./definitions.js";
import type { Graph, GroupNode, ValueNode } from "./graph.js";
import {
  type ArtifactListRef,
  type ArtifactRef,
  isReference,
  type ParameterRef,
  type Reference,
  referenceTo,
} from "./references.js";
import { inGraph, report } from "./scope.js";
import type { ReferenceOf, Task } from "./task.js";
import { locationOf, type Trace, traceCaller } from "./trace.js";

/** Marks pipelines across copies of this package: whoever loads a module finds its pipelines by this. */
export const PIPELINE_BRAND = Symbol.for("sealflow.pipeline");

/** What a pipeline takes: parameters, and for pipelines inside others artifacts. */
export type PipelineInput = Exclude<InputDefinition, FilledDefinition>;

/** The references that a pipeline function gets for its inputs. */
export type PipelineArguments<I> = { readonly [K in keyof I]: ReferenceOf<I[K]> };

/** The declarations behind what a pipeline function returns. */
export type OutputsReturned<R> = {
  readonly [K in keyof R]: R[K] extends ParameterRef<infer T>
    ? ParameterDefinition<T, false>
    : R[K] extends ArtifactListRef<infer A>
      ? ArtifactDefinition<A, true, false>
      : R[K] extends ArtifactRef<infer A>
        ? ArtifactDefinition<A, false, false>
        : never;
};

/** A pipeline's name and inputs. */
export interface PipelineOptions<I> {
  /** Lower-case letters, digits and `-`; at most 128 characters. */
  readonly name: string;
  readonly displayName?: string;
  readonly description?: string;
  /** What a run is started with. */
  readonly parameters?: I;
  /** Where runs store their artifacts, for example `gs://bucket/root`; the backend's own place when absent. */
  readonly pipelineRoot?: string;
  readonly config?: PipelineConfig;
}

/** Settings of whole runs on Kubernetes. */
export interface PipelineConfig {
  /** Seconds until a finished run's Kubernetes objects are removed. */
  readonly ttlSecondsAfterFinished?: number;
  readonly ttlSecondsAfterSuccess?: number;
  readonly ttlSecondsAfterFailure?: number;
  /** Seconds after which a run is stopped. */
  readonly activeDeadlineSeconds?: number;
  /** A volume that all tasks of a run share. */
  readonly workspace?: {
    /** For example `"10Gi"`. */
    readonly size: string;
    readonly accessModes?: readonly string[];
    readonly storageClassName?: string;
  };
}

/** A pipeline: export it to run or compile it, or call it inside another pipeline. */
export interface PipelineDefinition<I = Definitions<PipelineInput>, O = Definitions<OutputDefinition>> {
  (...call: CallOf<I>): Task<O>;
  readonly pipelineName: string;
  readonly component: Component;
  /** Runs the pipeline function, once; never throws for what is wrong in it: that is in the graph's findings. */
  build(): Graph;
}

/**
 * Declares a pipeline. `body` runs when the pipeline is compiled, run or called; what it returns are the outputs.
 *
 * @example
 * export const train = pipeline(
 *   { name: "train", parameters: { seed: integer({ default: 0 }) } },
 *   ({ seed }) => ({ auc: fit({ seed }).outputs.auc }),
 * );
 */
export function pipeline<
  const I extends Definitions<PipelineInput> = Readonly<Record<never, never>>,
  R extends Readonly<Record<string, Reference>> = Readonly<Record<never, never>>,
>(
  options: PipelineOptions<I>,
  // biome-ignore lint/suspicious/noConfusingVoidType: a pipeline without outputs returns nothing
  body: (inputs: PipelineArguments<I>) => R | void,
): PipelineDefinition<I, OutputsReturned<R>> {
  const where = traceCaller(pipeline);
  let graph: Graph | undefined;
  const build = (): Graph => {
    graph ??= buildGraph(options, body as (inputs: unknown) => unknown, where);
    return graph;
  };
  const component = (): Component => componentOf(options, build);
  const call = (...[inputs]: CallOf<I>) => addTask<OutputsReturned<R>>(component(), inputs ?? {}, call);
  return Object.defineProperties(call, {
    pipelineName: { value: options.name, enumerable: true },
    component: { get: component },
    build: { value: build },
    [PIPELINE_BRAND]: { value: true },
  }) as unknown as PipelineDefinition<I, OutputsReturned<R>>;
}

/** True for a pipeline made by any copy of this package. */
export function isPipeline(value: unknown): value is PipelineDefinition {
  return typeof value === "function" && PIPELINE_BRAND in value;
}

function componentOf(options: PipelineOptions<Definitions<PipelineInput>>, build: () => Graph): Component {
  const { name, description, parameters } = options;
  return {
    name,
    ...(description === undefined ? {} : { description }),
    inputs: parameters ?? {},
    outputs: build().outputDefinitions,
    implementation: { kind: "pipeline", graph: build },
  };
}

const building = new Set<object>();

function buildGraph(
  options: PipelineOptions<Definitions<PipelineInput>>,
  body: (inputs: unknown) => unknown,
  where: Trace,
): Graph {
  if (building.has(options)) {
    throw new SealflowError({
      code: "PIPELINE_RECURSIVE",
      message: `${options.name}: a pipeline can't contain itself`,
      where: locationOf(where),
    });
  }
  building.add(options);
  try {
    const graph = emptyGraph(options, where);
    const returned = inGraph(graph, () => body(inputReferences(graph)));
    readOutputs(graph, (returned ?? {}) as Readonly<Record<string, unknown>>);
    return graph;
  } finally {
    building.delete(options);
  }
}

function emptyGraph(options: PipelineOptions<Definitions<PipelineInput>>, where: Trace): Graph {
  const { parameters, config, ...named } = options;
  const root: GroupNode = {
    kind: "group",
    type: "root",
    name: "",
    parent: undefined,
    children: [],
    after: [],
    where,
  };
  const graph: Graph = {
    ...named,
    ...(config === undefined ? {} : { config: configOf(config) }),
    inputs: parameters ?? {},
    root,
    where,
    outputs: new Map(),
    outputDefinitions: {},
    findings: [],
  };
  if (!/^[a-z0-9]([-a-z0-9]{0,126}[a-z0-9])?$/.test(options.name)) {
    report(graph, where, {
      code: "PIPELINE_NAME_INVALID",
      message: `pipeline name: expected lower-case letters, digits and "-", got ${JSON.stringify(options.name)}`,
    });
  }
  reportDefaults(graph, where, { name: options.name, inputs: graph.inputs });
  const invalid = Object.keys(graph.inputs).find((name) => !/^\w+$/.test(name));
  if (invalid !== undefined) {
    const message = `pipeline parameter: expected letters, digits and "_", got ${JSON.stringify(invalid)}`;
    report(graph, where, { code: "PIPELINE_NAME_INVALID", message });
  }
  return graph;
}

/** The spec's `PipelineConfig`, whose names differ. */
function configOf(config: PipelineConfig): JsonObject {
  const names = [
    ["ttlSecondsAfterFinished", "resourceTtlOnCompletion"],
    ["ttlSecondsAfterSuccess", "resourceTtlOnSuccess"],
    ["ttlSecondsAfterFailure", "resourceTtlOnFailure"],
    ["activeDeadlineSeconds", "activeDeadlineSeconds"],
  ] as const;
  const numbers: Record<string, number> = {};
  for (const [name, member] of names) if (config[name] !== undefined) numbers[member] = config[name];
  return { ...numbers, ...workspaceOf(config.workspace) };
}

function workspaceOf(workspace: PipelineConfig["workspace"]): JsonObject {
  if (workspace === undefined) return {};
  const { size, accessModes, storageClassName } = workspace;
  const patch = {
    ...(accessModes === undefined ? {} : { accessModes }),
    ...(storageClassName === undefined ? {} : { storageClassName }),
  };
  const kubernetes = Object.keys(patch).length === 0 ? {} : { kubernetes: { pvcSpecPatch: patch } };
  return { workspace: { size, ...kubernetes } };
}

function inputReferences(graph: Graph): Record<string, Reference> {
  const references: Record<string, Reference> = {};
  for (const [name, definition] of Object.entries(graph.inputs)) {
    const origin = { kind: "input", graph, name } as const;
    if (definition.kind === "parameter") {
      references[name] = referenceTo({ form: "parameter", origin, type: definition.type });
    } else if (definition.kind === "artifact") {
      const { artifactType, list } = definition;
      references[name] = referenceTo({ form: "artifact", origin, artifactType, list });
    }
  }
  return references;
}

function readOutputs(graph: Graph, returned: Readonly<Record<string, unknown>>): void {
  const outputs = new Map<string, ValueNode>();
  const definitions: Record<string, OutputDefinition> = {};
  for (const [name, value] of Object.entries(returned)) {
    if (isReference(value) && belongsTo(graph, value.node) && value.node.origin.kind !== "input") {
      outputs.set(name, value.node);
      definitions[name] = outputDefinition(value.node);
    } else {
      report(graph, graph.where, {
        code: "PIPELINE_OUTPUT_INVALID",
        message: `output ${name}: expected the output of a task of this pipeline, got ${shown(value)}`,
      });
    }
  }
  graph.outputs = outputs;
  graph.outputDefinitions = definitions;
}

function shown(value: unknown): string {
  return isReference(value) ? valueText(value.node) : typeof value;
}

function outputDefinition(node: ValueNode): OutputDefinition {
  if (node.form === "parameter") return { kind: "parameter", type: node.type, optional: false };
  return { kind: "artifact", artifactType: node.artifactType, list: node.list, optional: false };
}
