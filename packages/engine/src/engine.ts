import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { canonicalJson, newUuid, SealflowError } from "@sealflow/core";
import { createInterpretation, type PipelineDocument } from "@sealflow/pipeline";
import type { Engine, EngineOptions, RunListeners, RunOptions } from "./api.js";
import { textDigest } from "./cache/key.js";
import { defaultEnvironmentsDirectory } from "./environments/environment.js";
import { EnvironmentCatalog } from "./environments/service.js";
import { pythonSources } from "./environments/sources.js";
import type { RunEventBody } from "./events.js";
import type { RunSummary } from "./result.js";
import { type DrivenRun, drive, lockRun } from "./run/driver.js";
import { recordedResults, replay } from "./run/replay.js";
import type { EngineServices } from "./run/run-context.js";
import { contextOf, type RunSettings, settingsFromJson, settingsToJson } from "./run/settings.js";
import { SUSPENSION } from "./run/suspension.js";
import { discard } from "./store/artifacts.js";
import { writing } from "./store/disk-errors.js";
import { readStoredDocument, writeStoredDocument } from "./store/document.js";
import { runLayout } from "./store/layout.js";
import { ensureStore } from "./store/store.js";
import { timestamp, viewOf } from "./store/summary.js";
import { WorkerPool } from "./workers/pool.js";

/**
 * An engine over a store. Nothing starts and nothing is written before the first run.
 *
 * @throws RangeError for a concurrency or thread count below 1
 */
export function createEngine(options: EngineOptions): Engine {
  return new LocalEngine(options);
}

function servicesOf(options: EngineOptions): EngineServices {
  const environment = process.env;
  const cores = availableParallelism();
  const { python, uv, concurrency = cores, threads = cores } = options;
  if (!(concurrency >= 1) || !(threads >= 1)) {
    throw new RangeError(`concurrency and threads: expected at least 1, got ${concurrency} and ${threads}`);
  }
  return {
    store: options.store.layout,
    catalog: new EnvironmentCatalog({
      directory: resolve(options.environmentsDirectory ?? defaultEnvironmentsDirectory(environment)),
      environment,
      ...(python === undefined ? {} : { python }),
      ...(uv === undefined ? {} : { uv }),
    }),
    pool: new WorkerPool(() => pythonSources(environment), environment),
    containers: options.containers ?? "auto",
    concurrency,
    threads,
    graceMs: options.graceMs ?? 5000,
    environment,
    fetch: globalThis.fetch,
    now: Date.now,
    sleep: options.sleep ?? ((ms, signal) => wait(ms, undefined, { signal })),
  };
}

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

class LocalEngine implements Engine {
  private readonly options: EngineOptions;
  private readonly services: EngineServices;
  private readonly closing = new AbortController();
  private readonly running = new Set<Promise<unknown>>();

  constructor(options: EngineOptions) {
    this.options = options;
    this.services = servicesOf(options);
  }

  run(document: PipelineDocument, options: RunOptions = {}): Promise<RunSummary> {
    return this.track(options, (listeners) => this.start(document, options, listeners));
  }

  resume(runId: string, listeners: RunListeners = {}): Promise<RunSummary> {
    return this.track(listeners, (tracked) => this.continue(runId, "resume", tracked));
  }

  retry(runId: string, listeners: RunListeners = {}): Promise<RunSummary> {
    return this.track(listeners, (tracked) => this.continue(runId, "retry", tracked));
  }

  async close({ suspend = false }: { readonly suspend?: boolean } = {}): Promise<void> {
    this.closing.abort(suspend ? SUSPENSION : undefined);
    await Promise.allSettled(this.running);
    await this.services.pool.close();
  }

  /** Ends the run with the engine, and lets `close` wait for it. */
  private track(
    listeners: RunListeners,
    start: (listeners: RunListeners) => Promise<RunSummary>,
  ): Promise<RunSummary> {
    const { signal } = this.closing;
    const both = listeners.signal === undefined ? signal : AbortSignal.any([signal, listeners.signal]);
    const run = start({ ...listeners, signal: both });
    this.running.add(run);
    const forget = (): void => void this.running.delete(run);
    run.then(forget, forget);
    return run;
  }

  private async start(
    document: PipelineDocument,
    options: RunOptions,
    listeners: RunListeners,
  ): Promise<RunSummary> {
    const { services } = this;
    const settings = settingsOf(options, services.now());
    const runId = options.runId ?? newUuid({ now: services.now }, random);
    const pipelineName = document.spec.pipelineInfo.name;
    const runName = options.name ?? `${pipelineName} ${settings.createTime}`;
    const parameters = options.parameters ?? {};
    // Parameters that do not fit are refused here, before anything is written.
    const interpretation = createInterpretation(
      document.spec,
      parameters,
      contextOf(runLayout(services.store, runId), { runName, settings, ...document }),
    );
    ensureStore(services.store);
    const lock = await lockRun(services, runId, "started");
    try {
      this.makeRun(runId, document, options.locks ?? {});
      const created: RunEventBody = {
        type: "run-created",
        formatVersion: 1,
        runId,
        runName,
        pipelineName,
        specDigest: textDigest(canonicalJson({ spec: document.spec, platform: document.platform })),
        parameters,
        options: settingsToJson(settings),
      };
      const started: RunEventBody = { type: "run-started", pid: process.pid, resumed: false };
      return await drive(
        services,
        {
          ...{ runId, runName, settings, spec: document.spec, platform: document.platform },
          locks: options.locks ?? {},
          earlier: [],
          opening: [created, started],
          loop: { interpretation, decisions: interpretation.start(), attempts: new Map() },
          since: Date.parse(settings.createTime),
        },
        listeners,
      );
    } finally {
      lock.release();
    }
  }

  private makeRun(runId: string, document: PipelineDocument, locks: Readonly<Record<string, string>>): void {
    const layout = runLayout(this.services.store, runId);
    if (this.options.store.hasRun(runId)) throw existingRun(runId);
    writing(layout.directory, () => {
      // Left by a process that died before anybody was told of its run.
      discard(layout.directory);
      mkdirSync(this.services.store.runs, { recursive: true });
      mkdirSync(layout.directory);
      mkdirSync(layout.logs);
      mkdirSync(layout.work);
      if (usesWorkspace(document)) mkdirSync(layout.workspace);
      if (speaksOf(document, "pipeline_root")) mkdirSync(layout.root);
    });
    writeStoredDocument(this.services.store, layout.document, { document, locks });
  }

  private async continue(
    runId: string,
    mode: "resume" | "retry",
    listeners: RunListeners,
  ): Promise<RunSummary> {
    const { services } = this;
    this.options.store.readEvents(runId);
    const lock = await lockRun(services, runId, mode === "resume" ? "resumed" : "retried");
    try {
      return await drive(services, this.continued(runId, mode), listeners);
    } finally {
      lock.release();
    }
  }

  private continued(runId: string, mode: "resume" | "retry"): DrivenRun {
    const layout = runLayout(this.services.store, runId);
    const earlier = this.options.store.readEvents(runId);
    const view = viewOf(earlier);
    requireOpen(runId, mode, view.end?.state);
    const { creation } = view;
    if (creation === undefined) throw new Error(`run ${runId} has no first event`);
    const { document, locks } = readStoredDocument(layout.document);
    const settings = settingsFromJson(creation.options);
    const context = contextOf(layout, { runName: creation.runName, settings, ...document });
    const interpretation = createInterpretation(document.spec, creation.parameters, context);
    const recorded = recordedResults(earlier);
    const { decisions, dropped } = replay(interpretation, recorded, ({ state }) =>
      mode === "resume" ? state !== "CANCELED" : state === "SUCCEEDED",
    );
    const resumed = { type: "run-started", pid: process.pid, resumed: true } as const;
    writing(layout.directory, () => {
      mkdirSync(layout.logs, { recursive: true });
      discard(layout.work);
      mkdirSync(layout.work);
    });
    return {
      ...{ runId, runName: creation.runName, settings, spec: document.spec, platform: document.platform },
      locks,
      earlier,
      opening: [dropped.length === 0 ? resumed : { ...resumed, dropped }],
      loop: { interpretation, decisions, attempts: recorded.attempts },
      since: mode === "retry" ? this.services.now() : creation.time,
    };
  }
}

/** True for pipelines that configure a workspace or speak of its path. */
function usesWorkspace(document: PipelineDocument): boolean {
  const { platform } = document;
  const configured = platform?.platforms.kubernetes?.pipelineConfig?.workspace !== undefined;
  return configured || speaksOf(document, "workspace_path");
}

function speaksOf({ spec }: PipelineDocument, placeholder: string): boolean {
  return JSON.stringify(spec).includes(`{{$.${placeholder}}}`);
}

function settingsOf(options: RunOptions, now: number): RunSettings {
  return {
    createTime: timestamp(now),
    caching: options.caching ?? true,
    baseDirectory: resolve(options.baseDirectory ?? "."),
    failFast: options.failFast ?? false,
    finalStatusWords: options.finalStatusWords ?? "backend",
    collected: options.collected ?? "nested",
    objects: {
      secrets: absolute(options.secrets),
      configMaps: absolute(options.configMaps),
      volumes: absolute(options.volumes),
    },
  };
}

function absolute(paths: Readonly<Record<string, string>> = {}): Record<string, string> {
  return Object.fromEntries(Object.entries(paths).map(([name, path]) => [name, resolve(path)]));
}

function existingRun(runId: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_RUN_EXISTS",
    message: `run ${runId}: expected a new id, got one that the store knows already`,
  });
}

function requireOpen(runId: string, mode: "resume" | "retry", state: string | undefined): void {
  if (state === undefined || (mode === "retry" && state !== "SUCCEEDED")) return;
  if (mode === "retry") {
    throw new SealflowError({
      code: "ENGINE_RUN_SUCCEEDED",
      message: `run ${runId}: expected a run that failed, was canceled or interrupted, got one that succeeded`,
    });
  }
  throw new SealflowError({
    code: "ENGINE_RUN_FINISHED",
    message: `run ${runId}: expected an interrupted run, got one that ended ${state}`,
    ...(state === "SUCCEEDED"
      ? {}
      : { hint: `Run its failed tasks again with \`sealflow retry ${runId}\`.` }),
  });
}
