/**
 * Kubernetes options of a task: `task.setKubernetes(kubernetes.secretAsEnv({...}))`. They become the second document.
 * Source: kubeflow/pipelines, kubernetes_platform/proto/kubernetes_executor_config.proto. Fixed names are written twice,
 * as the Python SDK does: backends before 2.4 read the plain fields only.
 */
import { containerComponent } from "./container.js";
import { list, string, struct } from "./definitions.js";
import type { KubernetesSetting, KubernetesValue } from "./graph.js";
import { ParameterRef } from "./references.js";
import type { StringType, StructType } from "./value-types.js";

/** A name that is fixed, or a parameter of the pipeline, or another task's output. */
export type Name = string | ParameterRef<StringType>;

/** A value that is fixed JSON or comes from a struct parameter. */
type JsonSetting = ParameterRef<StructType<unknown>>;

function named(field: string, name: Name): Record<string, KubernetesValue> {
  if (name instanceof ParameterRef) return { [`${field}Parameter`]: name.node };
  return { [field]: name, [`${field}Parameter`]: { runtimeValue: { constant: name } } };
}

function pairs(keys: Readonly<Record<string, string>>, source: string): KubernetesValue {
  return Object.entries(keys).map(([key, envVar]) => ({ [source]: key, envVar }));
}

function compact(
  record: Readonly<Record<string, KubernetesValue | undefined>>,
): Record<string, KubernetesValue> {
  const entries = Object.entries(record).filter(
    (entry): entry is [string, KubernetesValue] => entry[1] !== undefined,
  );
  return Object.fromEntries(entries);
}

/** Keys of a secret as environment variables: `{ secret: "db", keys: { password: "DB_PASSWORD" } }`. */
export function secretAsEnv(options: {
  readonly secret: Name;
  /** Environment variable by key. */
  readonly keys: Readonly<Record<string, string>>;
  /** True when the secret may be missing. Default false. */
  readonly optional?: boolean;
}): KubernetesSetting {
  const keyToEnv = pairs(options.keys, "secretKey");
  const value = { ...named("secretName", options.secret), keyToEnv, optional: options.optional ?? false };
  return { member: "secretAsEnv", value: [value] };
}

/** A secret's keys as files. */
export function secretAsVolume(options: {
  readonly secret: Name;
  readonly path: string;
  /** True when the secret may be missing. Default false. */
  readonly optional?: boolean;
}): KubernetesSetting {
  const { secret, path: mountPath, optional = false } = options;
  return { member: "secretAsVolume", value: [{ ...named("secretName", secret), mountPath, optional }] };
}

/** Keys of a config map as environment variables. */
export function configMapAsEnv(options: {
  readonly configMap: Name;
  /** Environment variable by key. */
  readonly keys: Readonly<Record<string, string>>;
  /** True when the config map may be missing. Default false. */
  readonly optional?: boolean;
}): KubernetesSetting {
  const keyToEnv = pairs(options.keys, "configMapKey");
  const value = {
    ...named("configMapName", options.configMap),
    keyToEnv,
    optional: options.optional ?? false,
  };
  return { member: "configMapAsEnv", value: [value] };
}

/** A config map's keys as files. */
export function configMapAsVolume(options: {
  readonly configMap: Name;
  readonly path: string;
  /** True when the config map may be missing. Default false. */
  readonly optional?: boolean;
}): KubernetesSetting {
  const { configMap, path: mountPath, optional = false } = options;
  return {
    member: "configMapAsVolume",
    value: [{ ...named("configMapName", configMap), mountPath, optional }],
  };
}

/** Mounts a persistent volume claim. */
export function mountPvc(options: {
  readonly claim: Name;
  readonly path: string;
  /** Directory within the volume. Default its root. */
  readonly subPath?: string;
}): KubernetesSetting {
  const { claim, path: mountPath, subPath } = options;
  const fixed = typeof claim === "string";
  const name: Record<string, KubernetesValue> = fixed
    ? { constant: claim, pvcNameParameter: { runtimeValue: { constant: claim } } }
    : { "...": claim.node, pvcNameParameter: claim.node };
  return { member: "pvcMount", value: [compact({ ...name, mountPath, subPath })] };
}

/** An empty directory that lives as long as the task. */
export function emptyDir(options: {
  readonly volume: string;
  readonly path: string;
  /** `"Memory"` keeps it in memory. */
  readonly medium?: "Memory";
  /** For example `"1Gi"`. */
  readonly sizeLimit?: string;
}): KubernetesSetting {
  const { volume: volumeName, path: mountPath, medium, sizeLimit } = options;
  return { member: "emptyDirMounts", value: [compact({ volumeName, mountPath, medium, sizeLimit })] };
}

/** A volume that is made for the task and removed with it. */
export function ephemeralVolume(options: {
  readonly volume: string;
  readonly path: string;
  readonly accessModes: readonly string[];
  /** For example `"10Gi"`. */
  readonly size: string;
  /** The cluster's default when absent. */
  readonly storageClass?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}): KubernetesSetting {
  const {
    volume: volumeName,
    path: mountPath,
    accessModes,
    size,
    storageClass,
    labels,
    annotations,
  } = options;
  const storage =
    storageClass === undefined ? { defaultStorageClass: true } : { storageClassName: storageClass };
  const metadata = labels || annotations ? compact({ labels, annotations }) : undefined;
  const value = compact({ volumeName, mountPath, accessModes, size, ...storage, metadata });
  return { member: "genericEphemeralVolume", value: [value] };
}

/** Runs the task on nodes with these labels; labels may come from a struct parameter. */
export function nodeSelector(labels: Readonly<Record<string, string>> | JsonSetting): KubernetesSetting {
  const value = labels instanceof ParameterRef ? { nodeSelectorJson: labels.node } : { labels };
  return { member: "nodeSelector", value };
}

/** A requirement on a node's labels or fields. */
export interface NodeRequirement {
  readonly key: string;
  readonly operator: "In" | "NotIn" | "Exists" | "DoesNotExist" | "Gt" | "Lt";
  readonly values?: readonly string[];
}

/** Requires, or with a weight prefers, nodes. */
export function nodeAffinity(
  options:
    | {
        readonly expressions?: readonly NodeRequirement[];
        readonly fields?: readonly NodeRequirement[];
        /** 1 to 100 makes it a preference. */
        readonly weight?: number;
      }
    | JsonSetting,
): KubernetesSetting {
  if (options instanceof ParameterRef)
    return { member: "nodeAffinity", value: [{ nodeAffinityJson: options.node }] };
  const requirements = (all: readonly NodeRequirement[] | undefined): KubernetesValue | undefined =>
    all?.map((requirement) => compact({ ...requirement }));
  const { expressions, fields, weight } = options;
  const value = compact({
    matchExpressions: requirements(expressions),
    matchFields: requirements(fields),
    weight,
  });
  return { member: "nodeAffinity", value: [value] };
}

/** Lets the task run on nodes with a taint; the toleration may come from a struct parameter. */
export function toleration(
  options:
    | {
        readonly key?: string;
        readonly operator?: "Equal" | "Exists";
        readonly value?: string;
        readonly effect?: "NoExecute" | "NoSchedule" | "PreferNoSchedule";
        readonly seconds?: number;
      }
    | JsonSetting,
): KubernetesSetting {
  if (options instanceof ParameterRef)
    return { member: "tolerations", value: [{ tolerationJson: options.node }] };
  const { seconds, ...rest } = options;
  return { member: "tolerations", value: [compact({ ...rest, tolerationSeconds: int64(seconds) })] };
}

/** Stops the task after this many seconds; 1 or more. */
export function timeout(seconds: number): KubernetesSetting {
  if (!Number.isSafeInteger(seconds) || seconds < 1) {
    throw new TypeError(`timeout: expected whole seconds, 1 or more, got ${seconds}`);
  }
  return { member: "activeDeadlineSeconds", value: String(seconds) };
}

/** When the image is pulled. */
export function imagePullPolicy(policy: "Always" | "IfNotPresent" | "Never"): KubernetesSetting {
  return { member: "imagePullPolicy", value: policy };
}

/** Secrets with which the image is pulled. */
export function imagePullSecrets(...secrets: readonly Name[]): KubernetesSetting {
  return { member: "imagePullSecret", value: secrets.map((secret) => named("secretName", secret)) };
}

/** A field of the pod as an environment variable, for example `{ POD_NAME: "metadata.name" }`. */
export function fieldPathAsEnv(fields: Readonly<Record<string, string>>): KubernetesSetting {
  const value = Object.entries(fields).map(([name, fieldPath]) => ({ name, fieldPath }));
  return { member: "fieldPathAsEnv", value };
}

/** Labels of the pod. */
export function podLabels(labels: Readonly<Record<string, string>>): KubernetesSetting {
  return { member: "podMetadata", value: { labels } };
}

/** Annotations of the pod. */
export function podAnnotations(annotations: Readonly<Record<string, string>>): KubernetesSetting {
  return { member: "podMetadata", value: { annotations } };
}

/** The user and group that the container runs as. */
export function securityContext(options: {
  readonly runAsUser?: number;
  readonly runAsGroup?: number;
  readonly runAsNonRoot?: boolean;
}): KubernetesSetting {
  const { runAsUser, runAsGroup, runAsNonRoot } = options;
  const value = compact({ runAsUser: int64(runAsUser), runAsGroup: int64(runAsGroup), runAsNonRoot });
  return { member: "securityContext", value };
}

/** 64-bit integers are strings in protobuf's JSON. */
function int64(value: number | undefined): string | undefined {
  return value === undefined ? undefined : String(value);
}

/** Makes a persistent volume claim; its output `name` goes into `mountPvc`. The backend runs this without a container. */
export const createPvc = containerComponent({
  name: "createpvc",
  image: "argostub/createpvc",
  inputs: {
    access_modes: list(string()),
    size: string(),
    pvc_name: string({ optional: true }),
    pvc_name_suffix: string({ optional: true }),
    storage_class_name: string({ default: "" }),
    volume_name: string({ optional: true }),
    annotations: struct(undefined, { optional: true }),
    data_source: struct(undefined, { optional: true }),
  },
  outputs: { name: string() },
});

/** Removes a persistent volume claim. */
export const deletePvc = containerComponent({
  name: "deletepvc",
  image: "argostub/deletepvc",
  inputs: { pvc_name: string() },
});
