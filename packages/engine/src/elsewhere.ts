/** The seam to machines that are not this one: what an executor gets for an attempt of a task, and what it owes. */
import type { ContainerResources, DueTask, ExecutorInput, ExecutorLocations } from "@sealflow/pipeline";
import type { EnvironmentNeeds } from "./environments/environment.js";
import type { OutputPlaces } from "./executors/outputs.js";
import type { TaskExit } from "./workers/protocol.js";

/** Runs attempts of tasks elsewhere. The engine orders, retries, caches and records as ever. */
export interface TaskExecutor {
  /** Kind of place; part of the cache's key. */
  readonly name: string;
  /**
   * Starts an attempt, or takes up one that an earlier process of this run started. By the time that `exit` resolves
   * with success, the outputs stand in the job's `places`: parameters and the executor's output file, whose artifacts are
   * URIs elsewhere, each with the `digest` of its content.
   */
  start(job: ExecutorJob): Promise<StartedAttempt>;
  /** Whether the content of all these URIs is still there. */
  present(uris: readonly string[]): Promise<boolean>;
  /** The run has ended; what was made for it may go. Not called for a run that is suspended. */
  runEnded(runId: string): Promise<void>;
}

/** An attempt that goes on elsewhere. */
export interface StartedAttempt {
  readonly exit: Promise<TaskExit>;
  /** Asks for its end; nothing happens when it has ended. */
  kill(signal: "TERM" | "KILL"): void;
  /** The run is suspended: nobody waits for `exit` any more, and the attempt goes on unobserved. */
  leave(): void;
}

/** A Python function that travels as source. */
export interface PythonJob extends EnvironmentNeeds {
  readonly source: string;
  readonly function: string;
}

/** One attempt. */
export interface ExecutorJob {
  readonly runId: string;
  readonly runName: string;
  readonly task: DueTask;
  /** 1 for the first. */
  readonly attempt: number;
  /**
   * Number of the first attempt whose outcome is open: of this one, or of one before it that an earlier process started or
   * gave up. What such an attempt finishes meanwhile counts; the outcome of those before is known and is not asked for.
   */
  readonly since: number;
  /** Set for Python components; others are their image's command. */
  readonly python?: PythonJob;
  /** With placeholders resolved. */
  readonly resources: ContainerResources;
  /** Texts of locks by digest. */
  readonly locks: Readonly<Record<string, string>>;
  readonly timeoutMs?: number;
  /** File that the attempt's output is appended to. */
  readonly log: string;
  readonly places: OutputPlaces;
  /** Tells the user something, once per run. */
  readonly notice: (code: string, message: string) => void;
  /** The attempt as it reads with everything at these places. */
  at(locations: ExecutorLocations): ResolvedJob;
  /** Aborted when the run is canceled or suspended. */
  readonly signal: AbortSignal;
}

/** What is run, without placeholders. */
export interface ResolvedJob {
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly executorInput: ExecutorInput;
}
