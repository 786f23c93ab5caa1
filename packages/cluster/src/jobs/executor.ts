/**
 * The engine's tasks as Kubernetes Jobs: the engine orders, Kubernetes places. What is made carries the run's labels and
 * belongs to one object of the run, so that it can be found again after a crash and goes with the run.
 */
import type { ExecutorJob, StartedAttempt, TaskExecutor } from "@sealflow/engine";
import type { KubeClient } from "../kube/client.js";
import { statusOf } from "../kube/errors.js";
import type { KubeObject, OwnerReference } from "../kube/objects.js";
import { type ArtifactStore, keyOf } from "../stores/store.js";
import { Attempt } from "./attempt.js";
import { describeAttempt } from "./description.js";
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

  constructor(options: JobsOptions) {
    this.options = options;
  }

  /**
   * @throws SealflowError `CLUSTER_…`: the attempt could not be made; its task fails with that
   */
  async start(job: ExecutorJob): Promise<StartedAttempt> {
    const { client, store, namespace } = this.options;
    const setting = await this.setting(job);
    const where = { client, store, namespace };
    const earlier = await this.uncollected(job);
    if (earlier !== undefined) return new Attempt(job, earlier, where);
    // An earlier attempt whose Job is gone may have finished all the same.
    if (job.attempt > 1 && (await store.has(resultKey(job.runId, job.task.path))))
      return new Attempt(job, undefined, where);
    const description = await describeAttempt(job, store);
    const [secret, made] = attemptObjects(job, description, setting);
    await createOnce(client, secret);
    await createOnce(client, made);
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
  }

  /** The newest Job of the task that no engine has collected: one of a process that died. */
  private async uncollected(job: ExecutorJob): Promise<string | undefined> {
    if (job.attempt === 1) return undefined;
    const { client, namespace } = this.options;
    const labelSelector = `${runLabel}=${job.runId},${taskLabel}=${taskKey(job.task.path)}`;
    const { items } = await client.list(
      { apiVersion: "batch/v1", kind: "Job" },
      { namespace, labelSelector },
    );
    const open = items.filter(({ metadata }) => metadata.deletionTimestamp === undefined);
    const number = ({ metadata }: KubeObject) => Number(metadata.labels?.[attemptLabel] ?? 0);
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
