/** One task of a run, looked up in ML Metadata. */
import { KfpClient } from "@sealflow/kfp";
import type { Session } from "../session.js";
import { documentOf } from "./document.js";
import { recordsByPath, type TaskRecord } from "./records.js";
import { ended } from "./told.js";

/** Which task. */
export interface TaskAt {
  readonly runId: string;
  /** Its path. */
  readonly task: string;
  readonly signal?: AbortSignal;
}

/** What is known of a task. */
export interface KnownTask {
  /** Absent where nothing is recorded of it by now. */
  readonly record?: TaskRecord;
  /** No more will be recorded of it: it has ended, or its run has. */
  readonly over: boolean;
}

/** What is recorded of the task; undefined where nothing is. @throws SealflowError `KFP_…`, `CLUSTER_…`, `PIPELINE_…` */
export async function recordOf(session: Session, at: TaskAt): Promise<TaskRecord | undefined> {
  return (await knownOf(session, at)).record;
}

/** The task's record, and whether that is the last word. @throws SealflowError `KFP_…`, `CLUSTER_…`, `PIPELINE_…` */
export async function knownOf(session: Session, { runId, task, signal }: TaskAt): Promise<KnownTask> {
  const run = await new KfpClient(session.client).getRun(runId);
  const { spec } = await documentOf(session.client, run);
  const over = ended.has(run.state);
  const client = await session.metadata();
  const contextId = await client.runContext(runId, signal);
  if (contextId === undefined) return { over };
  const record = recordsByPath(spec, await client.executions(contextId, signal)).get(task);
  return record === undefined ? { over } : { record, over: over || record.state !== "RUNNING" };
}
