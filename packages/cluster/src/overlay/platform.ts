/** The second document of a confidential spec: where its pods go and what they carry. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { PlatformSpec } from "@sealflow/pipeline";
import { CONFIDENTIAL_LABEL, NODE_NAME_VARIABLE, type PoolTaint, type SgxPool } from "./options.js";

/** Where Argo writes which node of the workflow a pod is. */
const NODE_NAME_FIELD = "metadata.annotations['workflows.argoproj.io/node-name']";

/** The platform document with the executors of these labels on the pool; everything else stays. */
export function protectedPlatform(
  platform: PlatformSpec | undefined,
  labels: readonly string[],
  pool: SgxPool,
): PlatformSpec {
  const kubernetes = platform?.platforms.kubernetes ?? {};
  const before = kubernetes.deploymentSpec?.executors ?? {};
  const executors: Record<string, JsonObject> = { ...before };
  for (const label of labels) executors[label] = onPool(before[label] ?? {}, pool);
  return {
    ...platform,
    platforms: {
      ...platform?.platforms,
      kubernetes: { ...kubernetes, deploymentSpec: { ...kubernetes.deploymentSpec, executors } },
    },
  };
}

function onPool(settings: JsonObject, pool: SgxPool): JsonObject {
  const { nodeSelector, podMetadata, tolerations, fieldPathAsEnv, ...rest } = settings;
  const metadata = record(podMetadata);
  return {
    ...rest,
    // A selector that a parameter gives would let the control plane choose other nodes: only fixed labels stay.
    nodeSelector: { labels: { ...record(record(nodeSelector).labels), ...pool.labels } },
    podMetadata: {
      ...metadata,
      labels: { ...record(metadata.labels), ...CONFIDENTIAL_LABEL },
      annotations: { ...record(metadata.annotations), ...pool.annotations },
    },
    tolerations: withAll(list(tolerations), pool.taints.map(toleration)),
    fieldPathAsEnv: withAll(list(fieldPathAsEnv), [{ name: NODE_NAME_VARIABLE, fieldPath: NODE_NAME_FIELD }]),
  };
}

function toleration({ key, value, effect }: PoolTaint): JsonObject {
  return value === undefined
    ? { key, operator: "Exists", effect }
    : { key, operator: "Equal", value, effect };
}

/** The list with those of the additions that it lacks. */
function withAll(items: readonly JsonValue[], additions: readonly JsonObject[]): JsonValue {
  const texts = new Set(items.map((item) => text(item)));
  return [...items, ...additions.filter((addition) => !texts.has(text(addition)))];
}

function text(value: JsonValue): string {
  return isJsonObject(value)
    ? JSON.stringify(Object.entries(value).sort(([a], [b]) => (a < b ? -1 : 1)))
    : "";
}

function record(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
