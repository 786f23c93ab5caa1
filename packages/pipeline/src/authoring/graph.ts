/** The graph that a pipeline function leaves behind: plain data, so that another copy of this package can compile it. */
import type { JsonObject, JsonValue, SealflowError } from "@sealflow/core";
import type { Component } from "./component-model.js";
import type { ConditionNode } from "./condition.js";
import type { Definitions, InputDefinition, OutputDefinition } from "./definitions.js";
import type { Trace } from "./trace.js";
import type { TypeSpec } from "./value-types.js";

/** Where a value comes from. */
export type Origin =
  | { readonly kind: "input"; readonly graph: Graph; readonly name: string }
  | { readonly kind: "task"; readonly task: TaskNode; readonly output: string }
  | { readonly kind: "item"; readonly loop: GroupNode }
  | { readonly kind: "field"; readonly of: ParameterNode; readonly key: string }
  | { readonly kind: "collected"; readonly loop: GroupNode; readonly of: ValueNode }
  | { readonly kind: "one-of"; readonly branches: GroupNode; readonly options: readonly ValueNode[] };

/** A parameter value that exists at run time only. */
export interface ParameterNode {
  readonly form: "parameter";
  readonly origin: Origin;
  readonly type: TypeSpec;
}

/** An artifact, or a list of them, that exists at run time only. */
export interface ArtifactNode {
  readonly form: "artifact";
  readonly origin: Origin;
  readonly artifactType: string;
  readonly list: boolean;
}

/** Either kind of value. */
export type ValueNode = ParameterNode | ArtifactNode;

/** Text with run-time values in it: constants and values in turn. */
export interface TemplateNode {
  readonly parts: readonly (string | ParameterNode)[];
}

/** What was given for an input. */
export type Argument =
  | { readonly kind: "constant"; readonly value: JsonValue }
  | { readonly kind: "value"; readonly node: ValueNode }
  | { readonly kind: "template"; readonly template: TemplateNode };

/** A quantity, name or image that may come from a value at run time. */
export type Dynamic = string | ParameterNode | TemplateNode;

/** What was set on a task after it was called. */
export interface TaskSettings {
  displayName?: string;
  caching: { enabled: boolean; key?: string };
  retry?: { count: number; delay: string; factor: number; maxDelay: string };
  resources: Partial<Record<ResourceName, Dynamic>>;
  env: Record<string, string>;
  image?: Dynamic;
  ignoreUpstreamFailure: boolean;
  kubernetes: KubernetesSetting[];
}

/** Settings that become fields of `PipelineContainerSpec.ResourceSpec`, with the SDK's names for dynamic inputs. */
export type ResourceName =
  | "cpu_request"
  | "cpu_limit"
  | "memory_request"
  | "memory_limit"
  | "accelerator_type"
  | "accelerator_count";

/** One Kubernetes option: a member of `KubernetesExecutorConfig`, appended to or merged into what is there. */
export interface KubernetesSetting {
  readonly member: string;
  /** Leaves may be `ParameterNode`s: they become `InputParameterSpec`s. */
  readonly value: KubernetesValue;
}

/** JSON whose leaves may be run-time values. */
export type KubernetesValue =
  | JsonValue
  | ParameterNode
  | readonly KubernetesValue[]
  | { readonly [key: string]: KubernetesValue };

/** A call of a component. */
export interface TaskNode {
  readonly kind: "task";
  /** Unique in its graph. */
  readonly name: string;
  readonly component: Component;
  readonly arguments: ReadonlyMap<string, Argument>;
  readonly settings: TaskSettings;
  readonly after: (TaskNode | GroupNode)[];
  readonly where: Trace;
  parent: GroupNode;
}

/** Tasks that belong together: the pipeline itself, a loop, a branch. */
export interface GroupNode {
  readonly kind: "group";
  readonly type: "root" | "loop" | "branches" | "condition" | "exit-handler";
  /** Given when the graph is complete. */
  name: string;
  parent: GroupNode | undefined;
  readonly children: (TaskNode | GroupNode)[];
  readonly after: (TaskNode | GroupNode)[];
  readonly where: Trace;
  displayName?: string;
  /** Of a condition: this, and none of the conditions before it. */
  condition?: { readonly test: ConditionNode | undefined; readonly not: readonly ConditionNode[] };
  /** Of a loop. */
  loop?: LoopSpec;
  /** Of an exit handler: what runs when the group has ended, however it ended. */
  exitTask?: TaskNode;
}

/** What a loop runs over. */
export interface LoopSpec {
  readonly items: { readonly constant: readonly JsonValue[] } | { readonly value: ValueNode };
  /** The most iterations at one time; 0 means no limit. */
  readonly parallelism: number;
  readonly itemType: TypeSpec | undefined;
  /** Name of a static loop's item input. */
  itemName?: string;
}

/** A pipeline function's result. */
export interface Graph {
  readonly name: string;
  readonly displayName?: string;
  readonly description?: string;
  readonly pipelineRoot?: string;
  readonly config?: JsonObject;
  readonly inputs: Definitions<InputDefinition>;
  readonly root: GroupNode;
  readonly where: Trace;
  outputs: ReadonlyMap<string, ValueNode>;
  outputDefinitions: Definitions<OutputDefinition>;
  /** Everything found wrong while building. */
  readonly findings: SealflowError[];
}
