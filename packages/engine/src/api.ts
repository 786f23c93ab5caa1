/** The engine as its callers see it: options, runs, results. */
import type { JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { TaskExecutor } from "./elsewhere.js";
import type { LogChunk, RunEvent } from "./events.js";
import type { RunSummary } from "./result.js";
import type { SealedProject } from "./sealed/project.js";
import type { SealedSettings } from "./sealed/session.js";
import type { Store } from "./store/store.js";
import type { HeadStart } from "./workers/head-start.js";

/** How an engine is set up; everything but the store has a default. */
export interface EngineOptions {
  readonly store: Store;
  /** Python interpreter that environments are made from. Default: `SEALFLOW_PYTHON`, else the first Python ≥ 3.11 on PATH. */
  readonly python?: string;
  /** The `uv` executable; `false` for venv and pip. Default: `SEALFLOW_UV`, else `uv` on PATH when it is there. */
  readonly uv?: string | false;
  /** Tasks that run at once. Default: the number of processors available to this process. At least 1. */
  readonly concurrency?: number;
  /** Threads that all running tasks share. Default: the number of processors. */
  readonly threads?: number;
  /** Where Python environments are kept. Default: `SEALFLOW_ENV_DIR`, else `sealflow/envs` in the user's cache directory. */
  readonly environmentsDirectory?: string;
  /**
   * What runs components that are neither Python nor importers. `auto`: podman or docker where one answers, else
   * refuse. `host`: as a plain process on this machine, without any isolation. Default: `auto`.
   */
  readonly containers?: ContainerMode;
  /** Runs the attempts of tasks elsewhere, for example as Jobs of a cluster. Default: on this machine. */
  readonly executor?: TaskExecutor;
  /** Time between the request to end a task and its killing, in milliseconds. Default: 5000. */
  readonly graceMs?: number;
  /**
   * Opens the project for sealed runs: called by the first run that is sealed, or goes on sealed. The engine closes what it
   * gets. Without it such runs are refused with `ENGINE_SEALED_KEYS`.
   */
  readonly sealing?: () => Promise<SealedProject>;
  /** Workers that were started ahead; the engine takes them over. They are of the default environments directory. */
  readonly headStart?: HeadStart;
  /** Waits before a retry. Default: real time. For tests. */
  readonly sleep?: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** What runs container components. */
export type ContainerMode = "auto" | "podman" | "docker" | "host" | "refuse";

/** What the caller hears while a run goes on. */
export interface RunListeners {
  /** Called in order, each event once, and only when it is durable on disk. */
  readonly onEvent?: (event: RunEvent) => void;
  /** Live output of tasks. */
  readonly onLog?: (chunk: LogChunk) => void;
  /** Aborting cancels the run: tasks are ended, the run's state becomes CANCELED and the promise resolves. */
  readonly signal?: AbortSignal;
}

/** One run's settings. */
export interface RunOptions extends RunListeners {
  /** Run parameters, by name. */
  readonly parameters?: JsonObject;
  /** Display name. Default: the pipeline's name and the creation time. */
  readonly name?: string;
  /** Id of the run, for callers that must know it before. Default: a new UUID (version 7). */
  readonly runId?: string;
  /** False reads and writes no cache. Default: true. */
  readonly caching?: boolean;
  /** Directory that relative importer paths start from. Default: the current directory. */
  readonly baseDirectory?: string;
  /**
   * Texts of hash-locked requirement files, by `sha256:…` of the text, for components that name a lock which the document
   * does not carry.
   */
  readonly locks?: Readonly<Record<string, string>>;
  /** After the first failed task start no further one. Default: false; what does not depend on it goes on. */
  readonly failFast?: boolean;
  /** Wording of `PipelineTaskFinalStatus.state`. Default: `backend` (COMPLETE, FAILED). */
  readonly finalStatusWords?: "backend" | "documented";
  /** Files that stand for Kubernetes secrets: a directory with one file per key, or a file of `KEY=value` lines. */
  readonly secrets?: Readonly<Record<string, string>>;
  /** The same for config maps. */
  readonly configMaps?: Readonly<Record<string, string>>;
  /** Directories that stand for existing persistent volume claims. */
  readonly volumes?: Readonly<Record<string, string>>;
  /** Runs sealed: inputs and outputs are ciphertext on disk, and tasks get their keys from the project's broker. Default: not. */
  readonly sealed?: SealedSettings;
  /** What `Collected` makes of parameters of nested loops. Default: `nested`; `flat` is what the official backend does. */
  readonly collected?: "nested" | "flat";
}

/**
 * Runs pipelines on this machine. Workers stay warm between runs of one engine.
 *
 * A failed task is no exception: the summary says FAILED. The promises reject only where no run could be made or kept
 * (`PIPELINE_…` for parameters that do not fit, `ENGINE_STORE_…` for a disk that does not take the record).
 */
export interface Engine {
  run(document: PipelineDocument, options?: RunOptions): Promise<RunSummary>;
  /**
   * Continues an interrupted run: tasks recorded as finished are not run again.
   *
   * @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_RUN_FINISHED`, `ENGINE_RUN_BUSY`
   */
  resume(runId: string, listeners?: RunListeners): Promise<RunSummary>;
  /**
   * Runs the failed and canceled tasks of a finished or interrupted run again, and what depends on them.
   *
   * @throws SealflowError `ENGINE_RUN_UNKNOWN`, `ENGINE_RUN_SUCCEEDED`, `ENGINE_RUN_BUSY`
   */
  retry(runId: string, listeners?: RunListeners): Promise<RunSummary>;
  /**
   * Ends all workers. Runs that are still going on are canceled first; with `suspend` they are left without an end instead,
   * for `resume` to continue, and their promises reject with `ENGINE_RUN_SUSPENDED`.
   */
  close(options?: { readonly suspend?: boolean }): Promise<void>;
}
