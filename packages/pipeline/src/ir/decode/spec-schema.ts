/**
 * The messages of a pipeline spec as data: which fields each has, under their protojson names.
 * Source: kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto (as packaged in kfp-pipeline-spec 2.17).
 */
import {
  bool,
  double,
  duration,
  int32,
  int64,
  list,
  type MessageSchema,
  map,
  message,
  oneOf,
  string,
  strings,
  struct,
  value,
} from "./fields.js";

const primitiveType = oneOf("PRIMITIVE_TYPE_UNSPECIFIED", "INT", "DOUBLE", "STRING");
const parameterType = oneOf(
  "PARAMETER_TYPE_ENUM_UNSPECIFIED",
  "NUMBER_DOUBLE",
  "NUMBER_INTEGER",
  "STRING",
  "BOOLEAN",
  "LIST",
  "STRUCT",
  "TASK_FINAL_STATUS",
  "TASK_CONFIG",
);

const interfaceMessages = {
  PipelineSpec: {
    fields: {
      pipelineInfo: message("PipelineInfo"),
      deploymentSpec: message("DeploymentSpec"),
      sdkVersion: string,
      schemaVersion: string,
      components: map("ComponentSpec"),
      root: message("ComponentSpec"),
      defaultPipelineRoot: string,
    },
    required: ["pipelineInfo", "schemaVersion", "root", "deploymentSpec"],
  },
  PipelineInfo: { fields: { name: string, displayName: string, description: string }, required: ["name"] },
  ComponentSpec: {
    fields: {
      inputDefinitions: message("InputDefinitions"),
      outputDefinitions: message("OutputDefinitions"),
      dag: message("DagSpec"),
      executorLabel: string,
      singlePlatformSpecs: list("SinglePlatformSpec"),
      taskConfigPassthroughs: list("TaskConfigPassthrough"),
    },
    oneofs: [["dag", "executorLabel"]],
  },
  TaskConfigPassthrough: {
    fields: {
      field: oneOf(
        "NONE",
        "RESOURCES",
        "ENV",
        "KUBERNETES_AFFINITY",
        "KUBERNETES_TOLERATIONS",
        "KUBERNETES_NODE_SELECTOR",
        "KUBERNETES_VOLUMES",
      ),
      applyToTask: bool,
    },
  },
  InputDefinitions: { fields: { parameters: map("InputParameter"), artifacts: map("InputArtifact") } },
  InputParameter: {
    fields: {
      type: primitiveType,
      parameterType,
      defaultValue: value,
      isOptional: bool,
      description: string,
      literals: { kind: "list", of: value },
    },
  },
  InputArtifact: {
    fields: {
      artifactType: message("ArtifactType"),
      isArtifactList: bool,
      isOptional: bool,
      description: string,
    },
  },
  OutputDefinitions: { fields: { parameters: map("OutputParameter"), artifacts: map("OutputArtifact") } },
  OutputParameter: { fields: { type: primitiveType, parameterType, description: string } },
  OutputArtifact: {
    fields: {
      artifactType: message("ArtifactType"),
      properties: struct,
      customProperties: struct,
      metadata: struct,
      isArtifactList: bool,
      description: string,
    },
  },
  ArtifactType: {
    fields: { schemaTitle: string, schemaUri: string, instanceSchema: string, schemaVersion: string },
    oneofs: [["schemaTitle", "schemaUri", "instanceSchema"]],
  },
} satisfies Record<string, MessageSchema>;

const dagMessages = {
  DagSpec: { fields: { tasks: map("Task"), outputs: message("DagOutputs") }, required: ["tasks"] },
  DagOutputs: { fields: { parameters: map("DagOutputParameter"), artifacts: map("DagOutputArtifact") } },
  DagOutputArtifact: { fields: { artifactSelectors: list("ArtifactSelector") } },
  DagOutputParameter: {
    fields: {
      valueFromParameter: message("ParameterSelector"),
      valueFromOneof: message("ParameterSelectors"),
    },
    oneofs: [["valueFromParameter", "valueFromOneof"]],
  },
  ParameterSelectors: { fields: { parameterSelectors: list("ParameterSelector") } },
  ParameterSelector: {
    fields: { producerSubtask: string, outputParameterKey: string },
    required: ["producerSubtask", "outputParameterKey"],
  },
  ArtifactSelector: {
    fields: { producerSubtask: string, outputArtifactKey: string },
    required: ["producerSubtask", "outputArtifactKey"],
  },
} satisfies Record<string, MessageSchema>;

const taskMessages = {
  Task: {
    fields: {
      taskInfo: message("TaskInfo"),
      inputs: message("TaskInputs"),
      dependentTasks: strings,
      cachingOptions: message("CachingOptions"),
      componentRef: message("ComponentRef"),
      triggerPolicy: message("TriggerPolicy"),
      artifactIterator: message("ArtifactIterator"),
      parameterIterator: message("ParameterIterator"),
      retryPolicy: message("RetryPolicy"),
      iteratorPolicy: message("IteratorPolicy"),
    },
    oneofs: [["artifactIterator", "parameterIterator"]],
    required: ["componentRef"],
  },
  TaskInfo: { fields: { name: string } },
  ComponentRef: { fields: { name: string }, required: ["name"] },
  CachingOptions: { fields: { enableCache: bool, cacheKey: string } },
  TriggerPolicy: {
    fields: {
      condition: string,
      strategy: oneOf(
        "TRIGGER_STRATEGY_UNSPECIFIED",
        "ALL_UPSTREAM_TASKS_SUCCEEDED",
        "ALL_UPSTREAM_TASKS_COMPLETED",
      ),
    },
  },
  RetryPolicy: {
    fields: {
      maxRetryCount: int32,
      backoffDuration: duration,
      backoffFactor: double,
      backoffMaxDuration: duration,
    },
  },
  IteratorPolicy: { fields: { parallelismLimit: int32 } },
  ParameterIterator: {
    fields: { items: message("ParameterItems"), itemInput: string },
    required: ["items", "itemInput"],
  },
  ParameterItems: { fields: { raw: string, inputParameter: string }, oneofs: [["raw", "inputParameter"]] },
  ArtifactIterator: {
    fields: { items: message("ArtifactItems"), itemInput: string },
    required: ["items", "itemInput"],
  },
  ArtifactItems: { fields: { inputArtifact: string }, required: ["inputArtifact"] },
  TaskInputs: { fields: { parameters: map("TaskInputParameter"), artifacts: map("TaskInputArtifact") } },
  TaskInputParameter: {
    fields: {
      taskOutputParameter: message("TaskOutputParameter"),
      runtimeValue: message("RuntimeValue"),
      componentInputParameter: string,
      taskFinalStatus: message("TaskFinalStatus"),
      parameterExpressionSelector: string,
    },
    oneofs: [["taskOutputParameter", "runtimeValue", "componentInputParameter", "taskFinalStatus"]],
  },
  TaskInputArtifact: {
    fields: { taskOutputArtifact: message("TaskOutputArtifact"), componentInputArtifact: string },
    oneofs: [["taskOutputArtifact", "componentInputArtifact"]],
  },
  TaskOutputParameter: {
    fields: { producerTask: string, outputParameterKey: string },
    required: ["producerTask", "outputParameterKey"],
  },
  TaskOutputArtifact: {
    fields: { producerTask: string, outputArtifactKey: string },
    required: ["producerTask", "outputArtifactKey"],
  },
  TaskFinalStatus: { fields: { producerTask: string }, required: ["producerTask"] },
  RuntimeValue: {
    fields: { constantValue: message("LegacyValue"), runtimeParameter: string, constant: value },
    oneofs: [["constantValue", "runtimeParameter", "constant"]],
  },
  LegacyValue: {
    fields: { intValue: int64, doubleValue: double, stringValue: string },
    oneofs: [["intValue", "doubleValue", "stringValue"]],
  },
} satisfies Record<string, MessageSchema>;

const executorMessages = {
  DeploymentSpec: { fields: { executors: map("Executor") } },
  Executor: {
    fields: {
      container: message("Container"),
      importer: message("Importer"),
      resolver: struct,
      customJob: struct,
    },
    oneofs: [["container", "importer", "resolver", "customJob"]],
  },
  Container: {
    fields: {
      image: string,
      command: strings,
      args: strings,
      lifecycle: struct,
      resources: message("Resources"),
      env: list("EnvironmentVariable"),
    },
  },
  EnvironmentVariable: { fields: { name: string, value: string }, required: ["name"] },
  Resources: {
    fields: {
      cpuLimit: double,
      memoryLimit: double,
      cpuRequest: double,
      memoryRequest: double,
      resourceCpuLimit: string,
      resourceMemoryLimit: string,
      resourceCpuRequest: string,
      resourceMemoryRequest: string,
      accelerator: message("Accelerator"),
    },
  },
  Accelerator: { fields: { type: string, count: int64, resourceType: string, resourceCount: string } },
  Importer: {
    fields: {
      artifactUri: message("RuntimeValue"),
      typeSchema: message("ArtifactType"),
      properties: struct,
      customProperties: struct,
      metadata: struct,
      reimport: bool,
      downloadToWorkspace: bool,
    },
    required: ["artifactUri"],
  },
} satisfies Record<string, MessageSchema>;

/** Messages of the first document, by name. */
export const SPEC_MESSAGES: Readonly<Record<string, MessageSchema>> = {
  ...interfaceMessages,
  ...dagMessages,
  ...taskMessages,
  ...executorMessages,
};
