/** Pods of a run's tasks, by the names that Argo gives to the nodes of its workflow. */
import type { KubeObject } from "../../kube/objects.js";
import type { Session } from "../session.js";

/** A pod. */
export interface PodName {
  readonly namespace: string;
  readonly name: string;
}

/** Which pod. */
export interface PodOfTask {
  readonly runId: string;
  /** Path of the task. */
  readonly task: string;
  /** Default: the last one. */
  readonly attempt?: number;
}

const NODE_NAME = "workflows.argoproj.io/node-name";

/** The pod of an attempt among those that carry the run's label; undefined where there is none, or no Kubernetes to ask. */
export async function labelledPod(
  { kube, namespace = "kubeflow" }: Session,
  { runId, task, attempt }: PodOfTask,
): Promise<PodName | undefined> {
  const { items = [] } =
    (await kube?.list<KubeObject>(
      { apiVersion: "v1", kind: "Pod" },
      { namespace, labelSelector: `pipeline/runid=${runId}` },
    )) ?? {};
  const pattern = nodeOf(task);
  const attempts = items
    .flatMap(({ metadata }) => {
      const found = pattern.exec(metadata.annotations?.[NODE_NAME] ?? "");
      return found === null ? [] : [{ name: metadata.name ?? "", attempt: Number(found[1] ?? 0) + 1 }];
    })
    .sort((a, b) => a.attempt - b.attempt);
  const chosen = attempt === undefined ? attempts.at(-1) : attempts.find((each) => each.attempt === attempt);
  return chosen === undefined ? undefined : { namespace, name: chosen.name };
}

/**
 * The node of a task's own container, behind the workflow's name. An iteration is two nodes more; attempts are numbered where a
 * task may be tried again. Source: kubeflow/pipelines, Argo compiler; Argo Workflows, names of nodes.
 */
function nodeOf(path: string): RegExp {
  const steps = path.split("/").map((part) => {
    const [, name = part, index] = /^(.*)\[(\d+)\]$/.exec(part) ?? [];
    const node = `\\.${name.replace(/[^\w-]/g, "\\$&")}`;
    return index === undefined ? node : `${node}\\.iteration-iterations\\(${index}:[^)]*\\)\\.iteration-item`;
  });
  return new RegExp(`^[^.]+\\.root${steps.join("")}\\.executor(?:\\((\\d+)\\))?$`);
}
