/** One attempt under observation: its pod's output, its end, and what it left in the store. */
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { ExecutorJob, StartedAttempt, TaskExit } from "@sealflow/engine";
import { hasCondition } from "../install/apply.js";
import { reasonOfPod } from "../install/status.js";
import type { KubeClient } from "../kube/client.js";
import { isTransient } from "../kube/errors.js";
import type { KubeObject } from "../kube/objects.js";
import type { ArtifactStore } from "../stores/store.js";
import type { Changes } from "./changes.js";
import { recordedOf } from "./description.js";
import { JobLog } from "./job-log.js";
import { resultKey } from "./names.js";
import { statusReason, terminationOf } from "./pod-state.js";
import { writeResult } from "./result.js";
import { Waiting } from "./waiting.js";

/** Where an attempt is. */
export interface Where {
  readonly client: KubeClient;
  readonly store: ArtifactStore;
  readonly namespace: string;
  /** Of the run. */
  readonly changes: Changes;
}

/** Exit codes of the runtime in the pod. */
const transfers: Readonly<Record<number, string>> = {
  81: "CLUSTER_INPUTS_FAILED",
  82: "CLUSTER_OUTPUTS_FAILED",
};

/** An attempt that goes on, or has ended without anybody knowing yet. */
export class Attempt implements StartedAttempt {
  readonly exit: Promise<TaskExit>;
  private readonly job: ExecutorJob;
  private readonly name: string | undefined;
  private readonly where: Where;
  private readonly log: JobLog;
  private readonly waiting: Waiting;
  /** How it ended, once that is known: its Job may be gone before that is told. */
  private outcome: (() => TaskExit) | undefined;
  private killed: Promise<unknown> | undefined;
  private left = false;

  /** @param name Of the Job; undefined where only its result is left. */
  constructor(job: ExecutorJob, name: string | undefined, where: Where) {
    this.job = job;
    this.name = name;
    this.where = where;
    this.log = new JobLog(where, job.log);
    this.waiting = new Waiting(job, where);
    this.exit = this.observe();
  }

  kill(signal: "TERM" | "KILL"): void {
    if (this.name === undefined) return;
    const graceSeconds = signal === "KILL" ? 0 : undefined;
    this.killed = this.remove(graceSeconds).catch(() => {});
  }

  leave(): void {
    this.left = true;
    this.where.changes.wake(this.name ?? "");
  }

  private async observe(): Promise<TaskExit> {
    const { name } = this;
    if (name === undefined) return (await this.collect())();
    const { changes } = this.where;
    changes.enter();
    try {
      while (!this.left) {
        const seen = changes.count(name);
        const exit = await this.look(name);
        if (exit !== undefined) return exit;
        await changes.after(name, seen);
      }
      return { exitCode: null, signal: "SIGTERM" };
    } finally {
      if (!this.left) await this.log.end();
      this.log.stop();
      changes.leave();
      await this.killed;
    }
  }

  /** How the attempt ended; undefined while it goes on. */
  private async look(name: string): Promise<TaskExit | undefined> {
    const { client, namespace } = this.where;
    try {
      const job = await client.find({ apiVersion: "batch/v1", kind: "Job", name, namespace });
      if (job === undefined) return await this.gone();
      // What could not be removed before.
      if (this.killed !== undefined && job.metadata.deletionTimestamp === undefined) await this.remove();
      const pod = await this.pod(name);
      if (pod !== undefined) this.log.follow(pod);
      if (hasCondition(job, "Complete")) return await this.end(() => this.collect());
      if (hasCondition(job, "Failed")) return await this.end(() => this.failed(job, pod));
      await this.waiting.look(name, pod);
      return undefined;
    } catch (error) {
      if (isTransient(error)) return undefined;
      if (this.killed === undefined) await this.remove().catch(() => {});
      throw error;
    }
  }

  private async pod(name: string): Promise<KubeObject | undefined> {
    const { client, namespace } = this.where;
    const kind = { apiVersion: "v1", kind: "Pod" };
    const { items } = await client.list(kind, {
      namespace,
      labelSelector: `batch.kubernetes.io/job-name=${name}`,
    });
    return [...items].sort((a, b) =>
      (a.metadata.creationTimestamp ?? "") < (b.metadata.creationTimestamp ?? "") ? 1 : -1,
    )[0];
  }

  /** Finds out how it ended, then removes what is left of it. */
  private async end(how: () => Promise<() => TaskExit>): Promise<TaskExit> {
    this.outcome ??= await how();
    await this.log.end();
    await this.remove();
    return this.outcome();
  }

  /** Its Job is there no more: by this program, or by somebody else, and then it may have finished before. */
  private async gone(): Promise<TaskExit> {
    if (this.outcome === undefined && this.killed !== undefined) return { exitCode: null, signal: "SIGKILL" };
    this.outcome ??= (await this.isRecorded())
      ? await this.collect()
      : () => lost("job", "its Job was removed from the cluster");
    return this.outcome();
  }

  private isRecorded(): Promise<boolean> {
    return this.where.store.has(resultKey(recordedOf(this.job)));
  }

  private async collect(): Promise<() => TaskExit> {
    const { store } = this.where;
    const { task } = this.job;
    const record = recordedOf(this.job);
    const content = await store.get(resultKey(record));
    if (content === undefined) {
      throw new SealflowError({
        code: "CLUSTER_RESULT_MISSING",
        message: `task ${task.displayName}: expected the record of its outputs in ${store.root}, got none`,
        hint: "Its pod ended well. Look whether something removes objects from the store.",
      });
    }
    const pod = writeResult(this.job, content);
    if (await store.has(resultKey(record, 2))) this.job.notice("CLUSTER_TASK_TWICE", twice(this.job, pod));
    return () => ({ exitCode: 0, signal: null });
  }

  /** A pod that was lost after it had finished has not failed. */
  private async failed(job: KubeObject, pod: KubeObject | undefined): Promise<() => TaskExit> {
    if (await this.isRecorded()) return this.collect();
    const terminated = pod === undefined ? undefined : terminationOf(pod);
    const late = [reasonOfJob(job), statusReason(pod)].includes("DeadlineExceeded");
    return () => {
      if (late) throw tooLate(this.job);
      if (terminated !== undefined) return exitOf(terminated);
      const reason = (pod === undefined ? undefined : reasonOfPod(pod)) ?? reasonOfJob(job);
      return lost("pod", reason ?? "its pod was lost");
    };
  }

  private async remove(graceSeconds?: number): Promise<void> {
    const { client, namespace } = this.where;
    const name = this.name ?? "";
    await client.delete(
      { apiVersion: "batch/v1", kind: "Job", name, namespace },
      graceSeconds === undefined ? {} : { graceSeconds },
    );
    await client.delete({ apiVersion: "v1", kind: "Secret", name, namespace });
  }
}

function lost(kind: string, message: string): TaskExit {
  return { exitCode: 137, signal: null, error: { kind, message } };
}

function twice({ task }: ExecutorJob, pod: string): string {
  return `${task.displayName} ran to its end in more than one pod. What ${pod} made counts, which was first.`;
}

function tooLate({ timeoutMs = 0 }: ExecutorJob): SealflowError {
  return new SealflowError({
    code: "ENGINE_TASK_TIMEOUT",
    message: `task: expected to end within ${timeoutMs / 1000} s, and was ended after that`,
  });
}

function reasonOfJob(job: KubeObject): string | undefined {
  const status = isJsonObject(job.status) ? job.status : {};
  const conditions = Array.isArray(status.conditions) ? status.conditions.filter(isJsonObject) : [];
  const failed = conditions.find(({ type, status: holds }) => type === "Failed" && holds === "True");
  return typeof failed?.reason === "string" ? failed.reason : undefined;
}

/** Exit code, and what the runtime left as last words. */
function exitOf({ exitCode, reason, message }: JsonObject): TaskExit {
  const code = Number(exitCode ?? 1);
  if (reason === "OOMKilled")
    return {
      exitCode: null,
      signal: "SIGKILL",
      error: { kind: "memory", message: "out of memory: Kubernetes ended it at its limit" },
    };
  const words = lastWords(message);
  const transfer = transfers[code];
  if (transfer !== undefined) {
    throw new SealflowError({
      code: transfer,
      message: `task: ${words?.message ?? "its artifacts could not be moved"}`,
    });
  }
  return { exitCode: code, signal: null, ...(words === undefined ? {} : { error: words }) };
}

function lastWords(message: unknown): NonNullable<TaskExit["error"]> | undefined {
  try {
    const value: unknown = typeof message === "string" ? JSON.parse(message) : undefined;
    if (!isJsonObject(value) || typeof value.message !== "string") return undefined;
    const text = (name: string) => (typeof value[name] === "string" ? value[name] : null);
    return {
      kind: text("kind") ?? "exception",
      message: value.message,
      type: text("type"),
      traceback: text("traceback"),
      file: text("file"),
      line: typeof value.line === "number" ? value.line : null,
      function: text("function"),
    };
  } catch {
    return undefined;
  }
}
