/** Output of a remote run's tasks: from the server's own route, else from the pods. */
import { isSealflowError, SealflowError } from "@sealflow/core";
import { readLog } from "@sealflow/kfp";
import type { KubeObject } from "../kube/objects.js";
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

/** Pods of Kubeflow Pipelines carry their run as a label and their task's name as part of their own. */
async function* podLog(session: Session, request: LogRequest): AsyncGenerator<string> {
  const { kube, namespace = "kubeflow" } = session;
  if (kube === undefined) throw unavailable(request.task);
  const { items } = await kube.list<KubeObject>(
    { apiVersion: "v1", kind: "Pod" },
    { namespace, labelSelector: `pipeline/runid=${request.runId}` },
  );
  const name = request.task.split("/").at(-1) ?? "";
  const pod = items.find((each) =>
    each.metadata.annotations?.["workflows.argoproj.io/node-name"]?.includes(`.${name}.executor`),
  );
  const chosen =
    pod ??
    items.find((each) =>
      each.metadata.annotations?.["workflows.argoproj.io/node-name"]?.includes(`.${name}.`),
    );
  if (chosen === undefined) throw unavailable(request.task);
  const at = { namespace, name: chosen.metadata.name ?? "" };
  const { follow = false, signal } = request;
  yield* kube.logs(at, { container: "main", follow, ...(signal === undefined ? {} : { signal }) });
}

function unavailable(task: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_LOG_UNAVAILABLE",
    message: `log of ${task}: expected it from the API or from the task's pod, got neither`,
    hint: "A context with --kubernetes reads logs of pods; Kubeflow removes pods some time after their end.",
  });
}
