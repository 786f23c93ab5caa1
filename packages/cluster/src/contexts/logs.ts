/** Output of a remote run's tasks: from the server's own route, else as Kubeflow Pipelines has it. */
import { isSealflowError } from "@sealflow/core";
import { readLog } from "@sealflow/kfp";
import { type TaskLogRequest, taskLog } from "./kubeflow/task-log.js";
import type { Session } from "./session.js";

/**
 * Chunks of the log.
 *
 * @throws SealflowError `KFP_REQUEST_REFUSED`; `CLUSTER_LOG_UNAVAILABLE` where nothing there gives it
 */
export async function* remoteLog(session: Session, request: TaskLogRequest): AsyncGenerator<string> {
  try {
    yield* readLog(session.client, request);
  } catch (error) {
    const absent =
      isSealflowError(error) && (error.data?.status === 404 || error.code === "KFP_ANSWER_INVALID");
    if (!absent || error.data?.reason !== undefined) throw error;
    yield* taskLog(session, request);
  }
}
