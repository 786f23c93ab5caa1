/** The second document of a confidential spec: where its pods go and what they carry. */
import { canonicalJson, isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import type { PlatformSpec } from "@sealflow/pipeline";
import {
  CONFIDENTIAL_LABEL,
  DEPOT_DIRECTORY,
  type DepotClaim,
  NODE_NAME_VARIABLE,
  type PoolTaint,
  type SgxPool,
} from "./options.js";

/** Where Argo writes which node of the workflow a pod is. */
const NODE_NAME_FIELD = "metadata.annotations['workflows.argoproj.io/node-name']";

/** Where protected pods go, and what they find there. */
interface Place {
  readonly pool: SgxPool;
  readonly depot: DepotClaim | undefined;
}

/** The only volume of a protected pod: it holds ciphertext, and the enclave does not see it. */
export function depotMount({ claim }: DepotClaim): JsonObject {
  const pvcNameParameter = { runtimeValue: { constant: claim } };
  return { constant: claim, mountPath: DEPOT_DIRECTORY, pvcNameParameter };
}

/** The settings of an executor without what an earlier overlay put there. */
export function withoutDepot(settings: JsonObject, depot: DepotClaim | undefined): JsonObject {
  const { pvcMount, ...rest } = settings;
  const own = depot === undefined ? [] : [depotMount(depot)];
  const others = list(pvcMount).filter((mount) => !own.some((each) => text(each) === text(mount)));
  return others.length === 0 ? rest : { ...rest, pvcMount: others };
}

/** The platform document with the executors of these labels on the pool; everything else stays. */
export function protectedPlatform(
  platform: PlatformSpec | undefined,
  labels: readonly string[],
  place: Place,
): PlatformSpec {
  const kubernetes = platform?.platforms.kubernetes ?? {};
  const before = kubernetes.deploymentSpec?.executors ?? {};
  const executors: Record<string, JsonObject> = { ...before };
  for (const label of labels) executors[label] = onPool(before[label] ?? {}, place);
  return {
    ...platform,
    platforms: {
      ...platform?.platforms,
      kubernetes: { ...kubernetes, deploymentSpec: { ...kubernetes.deploymentSpec, executors } },
    },
  };
}

function onPool(settings: JsonObject, { pool, depot }: Place): JsonObject {
  const { nodeSelector, podMetadata, tolerations, fieldPathAsEnv, pvcMount: _, ...rest } = settings;
  const metadata = record(podMetadata);
  return {
    ...rest,
    ...(depot === undefined ? {} : { pvcMount: [depotMount(depot)] }),
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
  return canonicalJson(value);
}

function record(value: JsonValue | undefined): JsonObject {
  return isJsonObject(value) ? value : {};
}

function list(value: JsonValue | undefined): readonly JsonValue[] {
  return Array.isArray(value) ? value : [];
}
