/** Output of a remote run's tasks: from the server's own route, else from the pods. */
import { isSealflowError, SealflowError } from "@sealflow/core";
import { readLog } from "@sealflow/kfp";
import type { KubeObject } from "../kube/objects.js";
import { recordOf } from "./kubeflow/lookup.js";
import type { Session } from "./session.js";

/** Which log. */
export interface LogRequest {
  readonly runId: string;
  /** Path of the task. */
  readonly task: string;
  /** Default: the last one. */
  readonly attempt?: number;
  /** Goes on until the task's end. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * Chunks of the log.
 *
 * @throws SealflowError `KFP_REQUEST_REFUSED`; `CLUSTER_LOG_UNAVAILABLE` where neither the API nor pods give it
 */
export async function* remoteLog(session: Session, request: LogRequest): AsyncGenerator<string> {
  try {
    yield* readLog(session.client, request);
  } catch (error) {
    const absent =
      isSealflowError(error) && (error.data?.status === 404 || error.code === "KFP_ANSWER_INVALID");
    if (!absent || error.data?.reason !== undefined) throw error;
    yield* podLog(session, request);
  }
}

interface PodName {
  readonly namespace: string;
  readonly name: string;
}

async function* podLog(session: Session, request: LogRequest): AsyncGenerator<string> {
  const { kube } = session;
  if (kube === undefined) throw unavailable(request.task);
  const pod = (await recordedPod(session, request)) ?? (await labelledPod(session, request));
  if (pod === undefined) throw unavailable(request.task);
  const { follow = false, signal } = request;
  yield* kube.logs(pod, { container: "main", follow, ...(signal === undefined ? {} : { signal }) });
}

/** The launcher records in which pod it runs; where that can't be read, pods are looked for by their labels. */
async function recordedPod(session: Session, request: LogRequest): Promise<PodName | undefined> {
  try {
    const { pod } = (await recordOf(session, request)) ?? {};
    return pod === undefined ? undefined : { ...pod, namespace: pod.namespace || namespaceOf(session) };
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

/** Pods of Kubeflow Pipelines carry their run as a label and their task's name as part of their own. */
async function labelledPod(session: Session, { runId, task }: LogRequest): Promise<PodName | undefined> {
  const namespace = namespaceOf(session);
  const { items = [] } =
    (await session.kube?.list<KubeObject>(
      { apiVersion: "v1", kind: "Pod" },
      { namespace, labelSelector: `pipeline/runid=${runId}` },
    )) ?? {};
  const name = task.split("/").at(-1) ?? "";
  const nodeOf = ({ metadata }: KubeObject) => metadata.annotations?.["workflows.argoproj.io/node-name"];
  const chosen =
    items.find((each) => nodeOf(each)?.includes(`.${name}.executor`)) ??
    items.find((each) => nodeOf(each)?.includes(`.${name}.`));
  return chosen === undefined ? undefined : { namespace, name: chosen.metadata.name ?? "" };
}

/** Where Kubeflow Pipelines for one user runs its pods. */
function namespaceOf({ namespace = "kubeflow" }: Session): string {
  return namespace;
}

function unavailable(task: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_LOG_UNAVAILABLE",
    message: `log of ${task}: expected it from the API or from the task's pod, got neither`,
    hint: "A context with --kubernetes reads logs of pods; Kubeflow removes pods some time after their end.",
  });
}
