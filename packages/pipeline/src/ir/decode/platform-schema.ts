/**
 * The messages of a platform spec as data.
 * Sources: kubeflow/pipelines, api/v2alpha1/pipeline_spec.proto (PlatformSpec and below) and
 * kubernetes_platform/proto/kubernetes_executor_config.proto (as packaged in kfp-kubernetes 2.17).
 */
import {
  bool,
  int32,
  int64,
  labels,
  list,
  type MessageSchema,
  message,
  string,
  strings,
  struct,
} from "./fields.js";

const parameter = message("TaskInputParameter");
const requirements = list("SelectorRequirement");

const documentMessages = {
  PlatformSpec: {
    fields: { platforms: { kind: "map", of: message("SinglePlatformSpec") } },
    required: ["platforms"],
  },
  SinglePlatformSpec: {
    fields: {
      deploymentSpec: message("PlatformDeployment"),
      platform: string,
      version: string,
      config: struct,
      pipelineConfig: message("PipelineConfig"),
    },
  },
  PlatformDeployment: { fields: { executors: { kind: "map", of: struct } } },
  PipelineConfig: {
    fields: {
      resourceTtlOnCompletion: int32,
      resourceTtlOnSuccess: int32,
      resourceTtlOnFailure: int32,
      activeDeadlineSeconds: int64,
      workspace: message("Workspace"),
    },
  },
  Workspace: { fields: { size: string, kubernetes: message("KubernetesWorkspace") } },
  KubernetesWorkspace: { fields: { pvcSpecPatch: struct } },
} satisfies Record<string, MessageSchema>;

const executorMessages = {
  KubernetesExecutor: {
    fields: {
      secretAsVolume: list("SecretAsVolume"),
      secretAsEnv: list("SecretAsEnv"),
      pvcMount: list("PvcMount"),
      nodeSelector: message("NodeSelector"),
      podMetadata: message("PodMetadata"),
      imagePullSecret: list("ImagePullSecret"),
      imagePullPolicy: string,
      configMapAsVolume: list("ConfigMapAsVolume"),
      configMapAsEnv: list("ConfigMapAsEnv"),
      activeDeadlineSeconds: int64,
      fieldPathAsEnv: list("FieldPathAsEnv"),
      tolerations: list("Toleration"),
      genericEphemeralVolume: list("EphemeralVolume"),
      nodeAffinity: list("NodeAffinity"),
      podAffinity: list("PodAffinity"),
      enabledSharedMemory: message("SharedMemory"),
      emptyDirMounts: list("EmptyDirMount"),
      securityContext: message("SecurityContext"),
      initContainers: { kind: "list", of: struct },
    },
  },
  SharedMemory: { fields: { volumeName: string, size: string } },
  SecretAsVolume: {
    fields: { secretName: string, mountPath: string, optional: bool, secretNameParameter: parameter },
  },
  SecretAsEnv: {
    fields: {
      secretName: string,
      keyToEnv: list("SecretKeyToEnv"),
      optional: bool,
      secretNameParameter: parameter,
    },
  },
  SecretKeyToEnv: { fields: { secretKey: string, envVar: string } },
  ConfigMapAsVolume: {
    fields: { configMapName: string, mountPath: string, optional: bool, configMapNameParameter: parameter },
  },
  ConfigMapAsEnv: {
    fields: {
      configMapName: string,
      keyToEnv: list("ConfigMapKeyToEnv"),
      configMapNameParameter: parameter,
      optional: bool,
    },
  },
  ConfigMapKeyToEnv: { fields: { configMapKey: string, envVar: string } },
  PvcMount: {
    fields: {
      taskOutputParameter: message("TaskOutputParameter"),
      constant: string,
      componentInputParameter: string,
      mountPath: string,
      pvcNameParameter: parameter,
      subPath: string,
    },
    oneofs: [["taskOutputParameter", "constant", "componentInputParameter"]],
  },
  EphemeralVolume: {
    fields: {
      volumeName: string,
      mountPath: string,
      accessModes: strings,
      size: string,
      defaultStorageClass: bool,
      storageClassName: string,
      metadata: message("PodMetadata"),
    },
  },
  EmptyDirMount: { fields: { volumeName: string, mountPath: string, medium: string, sizeLimit: string } },
} satisfies Record<string, MessageSchema>;

const podMessages = {
  NodeSelector: { fields: { labels, nodeSelectorJson: parameter } },
  PodMetadata: { fields: { labels, annotations: labels } },
  ImagePullSecret: { fields: { secretName: string, secretNameParameter: parameter } },
  FieldPathAsEnv: { fields: { name: string, fieldPath: string } },
  Toleration: {
    fields: {
      key: string,
      operator: string,
      value: string,
      effect: string,
      tolerationSeconds: int64,
      tolerationJson: parameter,
    },
  },
  SelectorRequirement: { fields: { key: string, operator: string, values: strings } },
  NodeAffinity: {
    fields: {
      matchExpressions: requirements,
      matchFields: requirements,
      weight: int32,
      nodeAffinityJson: parameter,
    },
  },
  PodAffinity: {
    fields: {
      matchPodExpressions: requirements,
      matchPodLabels: labels,
      topologyKey: string,
      namespaces: strings,
      matchNamespaceExpressions: requirements,
      matchNamespaceLabels: labels,
      weight: int32,
      anti: bool,
    },
  },
  SecurityContext: { fields: { runAsUser: int64, runAsGroup: int64, runAsNonRoot: bool } },
} satisfies Record<string, MessageSchema>;

/** Messages of the second document, by name. */
export const PLATFORM_MESSAGES: Readonly<Record<string, MessageSchema>> = {
  ...documentMessages,
  ...executorMessages,
  ...podMessages,
};
