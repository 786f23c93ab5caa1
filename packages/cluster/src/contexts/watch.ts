/** A remote run under observation: its events, in order, to its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { isSealflowError, SealflowError } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import { type ClientOptions, KfpClient, watchRun } from "@sealflow/kfp";
import { StateTeller } from "./told-by-states.js";

/** Settings of an observation. */
export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Time between two looks where there is no stream, in milliseconds. Default: 2000. */
  readonly pollMs?: number;
}

/** Interruptions in a row after which watching gives up, with growing pauses in between: about a minute. */
const MAX_FAILURES = 8;

/**
 * Events of a run from its beginning. Interruptions of the network are bridged.
 *
 * @throws SealflowError `KFP_…` when the server refuses, or stays away
 */
export async function* remoteEvents(
  client: ClientOptions,
  runId: string,
  options: WatchOptions,
): AsyncGenerator<RunEvent> {
  let after: string | undefined;
  for (let failures = 0; !options.signal.aborted; ) {
    try {
      const resumed = after === undefined ? {} : { after };
      for await (const { id, data } of watchRun(client, runId, { ...resumed, signal: options.signal })) {
        after = id;
        failures = 0;
        // The border where the server's event becomes typed: it is the engine's own record.
        const event = data as unknown as RunEvent;
        yield event;
        if (event.type === "run-finished") return;
      }
      failures += 1;
    } catch (error) {
      if (options.signal.aborted) return;
      if (hasNoStream(error)) return yield* polledEvents(client, runId, options);
      if (isRefusal(error) || failures >= MAX_FAILURES) throw error;
      failures += 1;
    }
    if (failures > MAX_FAILURES) throw lost(runId);
    await pause(failures, options.signal);
  }
}

async function* polledEvents(
  client: ClientOptions,
  runId: string,
  { signal, pollMs = 2000 }: WatchOptions,
): AsyncGenerator<RunEvent> {
  const api = new KfpClient(client);
  const teller = new StateTeller();
  for (let failures = 0; !signal.aborted && !teller.done; ) {
    try {
      yield* teller.look(await api.getRun(runId));
      failures = 0;
    } catch (error) {
      if (isRefusal(error) || failures++ >= MAX_FAILURES) throw error;
    }
    if (!teller.done) await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

async function pause(failures: number, signal: AbortSignal): Promise<void> {
  if (failures > 0) await sleep(Math.min(200 * 2 ** failures, 15_000), undefined, { signal }).catch(() => {});
}

function statusIn(error: unknown): number | undefined {
  const status = isSealflowError(error) ? error.data?.status : undefined;
  return typeof status === "number" ? status : undefined;
}

/** Kubeflow Pipelines knows no such route; its page in front answers anything. */
function hasNoStream(error: unknown): boolean {
  if (isSealflowError(error) && error.code === "KFP_ANSWER_INVALID") return true;
  const status = isSealflowError(error) && error.data?.reason === undefined ? statusIn(error) : undefined;
  return status === 404 || status === 405 || status === 501;
}

function isRefusal(error: unknown): boolean {
  const status = statusIn(error);
  return status !== undefined && status < 500 && status !== 429 && status !== 408;
}

function lost(runId: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_WATCH_LOST",
    message: `run ${runId}: expected its events to go on, got the end of the stream again and again`,
    hint: "The run itself goes on. Look at it with `sealflow runs show` and the same --on.",
  });
}
