/** Components as plain data, whatever way they were made. */
import type { JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "../ir/types.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";
import type { Graph } from "./graph.js";

/** Something that tasks can be made of. */
export interface Component {
  /** As the author wrote it; task names are made from it. */
  readonly name: string;
  readonly description?: string;
  readonly inputs: Definitions<InputDefinition>;
  readonly outputs: Definitions<OutputDefinition>;
  readonly implementation: Implementation;
  /** Settings of its tasks that it passes on to what it starts. */
  readonly taskConfigPassthroughs?: readonly TaskConfigPassthrough[];
}

/** A setting of a task that reaches the component in its task config. */
export interface TaskConfigPassthrough {
  readonly field: TaskConfigField;
  /** True to let the setting hold for the task itself as well. Default: false. */
  readonly applyToTask?: boolean;
}

/** Source: pipeline_spec.proto, TaskConfigPassthroughType. */
export type TaskConfigField =
  | "RESOURCES"
  | "ENV"
  | "KUBERNETES_AFFINITY"
  | "KUBERNETES_TOLERATIONS"
  | "KUBERNETES_NODE_SELECTOR"
  | "KUBERNETES_VOLUMES";

/** How a component is carried out. */
export type Implementation =
  | PythonImplementation
  | ContainerImplementation
  | ImporterImplementation
  | { readonly kind: "pipeline"; readonly graph: () => Graph }
  | { readonly kind: "document"; readonly document: PipelineDocument };

/** A function in a Python file. */
export interface PythonImplementation {
  readonly kind: "python";
  /** URL of the `.py` file. */
  readonly source: string;
  readonly function: string;
  /** Digest of the signature that the TypeScript was generated from. */
  readonly signature: string;
  /** Set when the code is in the image already; nothing is embedded then. */
  readonly inImage?: { readonly image: string; readonly modulePath: string };
}

/** A command in an image. */
export interface ContainerImplementation {
  readonly kind: "container";
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
}

/** Brings an artifact that exists already into the pipeline. */
export interface ImporterImplementation {
  readonly kind: "importer";
  readonly artifactType: string;
  /** Absent when the address is a run-time value: then it is the input `uri`. */
  readonly uri?: string;
  readonly metadata?: JsonObject;
  readonly reimport: boolean;
  readonly downloadToWorkspace?: boolean;
}
