/** What all parts of one run share. */
import type { Fetch } from "@sealflow/core";
import type { PipelineSpec, PlatformSpec, RunContext } from "@sealflow/pipeline";
import type { ContainerMode } from "../api.js";
import type { TaskExecutor } from "../elsewhere.js";
import type { EnvironmentCatalog, RunEnvironments } from "../environments/service.js";
import type { RunEventBody } from "../events.js";
import type { LogTails } from "../executors/log-tail.js";
import type { SealedSession } from "../sealed/session.js";
import type { RunLayout, StoreLayout } from "../store/layout.js";
import type { WorkerPool } from "../workers/pool.js";
import type { ScratchSpace } from "./scratch.js";
import type { RunSettings } from "./settings.js";
import type { Slots } from "./slots.js";

/** What an engine has for all of its runs. */
export interface EngineServices {
  readonly store: StoreLayout;
  readonly catalog: EnvironmentCatalog;
  readonly pool: WorkerPool;
  readonly containers: ContainerMode;
  /** Runs attempts elsewhere; absent: on this machine. */
  readonly executor?: TaskExecutor;
  readonly concurrency: number;
  readonly threads: number;
  readonly graceMs: number;
  readonly environment: Readonly<Record<string, string | undefined>>;
  readonly fetch: Fetch;
  readonly now: () => number;
  readonly sleep: (ms: number, signal: AbortSignal) => Promise<void>;
}

/** One run in progress. */
export interface RunInProgress {
  readonly services: EngineServices;
  readonly layout: RunLayout;
  readonly context: RunContext;
  readonly settings: RunSettings;
  readonly spec: PipelineSpec;
  readonly platform: PlatformSpec | undefined;
  /** Texts of locks by digest. */
  readonly locks: Readonly<Record<string, string>>;
  readonly environments: RunEnvironments;
  readonly slots: Slots;
  readonly scratch: ScratchSpace;
  readonly tails: LogTails;
  /** Set for sealed runs. */
  readonly sealed?: SealedSession;
  /** Aborted when the run is canceled or can't be recorded any more. */
  readonly signal: AbortSignal;
  /** Writes an event to the journal. */
  readonly tell: (event: RunEventBody, after?: Promise<void>) => void;
  /** Tells something once per run. */
  readonly notice: (code: string, message: string) => void;
}
