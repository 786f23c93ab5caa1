/** One attempt under observation: its pod's output, its end, and what it left in the store. */
import { appendFileSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import type { ExecutorJob, StartedAttempt, TaskExit } from "@sealflow/engine";
import { hasCondition } from "../install/apply.js";
import { reasonOfPod } from "../install/status.js";
import type { KubeClient } from "../kube/client.js";
import { isTransient } from "../kube/errors.js";
import type { KubeObject } from "../kube/objects.js";
import type { ArtifactStore } from "../stores/store.js";
import { resultKey } from "./names.js";
import { writeResult } from "./result.js";

/** Where an attempt is. */
export interface Where {
  readonly client: KubeClient;
  readonly store: ArtifactStore;
  readonly namespace: string;
}

/** How often a Job is looked at, in milliseconds: the API server is spared, and nobody waits long. */
const LOOK_MS = 500;

/** Reasons of a waiting container that no time mends. Source: kubelet, pkg/kubelet/images and container. */
const hopeless =
  /^(InvalidImageName|ErrImageNeverPull|CreateContainerConfigError|CreateContainerError|RunContainerError)\b/;

/** Time for which an image that can't be pulled is tried again, in milliseconds. */
const PULL_PATIENCE_MS = 120_000;

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
  private readonly stopLogs = new AbortController();
  private killed: Promise<unknown> | undefined;
  private following: Promise<void> | undefined;
  private pullFailing: number | undefined;

  /** @param name Of the Job; undefined where only its result is left. */
  constructor(job: ExecutorJob, name: string | undefined, where: Where) {
    this.job = job;
    this.name = name;
    this.where = where;
    this.exit = this.observe();
  }

  kill(signal: "TERM" | "KILL"): void {
    if (this.name === undefined) return;
    const graceSeconds = signal === "KILL" ? 0 : undefined;
    this.killed = this.remove(graceSeconds).catch(() => {});
  }

  private async observe(): Promise<TaskExit> {
    if (this.name === undefined) return this.collect();
    try {
      for (;;) {
        const exit = await this.look(this.name);
        if (exit !== undefined) return exit;
        await sleep(LOOK_MS);
      }
    } finally {
      await Promise.race([this.following, sleep(3000)]);
      this.stopLogs.abort();
      await this.killed;
    }
  }

  /** How the attempt ended; undefined while it goes on. */
  private async look(name: string): Promise<TaskExit | undefined> {
    const { client, namespace } = this.where;
    try {
      const job = await client.find({ apiVersion: "batch/v1", kind: "Job", name, namespace });
      const pod = job === undefined ? undefined : await this.pod(name);
      if (pod !== undefined) this.follow(pod);
      if (job === undefined) return this.killed === undefined ? await this.vanished() : ended("SIGKILL");
      if (hasCondition(job, "Complete")) return await this.succeeded();
      if (hasCondition(job, "Failed")) return await this.failed(job, pod);
      if (pod !== undefined) this.checkWaiting(pod);
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

  /** Reads the pod's output from its beginning, once. */
  private follow(pod: KubeObject): void {
    if (this.following !== undefined || !hasStarted(pod)) return;
    writeFileSync(this.job.log, "");
    this.following = this.copyLog(pod.metadata.name ?? "").catch(() => {});
  }

  private async copyLog(name: string): Promise<void> {
    const { client, namespace } = this.where;
    const { signal } = this.stopLogs;
    for await (const chunk of client.logs({ namespace, name }, { container: "task", follow: true, signal }))
      appendFileSync(this.job.log, chunk);
  }

  private async succeeded(): Promise<TaskExit> {
    const exit = await this.collect();
    await this.remove();
    return exit;
  }

  private async collect(): Promise<TaskExit> {
    const { store } = this.where;
    const { runId, task } = this.job;
    const content = await store.get(resultKey(runId, task.path));
    if (content === undefined) {
      throw new SealflowError({
        code: "CLUSTER_RESULT_MISSING",
        message: `task ${task.displayName}: expected the record of its outputs in ${store.root}, got none`,
        hint: "Its pod ended well. Look whether something removes objects from the store.",
      });
    }
    writeResult(this.job, content);
    return { exitCode: 0, signal: null };
  }

  /** A Job that somebody else removed may have finished before. */
  private async vanished(): Promise<TaskExit> {
    const { store } = this.where;
    if (await store.has(resultKey(this.job.runId, this.job.task.path))) return this.collect();
    return {
      exitCode: 137,
      signal: null,
      error: { kind: "job", message: "its Job was removed from the cluster" },
    };
  }

  private async failed(job: KubeObject, pod: KubeObject | undefined): Promise<TaskExit> {
    const terminated = pod === undefined ? undefined : terminationOf(pod);
    const late = [reasonOfJob(job), statusReason(pod)].includes("DeadlineExceeded");
    if (this.following !== undefined) await Promise.race([this.following, sleep(3000)]);
    if (this.killed === undefined) await this.remove();
    if (late) throw tooLate(this.job);
    if (terminated === undefined) {
      const reason =
        (pod === undefined ? undefined : reasonOfPod(pod)) ?? reasonOfJob(job) ?? "its pod was lost";
      return { exitCode: 137, signal: null, error: { kind: "pod", message: reason } };
    }
    return exitOf(terminated);
  }

  /** Ends attempts that would wait for ever, with the reason that Kubernetes gives. */
  private checkWaiting(pod: KubeObject): void {
    const reason = reasonOfPod(pod) ?? "";
    const pulling = /^(ErrImagePull|ImagePullBackOff)\b/.test(reason);
    if (!pulling) this.pullFailing = undefined;
    else this.pullFailing ??= Date.now();
    const patient = this.pullFailing === undefined || Date.now() - this.pullFailing < PULL_PATIENCE_MS;
    if (!hopeless.test(reason) && patient) return;
    throw new SealflowError({
      code: "CLUSTER_POD_UNSTARTABLE",
      message: `task ${this.job.task.displayName}: its pod can't start: ${reason}`,
      hint: "Check the image's name, the pull secret, and the secrets and config maps that the task names.",
    });
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

function ended(signal: string): TaskExit {
  return { exitCode: null, signal };
}

function statuses(pod: KubeObject): JsonObject[] {
  const status = isJsonObject(pod.status) ? pod.status : {};
  const list = Array.isArray(status.containerStatuses) ? status.containerStatuses : [];
  return list.filter(isJsonObject).filter(({ name }) => name === "task");
}

function hasStarted(pod: KubeObject): boolean {
  return statuses(pod).some(
    ({ state }) => isJsonObject(state) && (isJsonObject(state.running) || isJsonObject(state.terminated)),
  );
}

function terminationOf(pod: KubeObject): JsonObject | undefined {
  const [container] = statuses(pod);
  const state = isJsonObject(container?.state) ? container.state : {};
  return isJsonObject(state.terminated) ? state.terminated : undefined;
}

function statusReason(pod: KubeObject | undefined): unknown {
  return isJsonObject(pod?.status) ? pod.status.reason : undefined;
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
