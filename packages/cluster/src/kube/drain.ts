/**
 * Emptying nodes before they go: cordon, then evict, as `kubectl drain --ignore-daemonsets --delete-emptydir-data` does.
 * Source: Kubernetes documentation, "API-initiated Eviction".
 */
import { setTimeout } from "node:timers/promises";
import { SealflowError } from "@sealflow/core";
import type { KubeClient } from "./client.js";
import { isNotFound, statusOf } from "./errors.js";
import type { KubeObject } from "./objects.js";

/** How long and how often. */
export interface DrainOptions {
  /** Until every pod is gone. Default: 15 minutes. */
  readonly timeoutMs?: number;
  /** Between looks. Default: 3000. */
  readonly pollMs?: number;
  readonly signal?: AbortSignal | undefined;
  /** Told the pods that are still there, when their number changes. */
  readonly onProgress?: (remaining: readonly string[]) => void;
}

const node = { apiVersion: "v1", kind: "Node" } as const;
const pod = { apiVersion: "v1", kind: "Pod" } as const;

/**
 * Cordons all nodes that a label selects and evicts their pods: disruption budgets are honoured, pods of DaemonSets and
 * static pods stay. Ends when no evictable pod is left.
 *
 * @throws SealflowError `CLUSTER_DRAIN_TIMEOUT` with the pods that stayed.
 */
export async function drainNodes(
  client: KubeClient,
  labelSelector: string,
  options: DrainOptions = {},
): Promise<void> {
  const { timeoutMs = 15 * 60_000, pollMs = 3000, signal, onProgress } = options;
  const { items } = await client.list(node, { labelSelector });
  const names = items.map(({ metadata }) => metadata.name ?? "");
  for (const name of names) await client.patch({ ...node, name }, { spec: { unschedulable: true } });
  const deadline = Date.now() + timeoutMs;
  let before = -1;
  for (;;) {
    const pods = await evictablePods(client, names);
    if (pods.length !== before) onProgress?.(pods.map(described));
    before = pods.length;
    if (pods.length === 0) return;
    if (Date.now() > deadline) throw timedOut(pods);
    await Promise.all(pods.map((each) => evict(client, each)));
    await setTimeout(pollMs, undefined, signal === undefined ? {} : { signal });
  }
}

async function evictablePods(client: KubeClient, nodes: readonly string[]): Promise<KubeObject[]> {
  const lists = await Promise.all(
    nodes.map((name) => client.list(pod, { fieldSelector: `spec.nodeName=${name}` })),
  );
  return lists.flatMap(({ items }) => items).filter(isEvictable);
}

/** DaemonSets would put theirs back at once; static pods and ended ones have nothing to move. */
function isEvictable({ metadata, status }: KubeObject): boolean {
  const ofDaemonSet = metadata.ownerReferences?.some(
    ({ kind, controller }) => kind === "DaemonSet" && controller === true,
  );
  const isStatic = metadata.annotations?.["kubernetes.io/config.mirror"] !== undefined;
  const phase = typeof status === "object" && status !== null && "phase" in status ? status.phase : undefined;
  return !ofDaemonSet && !isStatic && phase !== "Succeeded" && phase !== "Failed";
}

/** A refusal by a disruption budget (429) is no failure: the next look asks again. */
async function evict(client: KubeClient, { metadata }: KubeObject): Promise<void> {
  if (metadata.deletionTimestamp !== undefined) return;
  const { name = "", namespace = "default" } = metadata;
  const body = { apiVersion: "policy/v1", kind: "Eviction", metadata: { name, namespace } };
  try {
    await client.transport.text({
      method: "POST",
      path: `/api/v1/namespaces/${namespace}/pods/${name}/eviction`,
      body: JSON.stringify(body),
      headers: { "content-type": "application/json" },
    });
  } catch (error) {
    if (!isNotFound(error) && statusOf(error) !== 429 && statusOf(error) !== 409) throw error;
  }
}

function described({ metadata }: KubeObject): string {
  return `${metadata.namespace}/${metadata.name}`;
}

function timedOut(pods: readonly KubeObject[]): SealflowError {
  const names = pods.map(described);
  return new SealflowError({
    code: "CLUSTER_DRAIN_TIMEOUT",
    message: `drain: expected the nodes to get empty, but ${names.length} pods stayed: ${names.slice(0, 5).join(", ")}`,
    hint: "a disruption budget holds them: free it or delete the pods, then run the command again",
    data: { pods: names },
  });
}
