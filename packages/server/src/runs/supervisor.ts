/** Runs that this server has in hand: queued, running, ending. Their records are the engine's; this keeps their labels true. */
import { type Clock, type ErrorBody, isSealflowError, type JsonObject, type Logger } from "@sealflow/core";
import type { Engine, RunEvent, Store } from "@sealflow/engine";
import type { RuntimeState } from "@sealflow/kfp";
import { invalid, statusOf } from "../http/problem.js";
import type { Entity, EntityStore } from "../store/entities.js";
import { parsePipelineBody } from "./document.js";

/** States that no event will change, unless somebody asks for a retry. */
export const endedStates: readonly RuntimeState[] = ["SUCCEEDED", "FAILED", "CANCELED", "SKIPPED"];

/** States of runs that something still happens to. */
export const activeStates: readonly RuntimeState[] = ["PENDING", "RUNNING", "CANCELING"];

/** How a supervisor is set up. */
export interface SupervisorOptions {
  readonly engine: Engine;
  readonly store: Store;
  readonly entities: EntityStore;
  readonly clock: Clock;
  readonly log: Logger;
  /** Runs that go on at once. At least 1. */
  readonly concurrentRuns: number;
  /** Runs that wait. More are refused. */
  readonly queuedRuns: number;
  /** Directory that relative importer paths start from. */
  readonly baseDirectory: string;
  /** Hears of every event of a run, after its label was changed. */
  readonly onEvent: (runId: string, event: RunEvent) => void;
  /** Hears when a run's label changed: its state, its ending. */
  readonly onChange: (runId: string) => void;
}

type Mode = "start" | "resume" | "retry";

interface Active {
  readonly abort: AbortController;
  readonly ended: Promise<void>;
}

/** Starts runs as there is room, in the order in which they came. */
export class RunSupervisor {
  private readonly options: SupervisorOptions;
  private readonly queue = new Map<string, Mode>();
  private readonly active = new Map<string, Active>();
  private stopping = false;

  constructor(options: SupervisorOptions) {
    this.options = options;
  }

  /** @throws SealflowError `SERVER_QUEUE_FULL`, `SERVER_STOPPING` */
  requireRoom(): void {
    if (this.stopping) throw invalid("SERVER_STOPPING", "server: it is stopping and takes no further runs");
    const { queuedRuns } = this.options;
    if (this.queue.size < queuedRuns) return;
    throw invalid("SERVER_QUEUE_FULL", `runs: expected at most ${queuedRuns} waiting ones, got one more`);
  }

  /** Takes a run whose label says PENDING. */
  submit(runId: string, mode: Mode = "start"): void {
    this.queue.set(runId, mode);
    this.pump();
  }

  /** True for runs that this server has in hand. */
  owns(runId: string): boolean {
    return this.queue.has(runId) || this.active.has(runId);
  }

  /**
   * Ends a run. Returns when that is asked for, not when it has ended.
   *
   * @throws SealflowError `SERVER_RUN_ENDED`, `ENGINE_RUN_NOT_RUNNING`
   */
  terminate(run: Entity): void {
    if (endedStates.includes(run.state as RuntimeState)) {
      throw invalid(
        "SERVER_RUN_ENDED",
        `run ${run.id}: expected one that has not ended, got one that is ${run.state}`,
      );
    }
    const active = this.active.get(run.id);
    if (active !== undefined) {
      this.setState(run.id, "CANCELING");
      active.abort.abort();
    } else if (this.queue.delete(run.id)) this.setState(run.id, "CANCELED");
    else {
      this.options.store.requestCancel(run.id);
      this.setState(run.id, "CANCELING");
    }
  }

  /** Ends a run, if it has not ended, and waits for that. */
  async settle(runId: string): Promise<void> {
    if (this.queue.delete(runId)) this.setState(runId, "CANCELED");
    const active = this.active.get(runId);
    active?.abort.abort();
    await active?.ended;
  }

  /**
   * Runs what failed or was canceled again; continues what was interrupted; starts what was canceled while it waited.
   *
   * @throws SealflowError `SERVER_RUN_ACTIVE`, `SERVER_RUN_ENDED`, `SERVER_QUEUE_FULL`
   */
  async retry(run: Entity): Promise<void> {
    // A run whose end was told a moment ago is still being put away.
    if (endedStates.includes(run.state as RuntimeState)) await this.active.get(run.id)?.ended;
    if (this.owns(run.id) || activeStates.includes(run.state as RuntimeState)) {
      throw invalid(
        "SERVER_RUN_ACTIVE",
        `run ${run.id}: expected one that has ended, got one that is ${run.state}`,
      );
    }
    if (run.state === "SUCCEEDED" || run.state === "SKIPPED") {
      throw invalid(
        "SERVER_RUN_ENDED",
        `run ${run.id}: expected one that failed or was canceled, got ${run.state}`,
      );
    }
    this.requireRoom();
    const { entities } = this.options;
    entities.change("run", run.id, { body: { ...run.body, owned: true } });
    this.setState(run.id, "PENDING");
    this.submit(run.id, this.options.store.hasRun(run.id) ? "retry" : "start");
  }

  /** Takes up what an earlier process of this server left: queued runs and running ones. */
  recover(): void {
    for (const run of this.options.entities.all("run", { state: activeStates })) {
      if (run.body.owned === true && !this.owns(run.id)) this.takeUp(run);
    }
  }

  private takeUp(run: Entity): void {
    const { store } = this.options;
    // Whoever asked for the end of a run gets it, also when the server ended first.
    if (run.state === "CANCELING" && !store.isRunning(run.id)) this.setState(run.id, "CANCELED");
    else if (!store.hasRun(run.id)) this.submit(run.id, "start");
    else if (!store.isRunning(run.id)) {
      const { state } = store.getRun(run.id);
      if (state === "INTERRUPTED") this.submit(run.id, "resume");
      else if (state !== "SUCCEEDED" && run.state === "PENDING") this.submit(run.id, "retry");
    }
  }

  /** Takes no further runs. Those in hand stay as they are in the record, for the next start. */
  stop(): void {
    this.stopping = true;
    this.queue.clear();
  }

  /** Waits until no run is in hand. */
  async idle(): Promise<void> {
    await Promise.all([...this.active.values()].map(({ ended }) => ended));
  }

  private pump(): void {
    for (const [runId, mode] of this.queue) {
      if (this.stopping || this.active.size >= this.options.concurrentRuns) return;
      this.queue.delete(runId);
      const abort = new AbortController();
      const ended = this.drive(runId, mode, abort.signal).finally(() => {
        this.active.delete(runId);
        this.options.onChange(runId);
        this.pump();
      });
      this.active.set(runId, { abort, ended });
    }
  }

  private async drive(runId: string, mode: Mode, signal: AbortSignal): Promise<void> {
    const { engine, log } = this.options;
    const listeners = { signal, onEvent: (event: RunEvent) => this.hear(runId, event) };
    try {
      if (mode === "start") await this.start(runId, listeners);
      else if (mode === "resume") await engine.resume(runId, listeners);
      else await engine.retry(runId, listeners);
    } catch (error) {
      if (this.stopping) return;
      const body = isSealflowError(error)
        ? error.toJSON()
        : { code: "SERVER_INTERNAL", message: String(error) };
      log.log("error", `run ${runId}: ${body.message}`, { code: body.code });
      this.setState(runId, "FAILED", body);
    }
  }

  private async start(
    runId: string,
    listeners: { signal: AbortSignal; onEvent: (event: RunEvent) => void },
  ): Promise<void> {
    const { entities, engine, baseDirectory } = this.options;
    const run = entities.get("run", runId);
    const document = run?.document == null ? undefined : entities.document(run.document);
    if (run === undefined || document === undefined) return;
    const config = run.body.runtime_config as { parameters?: JsonObject } | undefined;
    await engine.run(parsePipelineBody(document), {
      ...listeners,
      runId,
      name: run.displayName,
      parameters: config?.parameters ?? {},
      baseDirectory,
    });
  }

  private hear(runId: string, event: RunEvent): void {
    if (event.type === "run-started") this.setState(runId, "RUNNING");
    else if (event.type === "run-canceling") this.setState(runId, "CANCELING");
    else if (event.type === "run-finished") this.setState(runId, event.state, event.error, event.time);
    this.options.onEvent(runId, event);
  }

  private setState(runId: string, state: RuntimeState, error?: ErrorBody, time?: number): void {
    const { entities, clock, onChange } = this.options;
    const run = entities.get("run", runId);
    if (run === undefined || (run.state === state && state !== "FAILED")) return;
    entities.change(
      "run",
      runId,
      stateChange(run, { state, time: time ?? clock.now(), ...(error && { error }) }),
    );
    onChange(runId);
  }
}

/** The change of a run's label when its state changes. */
export function stateChange(
  run: Entity,
  to: { state: RuntimeState; time: number; error?: ErrorBody },
): Pick<Entity, "state" | "endedAt" | "body"> {
  const { error: _, ...body } = run.body;
  const status = to.error === undefined ? undefined : ({ ...statusOf(to.error) } as unknown as JsonObject);
  const history = Array.isArray(body.state_history) ? body.state_history : [];
  const entry = { update_time: new Date(to.time).toISOString(), state: to.state };
  return {
    state: to.state,
    endedAt: endedStates.includes(to.state) ? to.time : null,
    body: {
      ...body,
      state_history: [...history.slice(-49), status === undefined ? entry : { ...entry, error: status }],
      ...(status === undefined ? {} : { error: status }),
    },
  };
}
