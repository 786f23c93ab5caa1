/** Settings of the Kubernetes platform document that steer a task's attempts. */
import type { DueTask } from "@sealflow/pipeline";

/** Time a task's attempt may take, in milliseconds; undefined for no limit. Source: `KubernetesExecutorConfig`. */
export function timeoutOf({ platform }: DueTask): number | undefined {
  const seconds = Number(platform?.activeDeadlineSeconds ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}
