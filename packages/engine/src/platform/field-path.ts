/** Fields of a pod that a task asks for by path, as they would be on this machine. */
import { hostname } from "node:os";
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import { type DueTask, taskIdOf } from "@sealflow/pipeline";
import type { RunInProgress } from "../run/run-context.js";

/** The task's labels and annotations: what the official backend sets on every pod, then the task's own. */
function metadataOf(run: RunInProgress, task: DueTask, kind: "labels" | "annotations"): JsonObject {
  const own = isJsonObject(task.platform?.podMetadata) ? task.platform.podMetadata[kind] : undefined;
  const { runId, runName } = run.context;
  const common =
    kind === "labels"
      ? { "pipeline/runid": runId }
      : {
          "pipelines.kubeflow.org/run_name": runName,
          "workflows.argoproj.io/node-name": argoNodeName(run, task),
        };
  return { ...common, ...(isJsonObject(own) ? own : {}) };
}

/**
 * What Argo would call the pod's node. Source: workflows that Kubeflow Pipelines 2.16 and 2.17 compile: an iteration has two
 * nodes of its own, an executor stands below its task.
 */
function argoNodeName(run: RunInProgress, { path }: DueTask): string {
  const nodes = path
    .split("/")
    .map((part) =>
      part.replace(/\[(\d+)\]$/, (_, index) => `.iteration-iterations(${index}:${index}).iteration-item`),
    );
  const workflow = run.spec.pipelineInfo.name.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return [`${workflow}-local`, "root", ...nodes, "executor"].join(".");
}

/** A name that a pod could have. */
function podName(run: RunInProgress, task: DueTask): string {
  const id = taskIdOf(run.context.runId, task.path).slice(0, 8);
  const base = `${run.spec.pipelineInfo.name}-${task.taskName}`.toLowerCase().replace(/[^a-z0-9-]+/g, "-");
  return `${base.slice(0, 200)}-${id}`;
}

/**
 * The text of a pod's field. A label or annotation that is not there is empty, as in Kubernetes.
 *
 * @throws SealflowError `ENGINE_FIELD_PATH_UNKNOWN` for a field that Kubernetes does not hand out either
 */
export function fieldText(run: RunInProgress, task: DueTask, path: string): string {
  const [, kind, key] = /^metadata\.(labels|annotations)\['([^']+)'\]$/.exec(path) ?? [];
  if (key !== undefined && (kind === "labels" || kind === "annotations")) {
    const value = metadataOf(run, task, kind)[key];
    return value === undefined ? "" : String(value);
  }
  switch (path) {
    case "metadata.name":
      return podName(run, task);
    case "metadata.namespace":
      return "local";
    case "metadata.uid":
      return taskIdOf(run.context.runId, task.path);
    case "spec.nodeName":
      return hostname();
    case "spec.serviceAccountName":
      return "default";
    case "status.hostIP":
    case "status.podIP":
    case "status.podIPs":
      return "127.0.0.1";
    default:
      throw new SealflowError({
        code: "ENGINE_FIELD_PATH_UNKNOWN",
        message: `field path: expected one that a pod has, got ${path}`,
      });
  }
}
