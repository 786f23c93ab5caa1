/** An attempt that has no running container yet: what it waits for, and whether that is worth it. */
import { SealflowError } from "@sealflow/core";
import type { ExecutorJob } from "@sealflow/engine";
import { reasonOfPod } from "../install/status.js";
import type { KubeObject } from "../kube/objects.js";
import type { LogPlace } from "./job-log.js";
import { hasStarted } from "./pod-state.js";

/** Reasons of a waiting container that no time mends. Source: kubelet, pkg/kubelet/images and container. */
const hopeless =
  /^(InvalidImageName|ErrImageNeverPull|CreateContainerConfigError|CreateContainerError|RunContainerError)\b/;

/** Time for which an image that can't be pulled is tried again, in milliseconds. */
const PULL_PATIENCE_MS = 120_000;

/** Time after which the user is told what an attempt waits for, in milliseconds: nodes that are added take longer. */
const SILENCE_MS = 15_000;

/** Watches over the beginning of one attempt. */
export class Waiting {
  private readonly job: ExecutorJob;
  private readonly place: LogPlace;
  private readonly begin = Date.now();
  private pullFailing: number | undefined;
  /** Nothing is to be said any more: it was, or a pod has run. */
  private quiet = false;

  constructor(job: ExecutorJob, place: LogPlace) {
    this.job = job;
    this.place = place;
  }

  /**
   * Looks at what there is of the attempt: its Job's name, and its pod if Kubernetes has made one.
   *
   * @throws SealflowError `CLUSTER_POD_UNSTARTABLE` where it would wait for ever
   */
  async look(name: string, pod: KubeObject | undefined): Promise<void> {
    if (pod !== undefined && hasStarted(pod)) {
      this.quiet = true;
      return;
    }
    const reason = pod === undefined ? undefined : reasonOfPod(pod);
    this.checkHope(reason ?? "");
    if (this.quiet || Date.now() - this.begin < SILENCE_MS) return;
    const why = reason ?? (pod === undefined ? await this.warning(name) : undefined);
    if (why === undefined) return;
    this.quiet = true;
    this.job.notice("CLUSTER_TASK_WAITS", `${this.job.task.displayName} waits: ${why}`);
  }

  private checkHope(reason: string): void {
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

  /** Why a Job gets no pod: a quota, an admission webhook. Those who may not read events are not told. */
  private async warning(name: string): Promise<string | undefined> {
    const { client, namespace } = this.place;
    const fieldSelector = `involvedObject.kind=Job,involvedObject.name=${name},reason=FailedCreate`;
    const events = client.list({ apiVersion: "v1", kind: "Event" }, { namespace, fieldSelector });
    const { items } = await events.catch(() => ({ items: [] as KubeObject[] }));
    const { message } = (items.at(-1) ?? {}) as { readonly message?: unknown };
    return typeof message === "string" ? message : undefined;
  }
}
