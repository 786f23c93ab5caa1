/** What the status of an attempt's pod says. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";

/** Name of the container that the task runs in. */
export const taskContainer = "task";

function statuses(pod: KubeObject): JsonObject[] {
  const status = isJsonObject(pod.status) ? pod.status : {};
  const list = Array.isArray(status.containerStatuses) ? status.containerStatuses : [];
  return list.filter(isJsonObject).filter(({ name }) => name === taskContainer);
}

/** Whether the task's container has run, be it for a moment. */
export function hasStarted(pod: KubeObject): boolean {
  return statuses(pod).some(
    ({ state }) => isJsonObject(state) && (isJsonObject(state.running) || isJsonObject(state.terminated)),
  );
}

/** How the task's container ended; undefined while it has not. */
export function terminationOf(pod: KubeObject): JsonObject | undefined {
  const [container] = statuses(pod);
  const state = isJsonObject(container?.state) ? container.state : {};
  return isJsonObject(state.terminated) ? state.terminated : undefined;
}

/** Kubernetes' word for why the whole pod ended. */
export function statusReason(pod: KubeObject | undefined): unknown {
  return isJsonObject(pod?.status) ? pod.status.reason : undefined;
}
