/**
 * The KFP v2 pipeline spec (IR, schema 2.1.0) in its protojson form, as TypeScript types.
 * Source: kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto. Field names are protojson's (lowerCamelCase).
 */
import type { JsonObject, JsonValue } from "@sealflow/core";

/** The only schema version that stock Kubeflow Pipelines 2.x accepts. */
export const SCHEMA_VERSION = "2.1.0";

/** Parameter types of `ParameterType.ParameterTypeEnum`. */
export type ParameterType =
  | "STRING"
  | "NUMBER_INTEGER"
  | "NUMBER_DOUBLE"
  | "BOOLEAN"
  | "LIST"
  | "STRUCT"
  | "TASK_FINAL_STATUS"
  | "TASK_CONFIG";

/** `PipelineSpec`: the first document of the YAML. */
export interface PipelineSpec {
  readonly pipelineInfo: {
    readonly name: string;
    readonly displayName?: string;
    readonly description?: string;
  };
  readonly deploymentSpec: DeploymentSpec;
  readonly schemaVersion: string;
  readonly sdkVersion?: string;
  readonly components?: Readonly<Record<string, ComponentSpec>>;
  readonly root: ComponentSpec;
  readonly defaultPipelineRoot?: string;
}

/** `PipelineDeploymentConfig`. */
export interface DeploymentSpec {
  readonly executors?: Readonly<Record<string, ExecutorSpec>>;
}

/** `ComponentSpec`: either an executor's interface or a DAG. */
export interface ComponentSpec {
  readonly inputDefinitions?: InputDefinitions;
  readonly outputDefinitions?: OutputDefinitions;
  readonly executorLabel?: string;
  readonly dag?: DagSpec;
  readonly singlePlatformSpecs?: readonly JsonObject[];
  readonly taskConfigPassthroughs?: readonly { readonly field: string; readonly applyToTask?: boolean }[];
}

/** `ComponentInputsSpec`. */
export interface InputDefinitions {
  readonly parameters?: Readonly<Record<string, InputParameterDefinition>>;
  readonly artifacts?: Readonly<Record<string, InputArtifactDefinition>>;
}

/** `ComponentInputsSpec.ParameterSpec`. */
export interface InputParameterDefinition {
  readonly parameterType: ParameterType;
  readonly defaultValue?: JsonValue;
  readonly isOptional?: boolean;
  readonly description?: string;
  /** Values allowed; validated by the API server and the driver since 2.16. */
  readonly literals?: readonly JsonValue[];
}

/** `ComponentInputsSpec.ArtifactSpec`. */
export interface InputArtifactDefinition {
  readonly artifactType: ArtifactTypeSchema;
  readonly isArtifactList?: boolean;
  readonly isOptional?: boolean;
  readonly description?: string;
}

/** `ComponentOutputsSpec`. */
export interface OutputDefinitions {
  readonly parameters?: Readonly<Record<string, OutputParameterDefinition>>;
  readonly artifacts?: Readonly<Record<string, OutputArtifactDefinition>>;
}

/** `ComponentOutputsSpec.ParameterSpec`. */
export interface OutputParameterDefinition {
  readonly parameterType: ParameterType;
  readonly description?: string;
}

/** `ComponentOutputsSpec.ArtifactSpec`. */
export interface OutputArtifactDefinition {
  readonly artifactType: ArtifactTypeSchema;
  readonly isArtifactList?: boolean;
  readonly metadata?: JsonObject;
  readonly description?: string;
}

/** `ArtifactTypeSchema`: one of the three ways to name a type, and its version. */
export interface ArtifactTypeSchema {
  readonly schemaTitle?: string;
  readonly schemaUri?: string;
  readonly instanceSchema?: string;
  readonly schemaVersion?: string;
}

/** `DagSpec`. */
export interface DagSpec {
  readonly tasks: Readonly<Record<string, TaskSpec>>;
  readonly outputs?: DagOutputs;
}

/** `DagOutputsSpec`. */
export interface DagOutputs {
  readonly parameters?: Readonly<Record<string, DagOutputParameter>>;
  readonly artifacts?: Readonly<Record<string, { readonly artifactSelectors: readonly ArtifactSelector[] }>>;
}

/** `DagOutputsSpec.DagOutputParameterSpec`. */
export interface DagOutputParameter {
  readonly valueFromParameter?: ParameterSelector;
  readonly valueFromOneof?: { readonly parameterSelectors: readonly ParameterSelector[] };
}

/** `DagOutputsSpec.ParameterSelectorSpec`. */
export interface ParameterSelector {
  readonly producerSubtask: string;
  readonly outputParameterKey: string;
}

/** `DagOutputsSpec.ArtifactSelectorSpec`. */
export interface ArtifactSelector {
  readonly producerSubtask: string;
  readonly outputArtifactKey: string;
}

/** `PipelineTaskSpec`. */
export interface TaskSpec {
  readonly taskInfo?: { readonly name?: string };
  readonly componentRef: { readonly name: string };
  readonly inputs?: TaskInputs;
  readonly dependentTasks?: readonly string[];
  readonly cachingOptions?: { readonly enableCache?: boolean; readonly cacheKey?: string };
  readonly triggerPolicy?: TriggerPolicy;
  readonly parameterIterator?: ParameterIterator;
  readonly artifactIterator?: ArtifactIterator;
  readonly iteratorPolicy?: { readonly parallelismLimit?: number };
  readonly retryPolicy?: RetryPolicy;
}

/** `TaskInputsSpec`. */
export interface TaskInputs {
  readonly parameters?: Readonly<Record<string, TaskInputParameter>>;
  readonly artifacts?: Readonly<Record<string, TaskInputArtifact>>;
}

/** `TaskInputsSpec.InputParameterSpec`: one kind, and optionally a selector on its value. */
export interface TaskInputParameter {
  readonly taskOutputParameter?: { readonly producerTask: string; readonly outputParameterKey: string };
  readonly runtimeValue?: RuntimeValue;
  readonly componentInputParameter?: string;
  readonly taskFinalStatus?: { readonly producerTask: string };
  /** CEL over the value; `string_value` is its JSON text. */
  readonly parameterExpressionSelector?: string;
}

/** `ValueOrRuntimeParameter`. */
export interface RuntimeValue {
  readonly constant?: JsonValue;
  readonly runtimeParameter?: string;
  readonly constantValue?: {
    readonly intValue?: string | number;
    readonly doubleValue?: number;
    readonly stringValue?: string;
  };
}

/** `TaskInputsSpec.InputArtifactSpec`. */
export interface TaskInputArtifact {
  readonly taskOutputArtifact?: { readonly producerTask: string; readonly outputArtifactKey: string };
  readonly componentInputArtifact?: string;
}

/** `PipelineTaskSpec.TriggerPolicy`. */
export interface TriggerPolicy {
  /** CEL over the executor input. */
  readonly condition?: string;
  readonly strategy?:
    | "TRIGGER_STRATEGY_UNSPECIFIED"
    | "ALL_UPSTREAM_TASKS_SUCCEEDED"
    | "ALL_UPSTREAM_TASKS_COMPLETED";
}

/** `ParameterIteratorSpec`. */
export interface ParameterIterator {
  readonly items: { readonly raw?: string; readonly inputParameter?: string };
  readonly itemInput: string;
}

/** `ArtifactIteratorSpec`. */
export interface ArtifactIterator {
  readonly items: { readonly inputArtifact: string };
  readonly itemInput: string;
}

/** `PipelineTaskSpec.RetryPolicy`; durations are protobuf JSON, for example `"30s"`. */
export interface RetryPolicy {
  readonly maxRetryCount?: number;
  readonly backoffDuration?: string;
  readonly backoffFactor?: number;
  readonly backoffMaxDuration?: string;
}

/** `PipelineDeploymentConfig.ExecutorSpec`: exactly one member is set. */
export interface ExecutorSpec {
  readonly container?: ContainerExecutor;
  readonly importer?: ImporterExecutor;
  readonly resolver?: JsonObject;
  readonly customJob?: JsonObject;
}

/** `PipelineContainerSpec`. */
export interface ContainerExecutor {
  readonly image: string;
  readonly command?: readonly string[];
  readonly args?: readonly string[];
  readonly env?: readonly { readonly name: string; readonly value?: string }[];
  readonly resources?: ContainerResources;
  readonly lifecycle?: JsonObject;
}

/** `PipelineContainerSpec.ResourceSpec`: strings may hold placeholders; the plain numbers are the deprecated form. */
export interface ContainerResources {
  readonly cpuLimit?: number;
  readonly memoryLimit?: number;
  readonly cpuRequest?: number;
  readonly memoryRequest?: number;
  readonly resourceCpuLimit?: string;
  readonly resourceMemoryLimit?: string;
  readonly resourceCpuRequest?: string;
  readonly resourceMemoryRequest?: string;
  readonly accelerator?: {
    readonly type?: string;
    readonly count?: string | number;
    readonly resourceType?: string;
    readonly resourceCount?: string;
  };
}

/** `ImporterSpec`. */
export interface ImporterExecutor {
  readonly artifactUri: RuntimeValue;
  readonly typeSchema: ArtifactTypeSchema;
  readonly metadata?: JsonObject;
  readonly reimport?: boolean;
  readonly downloadToWorkspace?: boolean;
}

/** `PlatformSpec`: the optional second document of the YAML. */
export interface PlatformSpec {
  readonly platforms: Readonly<Record<string, SinglePlatformSpec>>;
}

/** `SinglePlatformSpec`. */
export interface SinglePlatformSpec {
  readonly deploymentSpec?: { readonly executors?: Readonly<Record<string, JsonObject>> };
  readonly pipelineConfig?: JsonObject;
  readonly platform?: string;
  readonly version?: string;
  readonly config?: JsonObject;
}

/** Both documents of a compiled pipeline. */
export interface PipelineDocument {
  readonly spec: PipelineSpec;
  readonly platform?: PlatformSpec;
}
