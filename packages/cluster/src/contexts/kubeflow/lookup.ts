/** One task of a run, looked up in ML Metadata. */
import { KfpClient } from "@sealflow/kfp";
import type { Session } from "../session.js";
import { documentOf } from "./document.js";
import { recordsByPath, type TaskRecord } from "./records.js";

/** Which task. */
export interface TaskAt {
  readonly runId: string;
  /** Its path. */
  readonly task: string;
  readonly signal?: AbortSignal;
}

/** What is recorded of the task; undefined where nothing is. @throws SealflowError `KFP_…`, `CLUSTER_…`, `PIPELINE_…` */
export async function recordOf(
  session: Session,
  { runId, task, signal }: TaskAt,
): Promise<TaskRecord | undefined> {
  const run = await new KfpClient(session.client).getRun(runId);
  const { spec } = await documentOf(session.client, run);
  const client = await session.metadata();
  const contextId = await client.runContext(runId, signal);
  if (contextId === undefined) return undefined;
  return recordsByPath(spec, await client.executions(contextId, signal)).get(task);
}
