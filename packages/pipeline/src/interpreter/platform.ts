import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { member, setMember } from "../ir/record.js";
import type { PlatformSpec, TaskInputParameter } from "../ir/types.js";

/** Fields that hold an input parameter, and the plain field that its value takes the place of. */
const PARAMETER_FIELDS: Readonly<Record<string, string>> = {
  secretNameParameter: "secretName",
  configMapNameParameter: "configMapName",
  pvcNameParameter: "pvcName",
  nodeSelectorJson: "nodeSelectorJson",
  tolerationJson: "tolerationJson",
  nodeAffinityJson: "nodeAffinityJson",
};

/** Value of an input parameter at the task; undefined where there is none. */
export type PlatformLookup = (name: string, input: TaskInputParameter) => JsonValue | undefined;

/** What the Kubernetes platform document says of an executor; undefined when it says nothing. */
export function platformOf(
  platform: PlatformSpec | undefined,
  executorLabel: string,
): JsonObject | undefined {
  const config = member(platform?.platforms.kubernetes?.deploymentSpec?.executors, executorLabel);
  return isJsonObject(config) ? config : undefined;
}

/**
 * An executor's Kubernetes settings with values where the document has input parameters: `secretName` for
 * `secretNameParameter`, `pvcName` for the older ways to name a claim. A field whose parameter has no value is left
 * out. Source: kubernetes_platform/proto/kubernetes_executor_config.proto.
 *
 * @throws what `lookup` throws
 */
export function resolvePlatform(config: JsonObject, lookup: PlatformLookup): JsonObject {
  const resolved: Record<string, JsonValue> = {};
  for (const [key, value] of Object.entries(config)) {
    if (member(PARAMETER_FIELDS, key) !== undefined) continue;
    const mounts = key === "pvcMount" && Array.isArray(value) ? value.filter(isJsonObject) : undefined;
    setMember(resolved, key, mounts?.map((mount) => claimMount(mount, lookup)) ?? resolveDeep(value, lookup));
  }
  for (const [key, plain] of Object.entries(PARAMETER_FIELDS)) {
    const input = member(config, key);
    if (!isJsonObject(input)) continue;
    const value = lookup(plain, input as TaskInputParameter);
    if (value === undefined || value === null) delete resolved[plain];
    else setMember(resolved, plain, value);
  }
  return resolved;
}

function resolveDeep(value: JsonValue, lookup: PlatformLookup): JsonValue {
  if (Array.isArray(value)) return value.map((item: JsonValue) => resolveDeep(item, lookup));
  return isJsonObject(value) ? resolvePlatform(value, lookup) : value;
}

/** A claim's mount; before `pvcNameParameter` there was, the reference stood in the mount itself. */
function claimMount(mount: JsonObject, lookup: PlatformLookup): JsonObject {
  const { taskOutputParameter, constant, componentInputParameter, ...rest } = mount;
  if (rest.pvcNameParameter !== undefined) return resolvePlatform(rest, lookup);
  const input =
    constant === undefined
      ? { taskOutputParameter, componentInputParameter }
      : { runtimeValue: { constant } };
  const given = Object.fromEntries(Object.entries(input).filter(([, value]) => value !== undefined));
  return resolvePlatform({ ...rest, pvcNameParameter: given as JsonObject }, lookup);
}
