/**
 * A task's Kubernetes settings as parts of a pod. Source: kubernetes_platform/proto/kubernetes_executor_config.proto, in
 * protojson's spelling; behaviour as in backend/src/v2/driver/k8s.go.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ContainerResources } from "@sealflow/pipeline";

/** What a task's settings put into its pod. */
export interface PodParts {
  readonly labels: Readonly<Record<string, string>>;
  readonly annotations: Readonly<Record<string, string>>;
  readonly env: readonly JsonObject[];
  readonly volumes: readonly JsonObject[];
  readonly volumeMounts: readonly JsonObject[];
  /** Fields of the pod's spec. */
  readonly pod: JsonObject;
  /** Fields of the container. */
  readonly container: JsonObject;
}

/** Reads the settings. */
export function podParts(platform: JsonObject = {}): PodParts {
  const metadata = object(platform.podMetadata);
  const mounted = volumesOf(platform);
  return {
    labels: texts(metadata.labels),
    annotations: texts(metadata.annotations),
    env: [...keys(platform, "secret"), ...keys(platform, "configMap"), ...fields(platform)],
    volumes: mounted.map(({ volume }) => volume),
    volumeMounts: mounted.map(({ mount }) => mount),
    pod: podFields(platform),
    container: containerFields(platform),
  };
}

function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function object(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function texts(value: JsonValue | undefined): Record<string, string> {
  return Object.fromEntries(Object.entries(object(value)).map(([key, text]) => [key, String(text)]));
}

/** Variables from keys of secrets or config maps. */
function keys(platform: JsonObject, kind: "secret" | "configMap"): JsonObject[] {
  return list(platform[`${kind}AsEnv`]).flatMap((use) => {
    const name = use[`${kind}Name`];
    if (typeof name !== "string" || name === "") return [];
    return list(use.keyToEnv).map(({ envVar, secretKey, configMapKey }) => ({
      name: String(envVar),
      valueFrom: {
        [`${kind}KeyRef`]: {
          name,
          key: String(secretKey ?? configMapKey),
          ...(use.optional === true ? { optional: true } : {}),
        },
      },
    }));
  });
}

function fields(platform: JsonObject): JsonObject[] {
  return list(platform.fieldPathAsEnv).map(({ name, fieldPath }) => ({
    name: String(name),
    valueFrom: { fieldRef: { fieldPath: String(fieldPath) } },
  }));
}

interface Mounted {
  readonly volume: JsonObject;
  readonly mount: JsonObject;
}

function volumesOf(platform: JsonObject): Mounted[] {
  const sources: [JsonObject, JsonObject][] = [
    ...list(platform.secretAsVolume).map((use): [JsonObject, JsonObject] => [
      use,
      {
        secret: { secretName: String(use.secretName), ...(use.optional === true ? { optional: true } : {}) },
      },
    ]),
    ...list(platform.configMapAsVolume).map((use): [JsonObject, JsonObject] => [
      use,
      {
        configMap: { name: String(use.configMapName), ...(use.optional === true ? { optional: true } : {}) },
      },
    ]),
    ...list(platform.pvcMount).map((use): [JsonObject, JsonObject] => [
      use,
      { persistentVolumeClaim: { claimName: String(use.pvcName) } },
    ]),
    ...list(platform.emptyDirMounts).map((use): [JsonObject, JsonObject] => [
      use,
      {
        emptyDir: {
          ...(use.medium ? { medium: use.medium } : {}),
          ...(use.sizeLimit ? { sizeLimit: use.sizeLimit } : {}),
        },
      },
    ]),
    ...list(platform.genericEphemeralVolume).map((use): [JsonObject, JsonObject] => [use, ephemeral(use)]),
  ];
  return sources.map(([use, source], index) => ({
    volume: { name: `task-${index}`, ...source },
    mount: {
      name: `task-${index}`,
      mountPath: `/${String(use.mountPath ?? "").replace(/^\/+/, "")}`,
      ...(typeof use.subPath === "string" && use.subPath !== "" ? { subPath: use.subPath } : {}),
    },
  }));
}

function ephemeral(use: JsonObject): JsonObject {
  const storageClass =
    use.defaultStorageClass === true ? {} : { storageClassName: String(use.storageClassName ?? "") };
  const spec = {
    accessModes: Array.isArray(use.accessModes) ? use.accessModes : ["ReadWriteOnce"],
    ...storageClass,
    resources: { requests: { storage: String(use.size ?? "1Gi") } },
  };
  return { ephemeral: { volumeClaimTemplate: { metadata: object(use.metadata), spec } } };
}

function podFields(platform: JsonObject): JsonObject {
  const selector = object(platform.nodeSelector);
  const labels = { ...texts(selector.labels), ...texts(selector.nodeSelectorJson) };
  const pulls = list(platform.imagePullSecret).flatMap(({ secretName }) =>
    typeof secretName === "string" && secretName !== "" ? [{ name: secretName }] : [],
  );
  const tolerations = list(platform.tolerations).flatMap(tolerationsIn).map(toleration);
  const affinity = affinityOf(list(platform.nodeAffinity));
  const first = list(platform.initContainers);
  return {
    ...(Object.keys(labels).length === 0 ? {} : { nodeSelector: labels }),
    ...(tolerations.length === 0 ? {} : { tolerations }),
    ...(affinity === undefined ? {} : { affinity: { nodeAffinity: affinity } }),
    ...(pulls.length === 0 ? {} : { imagePullSecrets: pulls }),
    ...(first.length === 0 ? {} : { initContainers: first }),
  };
}

/** One toleration, or those of a parameter's value: one or a list. */
function tolerationsIn(use: JsonObject): JsonObject[] {
  const { tolerationJson } = use;
  if (tolerationJson === undefined) return Object.keys(use).length === 0 ? [] : [use];
  return Array.isArray(tolerationJson) ? list(tolerationJson) : [object(tolerationJson)];
}

function toleration({ key, operator, value, effect, tolerationSeconds }: JsonObject): JsonObject {
  const given = { key, operator, value, effect };
  const kept = Object.entries(given).filter(([, each]) => typeof each === "string" && each !== "");
  const seconds = Number(tolerationSeconds);
  return {
    ...Object.fromEntries(kept),
    ...(tolerationSeconds === undefined || Number.isNaN(seconds) ? {} : { tolerationSeconds: seconds }),
  } as JsonObject;
}

function affinityOf(terms: readonly JsonObject[]): JsonObject | undefined {
  const required: JsonObject[] = [];
  const preferred: JsonObject[] = [];
  for (const { matchExpressions, matchFields, weight, nodeAffinityJson } of terms) {
    if (isJsonObject(nodeAffinityJson)) {
      // A whole affinity, as Kubernetes spells it.
      required.push(
        ...list(object(nodeAffinityJson.requiredDuringSchedulingIgnoredDuringExecution).nodeSelectorTerms),
      );
      preferred.push(...list(nodeAffinityJson.preferredDuringSchedulingIgnoredDuringExecution));
      continue;
    }
    const term = {
      ...(list(matchExpressions).length === 0 ? {} : { matchExpressions: list(matchExpressions) }),
      ...(list(matchFields).length === 0 ? {} : { matchFields: list(matchFields) }),
    };
    if (Object.keys(term).length === 0) continue;
    if (typeof weight === "number" && weight > 0) preferred.push({ weight, preference: term });
    else required.push(term);
  }
  if (required.length + preferred.length === 0) return undefined;
  return {
    ...(required.length === 0
      ? {}
      : { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: required } }),
    ...(preferred.length === 0 ? {} : { preferredDuringSchedulingIgnoredDuringExecution: preferred }),
  };
}

function containerFields({ imagePullPolicy, securityContext }: JsonObject): JsonObject {
  const { runAsUser, runAsGroup, runAsNonRoot } = object(securityContext);
  const own = {
    ...(runAsUser === undefined ? {} : { runAsUser: Number(runAsUser) }),
    ...(runAsGroup === undefined ? {} : { runAsGroup: Number(runAsGroup) }),
    ...(typeof runAsNonRoot === "boolean" ? { runAsNonRoot } : {}),
  };
  return {
    ...(typeof imagePullPolicy === "string" && imagePullPolicy !== "" ? { imagePullPolicy } : {}),
    securityContext: { allowPrivilegeEscalation: false, seccompProfile: { type: "RuntimeDefault" }, ...own },
  };
}

/** Limits and requests of a container. The deprecated numbers count memory in gigabytes. */
export function resourcesOf(resources: ContainerResources): JsonObject {
  const text = (value: string | undefined, number: number | undefined, unit: string): string | undefined =>
    value !== undefined && value !== "" ? value : number ? `${number}${unit}` : undefined;
  const cpuLimit = text(resources.resourceCpuLimit, resources.cpuLimit, "");
  const memoryLimit = text(resources.resourceMemoryLimit, resources.memoryLimit, "G");
  const cpuRequest = text(resources.resourceCpuRequest, resources.cpuRequest, "");
  const memoryRequest = text(resources.resourceMemoryRequest, resources.memoryRequest, "G");
  const { accelerator } = resources;
  const type = accelerator?.resourceType || accelerator?.type;
  const count = accelerator?.resourceCount || accelerator?.count;
  return {
    limits: {
      ...(cpuLimit === undefined ? {} : { cpu: cpuLimit }),
      ...(memoryLimit === undefined ? {} : { memory: memoryLimit }),
      ...(type && count ? { [type]: String(count) } : {}),
    },
    requests: {
      ...(cpuRequest === undefined ? {} : { cpu: cpuRequest }),
      ...(memoryRequest === undefined ? {} : { memory: memoryRequest }),
    },
  };
}
