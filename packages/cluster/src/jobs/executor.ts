/**
 * The engine's tasks as Kubernetes Jobs: the engine orders, Kubernetes places. What is made carries the run's labels and
 * belongs to one object of the run, so that it can be found again after a crash and goes with the run.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { ExecutorJob, StartedAttempt, TaskExecutor } from "@sealflow/engine";
import type { KubeClient } from "../kube/client.js";
import { isTransient, statusOf } from "../kube/errors.js";
import type { KubeObject, OwnerReference } from "../kube/objects.js";
import { type ArtifactStore, keyOf } from "../stores/store.js";
import { Attempt } from "./attempt.js";
import { Changes } from "./changes.js";
import { describeAttempt, recordedOf } from "./description.js";
import { attemptObjects, type Setting } from "./manifest.js";
import { attemptLabel, managedBy, resultKey, runLabel, runName, taskKey, taskLabel } from "./names.js";
import { readRuntime } from "./runtime.js";

/** Settings of an executor. */
export interface JobsOptions {
  readonly client: KubeClient;
  readonly store: ArtifactStore;
  readonly namespace: string;
  /** Directory with the Python package `sealflow`. */
  readonly pythonSources: string;
  readonly serviceAccount?: string;
  /** For how long finished Jobs stay when the engine does not come back for them, in seconds. Default: a day. */
  readonly keepSeconds?: number;
}

/** An executor over a cluster. Nothing is asked before the first task. */
export class JobsExecutor implements TaskExecutor {
  readonly name = "kubernetes";
  private readonly options: JobsOptions;
  private readonly settings = new Map<string, Promise<Setting>>();
  private readonly changes = new Map<string, Changes>();

  constructor(options: JobsOptions) {
    this.options = options;
  }

  /**
   * @throws SealflowError `CLUSTER_…`: the attempt could not be made; its task fails with that
   */
  async start(job: ExecutorJob): Promise<StartedAttempt> {
    const { client, store, namespace } = this.options;
    const setting = await this.setting(job);
    const where = { client, store, namespace, changes: this.changesOf(job.runId) };
    const earlier = await this.uncollected(job);
    if (earlier !== undefined) return new Attempt(job, earlier, where);
    // An earlier attempt whose Job is gone may have finished all the same.
    if (job.attempt > job.since && (await store.has(resultKey(recordedOf(job)))))
      return new Attempt(job, undefined, where);
    const description = await describeAttempt(job, store);
    const [secret, made] = attemptObjects(job, description, setting);
    await patiently(job.signal, () => createOnce(client, secret));
    const owner = await patiently(job.signal, () => createOnce(client, made));
    await handOver(client, secret, owner);
    return new Attempt(job, made.metadata.name ?? "", where);
  }

  async present(uris: readonly string[]): Promise<boolean> {
    const { store } = this.options;
    for (const uri of uris) {
      const key = keyOf(store, uri);
      if (key !== undefined && !(await store.has(key))) return false;
    }
    return true;
  }

  /** Removes the object that owns the run's Jobs, pods and secrets; they go with it. Artifacts stay. */
  async runEnded(runId: string): Promise<void> {
    const { client, namespace } = this.options;
    const ref = { apiVersion: "v1", kind: "ConfigMap", name: runName(runId), namespace };
    await client.delete(ref).catch(() => false);
    this.settings.delete(runId);
    this.changes.delete(runId);
  }

  private changesOf(runId: string): Changes {
    const { client, namespace } = this.options;
    const known = this.changes.get(runId) ?? new Changes({ client, namespace }, runId);
    this.changes.set(runId, known);
    return known;
  }

  /** The newest Job of the task that no engine has collected: one of a process that died. */
  private async uncollected(job: ExecutorJob): Promise<string | undefined> {
    if (job.attempt === job.since) return undefined;
    const { client, namespace } = this.options;
    const labelSelector = `${runLabel}=${job.runId},${taskLabel}=${taskKey(job.task.path)}`;
    const { items } = await client.list(
      { apiVersion: "batch/v1", kind: "Job" },
      { namespace, labelSelector },
    );
    const number = ({ metadata }: KubeObject) => Number(metadata.labels?.[attemptLabel] ?? 0);
    const open = items.filter(
      (each) => each.metadata.deletionTimestamp === undefined && number(each) >= job.since,
    );
    return open.sort((a, b) => number(b) - number(a))[0]?.metadata.name;
  }

  private setting(job: ExecutorJob): Promise<Setting> {
    const known = this.settings.get(job.runId) ?? this.prepare(job);
    this.settings.set(job.runId, known);
    // The next task tries again.
    known.catch(() => this.settings.delete(job.runId));
    return known;
  }

  /** Makes what the run's attempts share: the runtime, and the object that owns everything else. */
  private async prepare(job: ExecutorJob): Promise<Setting> {
    const { client, namespace, pythonSources, serviceAccount, keepSeconds = 86_400 } = this.options;
    const runtime = readRuntime(pythonSources);
    await createOnce(client, runtime.object(namespace));
    const anchor = {
      apiVersion: "v1",
      kind: "ConfigMap",
      metadata: { name: runName(job.runId), namespace, labels: { ...managedBy, [runLabel]: job.runId } },
      data: { name: job.runName },
    };
    const owner = await createOnce(client, anchor);
    return {
      ...{ namespace, runtime, keepSeconds, owner: ownerOf(owner) },
      ...(serviceAccount === undefined ? {} : { serviceAccount }),
    };
  }
}

function ownerOf({ apiVersion, kind, metadata }: KubeObject): OwnerReference {
  return { apiVersion, kind, name: metadata.name ?? "", uid: metadata.uid ?? "" };
}

/** The object, made now or by an earlier process. */
async function createOnce(client: KubeClient, object: KubeObject): Promise<KubeObject> {
  try {
    return await client.create(object);
  } catch (error) {
    if (statusOf(error) !== 409) throw error;
    const { name = "", namespace = "" } = object.metadata;
    return client.get({ apiVersion: object.apiVersion, kind: object.kind, name, namespace });
  }
}

/** For how long a busy API server is asked again, in milliseconds. */
const PATIENCE_MS = 30_000;

/** Asks again where another time may go better; what was made meanwhile is found again. */
async function patiently<T>(signal: AbortSignal, ask: () => Promise<T>): Promise<T> {
  const end = Date.now() + PATIENCE_MS;
  for (;;) {
    try {
      return await ask();
    } catch (error) {
      if (!isTransient(error) || Date.now() > end || signal.aborted) throw error;
      await sleep(1000);
    }
  }
}

/**
 * Lets a Job own the secret that its pod reads: where no engine comes back, Kubernetes removes both when the Job's time is up.
 * A user who may not change secrets leaves it to the run's end.
 */
async function handOver(client: KubeClient, { metadata }: KubeObject, job: KubeObject): Promise<void> {
  const { name = "", namespace = "" } = metadata;
  const ref = { apiVersion: "v1", kind: "Secret", name, namespace };
  await client.patch(ref, { metadata: { ownerReferences: [ownerOf(job)] } }).catch(() => undefined);
}
