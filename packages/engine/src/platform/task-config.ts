/**
 * Settings that a component passes on to a workload of its own instead of having them itself: its `TaskConfig` input.
 * Source: backend/src/v2/driver, driver.go (TaskConfig, getTaskConfigOptions) and k8s.go.
 */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { ContainerExecutor, DueTask } from "@sealflow/pipeline";
import { resolver } from "../run/placeholders.js";
import type { RunInProgress } from "../run/run-context.js";

/** Parts of the platform document behind each field that can be passed on. */
const platformFields: Readonly<Record<string, readonly string[]>> = {
  ENV: ["secretAsEnv", "configMapAsEnv", "fieldPathAsEnv"],
  KUBERNETES_VOLUMES: [
    "pvcMount",
    "secretAsVolume",
    "configMapAsVolume",
    "emptyDirMounts",
    "genericEphemeralVolume",
  ],
  KUBERNETES_NODE_SELECTOR: ["nodeSelector"],
  KUBERNETES_TOLERATIONS: ["tolerations"],
  KUBERNETES_AFFINITY: ["nodeAffinity"],
};

/** The task with its `TaskConfig` inputs filled, and without the settings that it only passes on. */
export function configured(run: RunInProgress, task: DueTask): DueTask {
  const component = run.spec.components?.[task.componentName];
  const passed = component?.taskConfigPassthroughs ?? [];
  const inputs = Object.entries(component?.inputDefinitions?.parameters ?? {}).filter(
    ([, { parameterType }]) => parameterType === "TASK_CONFIG",
  );
  const { container } = task.executor;
  if (container === undefined || (passed.length === 0 && inputs.length === 0)) return task;
  const config = taskConfig(run, task, { container, fields: new Set(passed.map(({ field }) => field)) });
  const kept = stripped(
    task,
    container,
    new Set(passed.flatMap(({ field, applyToTask }) => (applyToTask ? [] : [field]))),
  );
  const values = Object.fromEntries(inputs.map(([name]) => [name, config]));
  return { ...kept, inputs: { ...task.inputs, parameters: { ...task.inputs.parameters, ...values } } };
}

/** The task without the settings of some fields. */
function stripped(task: DueTask, container: ContainerExecutor, fields: ReadonlySet<string>): DueTask {
  if (fields.size === 0) return task;
  const { env, resources, ...rest } = container;
  const left = {
    ...rest,
    ...(env === undefined || fields.has("ENV") ? {} : { env }),
    ...(resources === undefined || fields.has("RESOURCES") ? {} : { resources }),
  };
  const gone = new Set([...fields].flatMap((field) => platformFields[field] ?? []));
  const platform = Object.fromEntries(Object.entries(task.platform ?? {}).filter(([key]) => !gone.has(key)));
  return { ...task, executor: { ...task.executor, container: left }, platform };
}

interface Passed {
  readonly container: ContainerExecutor;
  readonly fields: ReadonlySet<string>;
}

/** The value of a `TaskConfig` input; fields that are not passed on are null, as in the official driver's JSON. */
function taskConfig(run: RunInProgress, task: DueTask, { container, fields }: Passed): JsonObject {
  const platform = task.platform ?? {};
  const resolve = resolver(run, task);
  const when = (field: string, value: () => JsonValue): JsonValue => (fields.has(field) ? value() : null);
  const volumes = fields.has("KUBERNETES_VOLUMES") ? volumesOf(platform) : [];
  const some = (list: JsonValue[]): JsonValue => (list.length === 0 ? null : list);
  return {
    affinity: when("KUBERNETES_AFFINITY", () => affinityOf(list(platform.nodeAffinity))),
    tolerations: when("KUBERNETES_TOLERATIONS", () =>
      some(list(platform.tolerations).flatMap(tolerationsOf)),
    ),
    nodeSelector: when("KUBERNETES_NODE_SELECTOR", () => selectorOf(platform.nodeSelector)),
    env: when("ENV", () => some(variablesOf(container, platform, resolve))),
    volumes: some(volumes.map(({ volume }) => volume)),
    volumeMounts: some(volumes.map(({ mount }) => mount)),
    resources: fields.has("RESOURCES") ? resourcesOf(container, resolve) : {},
  };
}

function list(value: JsonValue | undefined): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

function selectorOf(value: JsonValue | undefined): JsonValue {
  if (!isJsonObject(value)) return null;
  return value.nodeSelectorJson ?? value.labels ?? null;
}

function tolerationsOf({ tolerationJson, ...plain }: JsonObject): JsonObject[] {
  if (Array.isArray(tolerationJson)) return list(tolerationJson);
  if (isJsonObject(tolerationJson)) return Object.keys(tolerationJson).length === 0 ? [] : [tolerationJson];
  const { tolerationSeconds: seconds } = plain;
  return [{ ...plain, ...(seconds === undefined ? {} : { tolerationSeconds: Number(seconds) }) }];
}

function affinityOf(terms: JsonObject[]): JsonValue {
  const given = terms.find(({ nodeAffinityJson }) => isJsonObject(nodeAffinityJson));
  if (given !== undefined) return { nodeAffinity: given.nodeAffinityJson ?? null };
  const termOf = ({ matchExpressions = [], matchFields = [] }: JsonObject): JsonObject => ({
    matchExpressions,
    matchFields,
  });
  const required = terms.filter(({ weight }) => weight === undefined).map(termOf);
  const preferred = terms.flatMap((term) =>
    term.weight === undefined ? [] : [{ weight: term.weight, preference: termOf(term) }],
  );
  if (terms.length === 0) return null;
  return {
    nodeAffinity: {
      ...(required.length === 0
        ? {}
        : { requiredDuringSchedulingIgnoredDuringExecution: { nodeSelectorTerms: required } }),
      ...(preferred.length === 0 ? {} : { preferredDuringSchedulingIgnoredDuringExecution: preferred }),
    },
  };
}

/** Variables as a pod has them: secrets are referred to, not told. */
function variablesOf(
  { env = [] }: ContainerExecutor,
  platform: JsonObject,
  resolve: (text: string) => string,
): JsonObject[] {
  const referring = (uses: JsonObject[], kind: "secretKeyRef" | "configMapKeyRef"): JsonObject[] =>
    uses.flatMap((use) =>
      list(use.keyToEnv).map(({ envVar, secretKey, configMapKey }) => ({
        name: envVar ?? "",
        valueFrom: {
          [kind]: {
            name: use.secretName ?? use.configMapName ?? "",
            key: secretKey ?? configMapKey ?? "",
            optional: use.optional === true,
          },
        },
      })),
    );
  return [
    ...env.map(({ name, value }) => ({ name, value: resolve(value ?? "") })),
    ...referring(list(platform.secretAsEnv), "secretKeyRef"),
    ...referring(list(platform.configMapAsEnv), "configMapKeyRef"),
    ...list(platform.fieldPathAsEnv).map(({ name = "", fieldPath = "" }) => ({
      name,
      valueFrom: { fieldRef: { fieldPath } },
    })),
  ];
}

interface VolumeUse {
  readonly volume: JsonObject;
  readonly mount: JsonObject;
}

function volumesOf(platform: JsonObject): VolumeUse[] {
  const uses = (key: string, volumeOf: (use: JsonObject) => JsonObject): VolumeUse[] =>
    list(platform[key]).map((use) => {
      const volume = volumeOf(use);
      const part = use.subPath === undefined ? {} : { subPath: use.subPath };
      return { volume, mount: { name: volume.name ?? "", mountPath: use.mountPath ?? "", ...part } };
    });
  return [
    ...uses("pvcMount", ({ pvcName = "" }) => ({
      name: pvcName,
      persistentVolumeClaim: { claimName: pvcName },
    })),
    ...uses("secretAsVolume", ({ secretName = "", optional = false }) => ({
      name: secretName,
      secret: { secretName, optional },
    })),
    ...uses("configMapAsVolume", ({ configMapName = "", optional = false }) => ({
      name: configMapName,
      configMap: { name: configMapName, optional },
    })),
    ...uses("emptyDirMounts", ({ volumeName = "", medium, sizeLimit }) => ({
      name: volumeName,
      emptyDir: {
        ...(medium === undefined ? {} : { medium }),
        ...(sizeLimit === undefined ? {} : { sizeLimit }),
      },
    })),
    ...uses("genericEphemeralVolume", ({ volumeName = "", accessModes = [], size = "" }) => ({
      name: volumeName,
      ephemeral: {
        volumeClaimTemplate: { spec: { accessModes, resources: { requests: { storage: size } } } },
      },
    })),
  ];
}

function resourcesOf({ resources }: ContainerExecutor, resolve: (text: string) => string): JsonObject {
  if (resources === undefined) return {};
  const { resourceCpuLimit, resourceCpuRequest, resourceMemoryLimit, resourceMemoryRequest } = resources;
  const { accelerator } = resources;
  const type = accelerator?.resourceType ?? accelerator?.type;
  const count = accelerator?.resourceCount ?? accelerator?.count;
  const texts = (entries: readonly (readonly [string, string | number | undefined])[]): JsonObject =>
    Object.fromEntries(
      entries.flatMap(([name, value]) =>
        value === undefined || value === "" ? [] : [[name, resolve(String(value))]],
      ),
    );
  const limits = texts([
    ["cpu", resourceCpuLimit ?? resources.cpuLimit],
    ["memory", resourceMemoryLimit ?? gigabytes(resources.memoryLimit)],
    ...(type === undefined ? [] : [[resolve(type), count] as const]),
  ]);
  const requests = texts([
    ["cpu", resourceCpuRequest ?? resources.cpuRequest],
    ["memory", resourceMemoryRequest ?? gigabytes(resources.memoryRequest)],
  ]);
  return {
    ...(Object.keys(limits).length === 0 ? {} : { limits }),
    ...(Object.keys(requests).length === 0 ? {} : { requests }),
  };
}

function gigabytes(amount: number | undefined): string | undefined {
  return amount === undefined ? undefined : `${amount}G`;
}
