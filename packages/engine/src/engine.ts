import { mkdirSync } from "node:fs";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { setTimeout as wait } from "node:timers/promises";
import { canonicalJson, type JsonObject, newUuid, SealflowError } from "@sealflow/core";
import { createInterpretation, locksOf, type PipelineDocument, type RunContext } from "@sealflow/pipeline";
import type { Engine, EngineOptions, RunListeners, RunOptions } from "./api.js";
import { textDigest } from "./cache/key.js";
import { defaultEnvironmentsDirectory } from "./environments/environment.js";
import { EnvironmentCatalog } from "./environments/service.js";
import { pythonSources } from "./environments/sources.js";
import type { RunEventBody } from "./events.js";
import type { RunSummary } from "./result.js";
import { type DrivenRun, drive, lockRun } from "./run/driver.js";
import { recordedResults, replay, settledWith } from "./run/replay.js";
import type { EngineServices } from "./run/run-context.js";
import { contextOf, type RunSettings, settingsFromJson, settingsToJson } from "./run/settings.js";
import { SUSPENSION } from "./run/suspension.js";
import { runtimeDigest } from "./sealed/component.js";
import type { SealedProject } from "./sealed/project.js";
import type { SessionRequest } from "./sealed/session.js";
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
    pool: options.headStart?.pool ?? new WorkerPool(() => pythonSources(environment), environment),
    containers: options.containers ?? "auto",
    ...(options.executor === undefined ? {} : { executor: options.executor }),
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
  private project: Promise<SealedProject> | undefined;

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
    const project = await this.project?.catch(() => undefined);
    await project?.close();
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
    const project = options.sealed === undefined ? undefined : await this.sealedProject();
    const open = settingsOf(options, services.now());
    const offered = project === undefined ? undefined : (await project.broker.openRun()).runId;
    const runId = offered ?? options.runId ?? newUuid({ now: services.now }, random);
    const pipelineName = document.spec.pipelineInfo.name;
    const runName = options.name ?? `${pipelineName} ${open.createTime}`;
    const parameters = options.parameters ?? {};
    // Parameters that do not fit are refused here, before anything is written.
    const context = contextOf(runLayout(services.store, runId), { runName, settings: open, ...document });
    const interpretation = createInterpretation(document.spec, parameters, context);
    ensureStore(services.store);
    const lock = await lockRun(services, runId, "started");
    try {
      const sealed =
        project === undefined || options.sealed === undefined
          ? undefined
          : await (await sessions()).register(
              project,
              this.sessionRequest({ document, context, parameters, runName, settings: open }),
              { ...options.sealed, reuse: open.caching },
            );
      const settings = sealed === undefined ? open : { ...open, sealed: { inputs: sealed.inputs } };
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
          ...{ parameters, context },
          locks: { ...locksOf(document), ...options.locks },
          earlier: [],
          opening: [created, started],
          loop: {
            interpretation,
            decisions: interpretation.start(),
            attempts: new Map(),
            settled: new Map(),
          },
          since: Date.parse(settings.createTime),
          ...(sealed === undefined ? {} : { sealed }),
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
      return await drive(services, await this.continued(runId, mode), listeners);
    } finally {
      lock.release();
    }
  }

  private async continued(runId: string, mode: "resume" | "retry"): Promise<DrivenRun> {
    const layout = runLayout(this.services.store, runId);
    const earlier = this.options.store.readEvents(runId);
    const view = viewOf(earlier);
    requireOpen(runId, mode, view.end?.state);
    const { creation } = view;
    if (creation === undefined) throw new Error(`run ${runId} has no first event`);
    const { document, locks: besides } = readStoredDocument(layout.document);
    const locks = { ...locksOf(document), ...besides };
    const settings = settingsFromJson(creation.options);
    const { runName, parameters } = creation;
    const context = contextOf(layout, { runName, settings, ...document });
    if (settings.sealed !== undefined && mode === "retry") requireUnfinished(runId, view.end?.state);
    const sealed =
      settings.sealed === undefined
        ? undefined
        : await (await sessions()).rejoin(
            await this.sealedProject(runId),
            this.sessionRequest({ document, context, parameters, runName, settings }),
            settings.sealed.inputs,
          );
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
      ...{ parameters, context, locks, earlier },
      opening: [dropped.length === 0 ? resumed : { ...resumed, dropped }],
      loop: {
        ...{ interpretation, decisions, attempts: recorded.attempts },
        settled: settledWith(recorded, dropped),
      },
      since: mode === "retry" ? this.services.now() : creation.time,
      ...(sealed === undefined ? {} : { sealed }),
    };
  }

  private sessionRequest(of: {
    readonly document: PipelineDocument;
    readonly context: RunContext;
    readonly parameters: JsonObject;
    readonly runName: string;
    readonly settings: RunSettings;
  }): SessionRequest {
    const { catalog, environment } = this.services;
    const { createTime, baseDirectory } = of.settings;
    return {
      document: of.document,
      context: { ...of.context, runName: of.runName, createTime },
      parameters: of.parameters,
      directory: baseDirectory,
      digestOf: (needs) => catalog.digest(needs),
      runtime: runtimeDigest(pythonSources(environment)),
    };
  }

  /** @throws SealflowError `ENGINE_SEALED_KEYS`, and what opening it throws */
  private sealedProject(runId?: string): Promise<SealedProject> {
    const { sealing } = this.options;
    if (sealing === undefined) throw withoutKeys(runId);
    this.project ??= sealing();
    return this.project;
  }
}

/** Sealed runs load broker, evidence and cryptography; others are spared them, which is a third of what starting takes. */
function sessions(): Promise<typeof import("./sealed/session.js")> {
  return import("./sealed/session.js");
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

function withoutKeys(runId: string | undefined): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_KEYS",
    message: `${runId === undefined ? "run" : `run ${runId}`}: expected the project's key for a sealed run, got none`,
    hint: "sealed runs are started and continued by `sealflow run --sealed`, `resume` and `retry`",
  });
}

/** The broker has proven its failure: nothing makes it due again. */
function requireUnfinished(runId: string, state: string | undefined): void {
  if (state === undefined || state === "CANCELED") return;
  throw new SealflowError({
    code: "ENGINE_SEALED_RETRY",
    message: `run ${runId}: expected a run without a proven end, got a sealed one that ended ${state}`,
    hint: "what a sealed run has committed or failed stands: start a new run; finished tasks are reused",
  });
}
