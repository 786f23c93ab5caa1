/** Taking a run in hand: its lock, its journal, its cancellation, and putting all of it away again. */
import { existsSync, rmSync } from "node:fs";
import type { JsonObject } from "@sealflow/core";
import {
  completeContext,
  type PipelineSpec,
  type PlatformSpec,
  type RunContext,
  type RunOutcome,
} from "@sealflow/pipeline";
import type { RunListeners } from "../api.js";
import { RunEnvironments } from "../environments/service.js";
import type { RunEvent, RunEventBody } from "../events.js";
import { LogTails } from "../executors/log-tail.js";
import { ignoredSettings } from "../platform/ignored.js";
import type { RunSummary } from "../result.js";
import { eventMarker, shownRunOutputs } from "../sealed/hidden.js";
import type { SealedSession } from "../sealed/session.js";
import { discard } from "../store/artifacts.js";
import { GC_LOCK } from "../store/collection.js";
import { type JournalWriter, openJournal } from "../store/journal.js";
import { type RunLayout, runLayout } from "../store/layout.js";
import { type HeldLock, takeLock, waitForLocks } from "../store/locks.js";
import { busyRun, runLockName, writeHeader } from "../store/store.js";
import { RunView } from "../store/summary.js";
import { callAt, deadlinePassed, runDeadlineMs } from "./deadline.js";
import { type LoopStart, RunLoop } from "./loop.js";
import type { EngineServices, RunInProgress } from "./run-context.js";
import { ScratchSpace } from "./scratch.js";
import { contextOf, type RunSettings } from "./settings.js";
import { Slots } from "./slots.js";
import { isSuspended, SUSPENSION, suspendedRun } from "./suspension.js";

/** How often a request for cancellation from another process is looked for. */
const CANCEL_POLL_MS = 200;

/** A run that is about to be driven. */
export interface DrivenRun {
  readonly runId: string;
  readonly runName: string;
  readonly settings: RunSettings;
  readonly spec: PipelineSpec;
  readonly platform: PlatformSpec | undefined;
  readonly parameters: JsonObject;
  readonly context: RunContext;
  readonly locks: Readonly<Record<string, string>>;
  /** Events of earlier processes. */
  readonly earlier: readonly RunEvent[];
  /** What to tell before the loop starts. */
  readonly opening: readonly RunEventBody[];
  readonly loop: LoopStart;
  /** When the time that the run may take began, in milliseconds since the epoch: its creation, or a retry. */
  readonly since: number;
  /** Set for sealed runs. */
  readonly sealed?: SealedSession;
}

/**
 * Takes the run's lock.
 *
 * @throws SealflowError `ENGINE_RUN_BUSY`, `ENGINE_STORE_…`
 */
export async function lockRun(services: EngineServices, runId: string, what: string): Promise<HeldLock> {
  const { store } = services;
  const attempt = await takeLock(store.locks, runLockName(runId));
  if (attempt.held === undefined) throw busyRun(runId, what, attempt.holder.pid);
  // Announced first, so that a collection that starts now sees this run; one that goes on is waited for.
  await waitForLocks(store.locks, (name) => name === GC_LOCK);
  return attempt.held;
}

/** Drives a locked run to its end and says how it ended. */
export async function drive(
  services: EngineServices,
  driven: DrivenRun,
  listeners: RunListeners,
): Promise<RunSummary> {
  const layout = runLayout(services.store, driven.runId);
  const view = new RunView();
  for (const event of driven.earlier) view.add(event);
  const events = [...driven.earlier];
  const journal = openJournal(layout.journal, {
    now: services.now,
    onEvent: (event) => {
      view.add(event);
      if (driven.sealed !== undefined) events.push(event);
      listeners.onEvent?.(event);
    },
  });
  rmSync(layout.cancel, { force: true });
  rmSync(layout.header, { force: true });
  const abort = new AbortController();
  try {
    for (const event of driven.opening) journal.append(event);
    const run = inProgress({ services, driven, layout, journal, listeners, events, signal: abort.signal });
    const ignored = services.executor === undefined ? ignoredSettings(driven) : undefined;
    if (ignored !== undefined) run.notice("ENGINE_PLATFORM_IGNORED", ignored);
    const outcome = await loopToEnd({ run, driven, journal, listeners, abort });
    if (outcome.state === "CANCELED" && isSuspended(listeners.signal)) {
      await journal.flush();
      throw suspendedRun(driven.runId);
    }
    await journal.flush();
    if (driven.sealed !== undefined) {
      const { keepBundle } = await import("../sealed/bundle.js");
      const problem = await keepBundle(driven.sealed.project, driven.runId, layout.bundle);
      if (problem !== undefined) run.notice("ENGINE_SEALED_BUNDLE", problem);
    }
    journal.append(ending(driven.sealed === undefined ? outcome : unsealed(outcome, driven, events)));
    await journal.flush();
    await services.executor?.runEnded(driven.runId);
  } finally {
    abort.abort();
    await journal.close().catch(() => {});
  }
  writeHeader(services.store, driven.runId, view.details(false));
  discard(layout.work);
  return view.summary();
}

/** The outcome of a sealed run as it may be shown. */
function unsealed(outcome: RunOutcome, driven: DrivenRun, events: readonly RunEvent[]): RunOutcome {
  const { spec, parameters } = driven;
  const parts = { spec, parameters, context: driven.context };
  const shown = shownRunOutputs(outcome.outputs.parameters, parts, events);
  return { ...outcome, outputs: { ...outcome.outputs, parameters: shown } };
}

function ending({ state, outputs, error }: RunOutcome): RunEventBody {
  const { parameters, artifacts } = outputs;
  const ended = { type: "run-finished", state, outputs: parameters, artifacts } as const;
  return error === undefined ? ended : { ...ended, error };
}

interface Setup {
  readonly services: EngineServices;
  readonly driven: DrivenRun;
  readonly layout: RunLayout;
  readonly journal: JournalWriter;
  readonly listeners: RunListeners;
  /** What has been told so far. */
  readonly events: readonly RunEvent[];
  readonly signal: AbortSignal;
}

function inProgress({ services, driven, layout, journal, listeners, events, signal }: Setup): RunInProgress {
  const marked = driven.sealed === undefined ? undefined : eventMarker(driven, events);
  const tell = (event: RunEventBody, after?: Promise<void>): void =>
    journal.append(marked?.(event) ?? event, after);
  const said = new Set<string>();
  const notice = (code: string, message: string): void => {
    if (said.has(message)) return;
    said.add(message);
    tell({ type: "notice", code, message });
  };
  return {
    services,
    layout,
    context: completeContext(driven.spec, contextOf(layout, driven)),
    settings: driven.settings,
    spec: driven.spec,
    platform: driven.platform,
    locks: driven.locks,
    environments: new RunEnvironments(services.catalog, {
      locks: driven.locks,
      tell,
      notice,
      signal,
    }),
    scratch: new ScratchSpace(layout.work),
    slots: new Slots(services.concurrency),
    ...(driven.sealed === undefined ? {} : { sealed: driven.sealed }),
    tails: new LogTails(listeners.onLog),
    signal,
    tell,
    notice,
  };
}

interface Looping {
  readonly run: RunInProgress;
  readonly driven: DrivenRun;
  readonly journal: JournalWriter;
  readonly listeners: RunListeners;
  readonly abort: AbortController;
}

/** The loop, with everything that may stop it from outside. */
async function loopToEnd({ run, driven, journal, listeners, abort }: Looping): Promise<RunOutcome> {
  const loop = new RunLoop(run, driven.loop);
  const cancel = (): void => {
    if (abort.signal.aborted) return;
    const suspended = isSuspended(listeners.signal);
    abort.abort(suspended ? SUSPENSION : undefined);
    if (suspended) loop.suspend();
    else loop.cancel();
  };
  const poll = setInterval(() => existsSync(run.layout.cancel) && cancel(), CANCEL_POLL_MS);
  const ending = loop.toEnd();
  const disarm = limitTime({ run, driven, loop, abort });
  listeners.signal?.addEventListener("abort", cancel, { once: true });
  if (listeners.signal?.aborted) cancel();
  try {
    return await Promise.race([ending, journal.broken]);
  } finally {
    clearInterval(poll);
    disarm();
    // When the disk gave out, tasks are still going on: they end before the run's lock is given back.
    abort.abort();
    await loop.idle();
    listeners.signal?.removeEventListener("abort", cancel);
  }
}

/** Ends the run when its own deadline passes; gives what takes the deadline back. */
function limitTime({
  run,
  driven,
  loop,
  abort,
}: Pick<Looping, "run" | "driven" | "abort"> & { loop: RunLoop }): () => void {
  const deadlineMs = runDeadlineMs(driven.platform);
  if (deadlineMs === undefined) return () => {};
  return callAt(driven.since + deadlineMs, run.services.now, () => {
    if (abort.signal.aborted) return;
    abort.abort();
    loop.expire(deadlinePassed(deadlineMs));
  });
}
