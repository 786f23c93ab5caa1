/**
 * Tells attempts when something of theirs has changed: two streams for a whole run, so that many tasks don't ask the API
 * server again and again. What they say is only a reason to look.
 */
import { setTimeout as sleep } from "node:timers/promises";
import type { KindRef } from "../kube/client.js";
import type { KubeObject } from "../kube/objects.js";
import type { LogPlace } from "./job-log.js";
import { runLabel } from "./names.js";

/** How long nobody looks without a reason, in milliseconds: a stream may be dead without saying so. */
const QUIET_MS = 10_000;

/** The same where there are no streams: the user may not watch, or the API server is away. */
const BLIND_MS = 1000;

/** Time before streams that ended are opened again, in milliseconds. */
const AGAIN_MS = 5000;

/** Time for which streams stay open when nobody is there, in milliseconds. */
const LINGER_MS = 2000;

const kinds: readonly (KindRef & { readonly job: (object: KubeObject) => string | undefined })[] = [
  { apiVersion: "batch/v1", kind: "Job", job: ({ metadata }) => metadata.name },
  {
    ...{ apiVersion: "v1", kind: "Pod" },
    job: ({ metadata }) => metadata.labels?.["batch.kubernetes.io/job-name"],
  },
];

/** Changes of a run's Jobs and pods. The streams are open while somebody is there. */
export class Changes {
  private readonly place: LogPlace;
  private readonly labelSelector: string;
  private readonly counts = new Map<string, number>();
  private readonly waiting = new Map<string, () => void>();
  private readonly seeing = new Set<KindRef>();
  private present = 0;
  private closing: NodeJS.Timeout | undefined;
  private streams: AbortController | undefined;

  constructor(place: LogPlace, runId: string) {
    this.place = place;
    this.labelSelector = `${runLabel}=${runId}`;
  }

  enter(): void {
    this.present += 1;
    clearTimeout(this.closing);
    if (this.streams !== undefined) return;
    this.streams = new AbortController();
    for (const kind of kinds) void this.stream(kind, this.streams.signal);
  }

  /** The next task often comes at once: the streams stay open for a moment. */
  leave(): void {
    this.present -= 1;
    if (this.present > 0) return;
    this.closing = setTimeout(() => {
      this.streams?.abort();
      this.streams = undefined;
    }, LINGER_MS).unref();
  }

  /** How many changes of a Job were seen. */
  count(job: string): number {
    return this.counts.get(job) ?? 0;
  }

  /** Waits until more changes of a Job were seen than that, or it is time to look all the same. */
  async after(job: string, count: number): Promise<void> {
    if (this.count(job) > count) return;
    const ms = this.seeing.size < kinds.length ? BLIND_MS : QUIET_MS;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve, ms);
      this.waiting.set(job, () => {
        clearTimeout(timer);
        resolve();
      });
    });
    this.waiting.delete(job);
  }

  /** Ends the waiting for a Job. */
  wake(job: string): void {
    this.counts.set(job, this.count(job) + 1);
    this.waiting.get(job)?.();
  }

  private async stream(kind: (typeof kinds)[number], signal: AbortSignal): Promise<void> {
    const { client, namespace } = this.place;
    const selection = { namespace, labelSelector: this.labelSelector, signal };
    while (!signal.aborted) {
      try {
        for await (const { object } of client.watch(kind, selection)) {
          this.seeing.add(kind);
          const job = kind.job(object);
          if (job !== undefined) this.wake(job);
        }
      } catch {
        // Whoever waits looks more often meanwhile.
      }
      this.seeing.delete(kind);
      await sleep(AGAIN_MS, undefined, { signal, ref: false }).catch(() => {});
    }
  }
}
