/** What of a document's Kubernetes settings has no effect on one machine, told once per run. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import { type PipelineSpec, type PlatformSpec, SEALFLOW_PLATFORM } from "@sealflow/pipeline";

/** Fields of an executor that are followed. Source: kubernetes_executor_config.proto, KubernetesExecutorConfig. */
const followed = new Set([
  "secretAsEnv",
  "secretAsVolume",
  "configMapAsEnv",
  "configMapAsVolume",
  "fieldPathAsEnv",
  "podMetadata",
  "pvcMount",
  "emptyDirMounts",
  "genericEphemeralVolume",
  "activeDeadlineSeconds",
]);

/** Parts of followed fields that are not. */
const partly: Readonly<Record<string, readonly string[]>> = {
  emptyDirMounts: ["medium", "sizeLimit"],
  genericEphemeralVolume: ["size", "storageClassName", "accessModes", "metadata"],
};

/** Resources that steer placement among machines. Source: pipeline_spec.proto, ResourceSpec. */
const placement: Readonly<Record<string, string>> = {
  accelerator: "accelerator",
  cpuRequest: "cpuRequest",
  resourceCpuRequest: "cpuRequest",
  memoryRequest: "memoryRequest",
  resourceMemoryRequest: "memoryRequest",
};

/** One sentence that names every setting without effect and where it stands; undefined when there is none. */
export function ignoredSettings({
  spec,
  platform,
}: {
  readonly spec?: PipelineSpec;
  readonly platform?: PlatformSpec | undefined;
}): string | undefined {
  const kubernetes = platform?.platforms.kubernetes;
  const places = new Map<string, string[]>();
  const note = (setting: string, place: string): void => {
    const known = places.get(setting) ?? [];
    if (!known.includes(place)) places.set(setting, [...known, place]);
  };
  for (const [label, { container }] of Object.entries(spec?.deploymentSpec.executors ?? {})) {
    for (const [field, value] of Object.entries(container?.resources ?? {})) {
      const setting = placement[field];
      if (setting !== undefined && value) note(setting, label);
    }
  }
  for (const [label, config] of Object.entries(kubernetes?.deploymentSpec?.executors ?? {})) {
    for (const setting of withoutEffect(config)) note(setting, label);
  }
  for (const field of Object.keys(kubernetes?.pipelineConfig ?? {})) {
    if (field !== "workspace" && field !== "activeDeadlineSeconds") note(field, "the pipeline");
  }
  for (const name of Object.keys(platform?.platforms ?? {})) {
    if (name !== "kubernetes" && name !== SEALFLOW_PLATFORM) note("everything", `platform ${name}`);
  }
  if (places.size === 0) return undefined;
  const named = [...places].sort().map(([setting, at]) => `${setting} (${at.join(", ")})`);
  return `Kubernetes settings without effect on this machine: ${named.join("; ")}.`;
}

function withoutEffect(config: JsonObject): string[] {
  const fields = Object.keys(config).filter((key) => !followed.has(key));
  const parts = Object.entries(partly).flatMap(([key, names]) => {
    const uses = config[key];
    const list = Array.isArray(uses) ? uses.filter(isJsonObject) : [];
    return names.filter((name) => list.some((use) => name in use)).map((name) => `${key}.${name}`);
  });
  return [...fields, ...parts];
}
