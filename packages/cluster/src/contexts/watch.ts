/** A remote run under observation: its events, in order, to its end. */
import { setTimeout as sleep } from "node:timers/promises";
import { isSealflowError, SealflowError } from "@sealflow/core";
import type { RunEvent } from "@sealflow/engine";
import { type LiveMessage, watchRun } from "@sealflow/kfp";
import { KubeflowRun } from "./kubeflow/run.js";
import { ended } from "./kubeflow/told.js";
import type { Session } from "./session.js";

/** Settings of an observation. */
export interface WatchOptions {
  readonly signal: AbortSignal;
  /** Time between two looks where there is no stream, in milliseconds. Default: 2000. */
  readonly pollMs?: number;
}

/** Interruptions in a row after which watching gives up, with growing pauses in between: about a minute. */
const MAX_FAILURES = 8;

/** How long a stream of a run that goes on may stay silent before what came is all that is known by now, in milliseconds. */
const IDLE = 500;

/**
 * Events of a run from its beginning. Interruptions of the network are bridged.
 *
 * @throws SealflowError `KFP_…` when the server refuses, or stays away
 */
export async function* remoteEvents(
  session: Session,
  runId: string,
  options: WatchOptions,
): AsyncGenerator<RunEvent> {
  let after: string | undefined;
  for (let failures = 0; !options.signal.aborted; ) {
    try {
      const resumed = after === undefined ? {} : { after };
      for await (const { id, data } of watchRun(session.client, runId, {
        ...resumed,
        signal: options.signal,
      })) {
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
      if (hasNoStream(error)) return yield* polledEvents(session, runId, options);
      if (isRefusal(error) || failures >= MAX_FAILURES) throw error;
      failures += 1;
    }
    if (failures > MAX_FAILURES) throw lost(runId);
    await pause(failures, options.signal);
  }
}

async function* polledEvents(
  session: Session,
  runId: string,
  { signal, pollMs = 2000 }: WatchOptions,
): AsyncGenerator<RunEvent> {
  const run = new KubeflowRun(session, runId, signal);
  for (let failures = 0; !signal.aborted && !run.done; ) {
    try {
      yield* run.look();
      failures = 0;
    } catch (error) {
      if (isRefusal(error) || failures++ >= MAX_FAILURES) throw error;
    }
    if (!run.done) await sleep(pollMs, undefined, { signal }).catch(() => {});
  }
}

/** A run that the API knows. */
export interface KnownRun {
  readonly run_id: string;
  readonly state: string;
}

/**
 * Events of a run up to now; one that goes on is not waited for.
 *
 * @throws SealflowError `KFP_…`
 */
export async function* eventsSoFar(session: Session, run: KnownRun): AsyncGenerator<RunEvent> {
  const leaving = new AbortController();
  const { signal } = leaving;
  try {
    // An unfinished run has the year 1970 as its end on the official engine: the state tells.
    if (ended.has(run.state)) yield* remoteEvents(session, run.run_id, { signal, pollMs: IDLE });
    else yield* untilIdle(watchRun(session.client, run.run_id, { signal }));
  } catch (error) {
    if (!hasNoStream(error)) throw error;
    const polled = new KubeflowRun(session, run.run_id, signal);
    while (!polled.begun) yield* polled.look();
  } finally {
    leaving.abort();
  }
}

async function* untilIdle(messages: AsyncGenerator<LiveMessage>): AsyncGenerator<RunEvent> {
  for (;;) {
    const message = await Promise.race([messages.next(), sleep(IDLE)]);
    if (message === undefined || message.done === true) return;
    // As above: the engine's own record.
    const event = message.value.data as unknown as RunEvent;
    yield event;
    if (event.type === "run-finished") return;
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
