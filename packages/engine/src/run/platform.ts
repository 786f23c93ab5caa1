/** The Kubernetes platform document, as far as one machine can follow it. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { DueTask, PlatformSpec } from "@sealflow/pipeline";
import type { RunInProgress } from "./run-context.js";

/** Settings that mean nothing on one machine, or that hold by themselves. */
const harmless = new Set([
  "imagePullPolicy",
  "imagePullSecret",
  "podMetadata",
  "nodeSelector",
  "tolerations",
]);

/** What the platform document says about a task's executor. */
function platformOf(platform: PlatformSpec | undefined, executorLabel: string): JsonObject {
  const executors = platform?.platforms.kubernetes?.deploymentSpec?.executors;
  const settings = executors?.[executorLabel];
  return isJsonObject(settings) ? settings : {};
}

/** Time a task's attempt may take, in milliseconds; undefined for no limit. Source: `KubernetesExecutorConfig`. */
export function timeoutOf(run: RunInProgress, task: DueTask): number | undefined {
  const settings = platformOf(run.platform, task.executorLabel);
  tellIgnored(run, task.executorLabel, settings);
  const seconds = Number(settings.activeDeadlineSeconds ?? 0);
  return Number.isFinite(seconds) && seconds > 0 ? seconds * 1000 : undefined;
}

function tellIgnored(run: RunInProgress, executorLabel: string, settings: JsonObject): void {
  const ignored = Object.keys(settings).filter((key) => key !== "activeDeadlineSeconds");
  if (ignored.length === 0) return;
  const kept = ignored.filter((key) => !harmless.has(key));
  const effect = kept.length === 0 ? "without effect on one machine" : `not emulated: ${kept.join(", ")}`;
  run.notice(
    "ENGINE_PLATFORM_IGNORED",
    `Kubernetes settings of ${executorLabel} (${ignored.join(", ")}): ${effect}`,
  );
}
