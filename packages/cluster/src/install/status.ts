/** Health of an installation, component by component. */
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import { describeObject, type KubeObject, type ObjectRef } from "../kube/objects.js";
import { hasCondition } from "./apply.js";

/** A component's health. */
export interface Health {
  readonly component: string;
  readonly state: "ready" | "progressing" | "missing" | "failed";
  /** For people: what is missing. */
  readonly detail: string;
}

const judged = new Set([
  "Deployment",
  "StatefulSet",
  "DaemonSet",
  "Job",
  "PersistentVolumeClaim",
  "CustomResourceDefinition",
]);

/** Health of all objects that have any. Absent objects of other kinds are told too. */
export async function healthOf(client: KubeClient, objects: readonly ObjectRef[]): Promise<Health[]> {
  const result: Health[] = [];
  const waiting = [...objects];
  const worker = async (): Promise<void> => {
    for (let ref = waiting.shift(); ref !== undefined; ref = waiting.shift()) {
      const found = await client.find(ref).catch(() => undefined);
      if (found === undefined)
        result.push({ component: describeObject(ref), state: "missing", detail: "not in the cluster" });
      else if (judged.has(found.kind)) result.push(await judge(client, found));
    }
  };
  await Promise.all(Array.from({ length: 8 }, worker));
  return result.sort((a, b) => (a.component < b.component ? -1 : 1));
}

async function judge(client: KubeClient, object: KubeObject): Promise<Health> {
  const component = describeObject(object);
  const { spec, status } = object as { spec?: JsonObject; status?: JsonObject };
  if (object.kind === "CustomResourceDefinition") {
    const ready = hasCondition(object, "Established");
    return { component, state: ready ? "ready" : "progressing", detail: ready ? "served" : "not served yet" };
  }
  if (object.kind === "PersistentVolumeClaim") {
    const phase = String(status?.phase ?? "Pending");
    return { component, state: phase === "Bound" ? "ready" : "progressing", detail: phase };
  }
  if (object.kind === "Job") {
    const state = hasCondition(object, "Complete")
      ? "ready"
      : hasCondition(object, "Failed")
        ? "failed"
        : "progressing";
    return { component, state, detail: state };
  }
  const wanted = Number(
    object.kind === "DaemonSet" ? (status?.desiredNumberScheduled ?? 0) : (spec?.replicas ?? 1),
  );
  const ready = Number((object.kind === "DaemonSet" ? status?.numberReady : status?.readyReplicas) ?? 0);
  if (ready >= wanted) return { component, state: "ready", detail: `${ready}/${wanted}` };
  return {
    component,
    state: "progressing",
    detail: `${ready}/${wanted} ready${await reasonOf(client, object)}`,
  };
}

/** Why a workload's pods do not run, as the newest of them says. */
async function reasonOf(client: KubeClient, object: KubeObject): Promise<string> {
  const { selector } = (object.spec ?? {}) as { selector?: { matchLabels?: Record<string, string> } };
  const labels = Object.entries(selector?.matchLabels ?? {}).map(([name, value]) => `${name}=${value}`);
  if (labels.length === 0 || object.metadata.namespace === undefined) return "";
  const { items } = await client.list(
    { apiVersion: "v1", kind: "Pod" },
    { namespace: object.metadata.namespace, labelSelector: labels.join(",") },
  );
  const reason = items.map(reasonOfPod).find((each) => each !== undefined);
  return reason === undefined ? "" : `: ${reason}`;
}

/** Why a pod does not run; undefined when it does. */
export function reasonOfPod(pod: KubeObject): string | undefined {
  const status = isJsonObject(pod.status) ? pod.status : {};
  const containers = [...list(status.initContainerStatuses), ...list(status.containerStatuses)];
  for (const container of containers) {
    const state = isJsonObject(container.state) ? container.state : {};
    const { waiting } = state;
    if (
      isJsonObject(waiting) &&
      waiting.reason !== "PodInitializing" &&
      waiting.reason !== "ContainerCreating"
    )
      return [waiting.reason, waiting.message].filter((part) => typeof part === "string").join(": ");
  }
  const scheduled = list(status.conditions).find(
    (each) => each.type === "PodScheduled" && each.status === "False",
  );
  return typeof scheduled?.message === "string" ? scheduled.message : undefined;
}

function list(value: unknown): JsonObject[] {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}

/** Waits until all is ready, or the time is up; tells changes. @returns The last state. */
export async function waitHealthy(
  client: KubeClient,
  objects: readonly ObjectRef[],
  options: {
    readonly timeoutMs: number;
    readonly onChange: (health: Health) => void;
    readonly signal?: AbortSignal;
  },
): Promise<Health[]> {
  const end = Date.now() + options.timeoutMs;
  const told = new Map<string, string>();
  for (;;) {
    const health = await healthOf(client, objects);
    for (const each of health) {
      const text = `${each.state} ${each.detail}`;
      if (told.get(each.component) !== text) options.onChange(each);
      told.set(each.component, text);
    }
    if (health.every(({ state }) => state === "ready") || Date.now() > end) return health;
    await sleep(
      Math.min(2000, Math.max(0, end - Date.now())),
      undefined,
      options.signal === undefined ? {} : { signal: options.signal },
    );
  }
}
