import type { JsonObject, JsonValue } from "@sealflow/core";
import type { TaskInputParameter } from "../../ir/types.js";
import type { KubernetesSetting, KubernetesValue, ParameterNode } from "../graph.js";

/** The key under which a value's own members join those around it. */
const SPREAD = "...";

/** How a run-time value reaches the platform document. */
export type PlatformInput = (node: ParameterNode) => TaskInputParameter;

/** A task's `KubernetesExecutorConfig`: lists grow, messages and maps merge, single values are replaced. */
export function kubernetesConfig(settings: readonly KubernetesSetting[], input: PlatformInput): JsonObject {
  const config: Record<string, JsonValue> = {};
  for (const { member, value } of settings) {
    config[member] = merged(config[member], resolved(value, input));
  }
  return config;
}

function merged(known: JsonValue | undefined, added: JsonValue): JsonValue {
  if (Array.isArray(known) && Array.isArray(added)) return [...known, ...added] as readonly JsonValue[];
  if (!isObject(known) || !isObject(added)) return added;
  const all: Record<string, JsonValue> = { ...known };
  for (const [key, value] of Object.entries(added)) all[key] = merged(all[key], value);
  return all;
}

function isObject(value: JsonValue | undefined): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function resolved(value: KubernetesValue, input: PlatformInput): JsonValue {
  if (Array.isArray(value)) return value.map((item: KubernetesValue) => resolved(item, input));
  if (typeof value !== "object" || value === null) return value as JsonValue;
  if (isParameterNode(value)) return input(value) as unknown as JsonValue;
  const members: Record<string, JsonValue> = {};
  for (const [key, member] of Object.entries(value as Readonly<Record<string, KubernetesValue>>)) {
    if (key === SPREAD) Object.assign(members, resolved(member, input));
    else members[key] = resolved(member, input);
  }
  return members;
}

/** Values that come from tasks, to be made inputs and dependencies. */
export function isParameterNode(value: object): value is ParameterNode {
  return "form" in value && value.form === "parameter" && "origin" in value;
}
