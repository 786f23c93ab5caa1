/** What engine and Python worker say to each other: one JSON object per line. */
import type { ExecutorInput } from "@sealflow/pipeline";

/** The protocol's version that this engine speaks; the worker names its own when it is ready. */
export const PROTOCOL = 1;

/** Engine to worker, on its standard input. */
export type WorkerRequest =
  | {
      readonly op: "prepare";
      readonly sources: readonly { readonly path: string }[];
      readonly modules: readonly string[];
    }
  | ({ readonly op: "run"; readonly task: string } & WorkerJob)
  | { readonly op: "kill"; readonly task: string; readonly signal: "TERM" | "KILL" }
  | { readonly op: "shutdown" };

/** A component's process. */
export interface ComponentJob extends ProcessSetting {
  /** Absolute path of the component's source. */
  readonly source: string | null;
  readonly function: string;
  /** KFP's executor input, with local paths. */
  readonly executorInput: ExecutorInput | Readonly<Record<string, never>>;
  /** Importable module instead of a source file (containerized Python). */
  readonly module: string | null;
  /** Set for tasks of sealed runs, which take their inputs from a broker's grant. */
  readonly sealed?: SealedJob;
}

/** Where a sealed task finds its broker, and where its ciphertext is. */
export interface SealedJob {
  /** `unix:/path` or `https://…`. */
  readonly broker: string;
  readonly runId: string;
  readonly path: string;
  /** What the component's digest names its environment. */
  readonly environment: string;
  /** Directory of packages for environments that lack those that sealing needs. */
  readonly packages: string;
  readonly evidence: { readonly type: "service"; readonly address: string; readonly token: string };
  /** Files of sealed artifacts, by digest. */
  readonly inputs: Readonly<Record<string, string>>;
  /** Directory for sealed outputs while they are written. */
  readonly outputs: string;
  /** Directory of artifacts by digest, where they go before they are committed. */
  readonly store: string;
  /** File for what may be said of the result. */
  readonly result: string;
}

/** A process of a command of this machine, with what a worker can set up around it. */
export interface CommandJob extends ProcessSetting {
  readonly command: readonly string[];
}

/** One process of a task. */
export type WorkerJob = ComponentJob | CommandJob;

/** What every process of a task has. */
export interface ProcessSetting {
  /** Working directory; exists. */
  readonly directory: string;
  /** File that standard output and error are appended to; its directory exists. */
  readonly log: string;
  readonly env: Readonly<Record<string, string>>;
  /** Threads that numeric libraries may use, at least 1. */
  readonly threads: number;
  readonly memoryLimitBytes: number | null;
  /** Processors that the process and what it starts may run on, at least 1; absent for all. */
  readonly processors?: number;
  /** Directories that the process sees at paths of their own. */
  readonly mounts?: readonly {
    readonly path: string;
    readonly source: string;
    readonly readOnly: boolean;
  }[];
  /** Empty directory on which the process' root is built; goes with `mounts`. */
  readonly mountRoot?: string;
}

/** Why a component's process ended badly, where the runtime could tell. */
export interface ComponentError {
  readonly kind: string;
  readonly type?: string | null;
  readonly message: string;
  readonly traceback?: string | null;
  readonly file?: string | null;
  readonly line?: number | null;
  readonly function?: string | null;
  /** Of sealed tasks: refused by broker, policy or evidence. */
  readonly refused?: boolean;
  /** Of sealed tasks: whether the broker gives no further attempt. */
  readonly final?: boolean;
}

/** How a task's process ended. */
export interface TaskExit {
  /** Null when a signal ended it. */
  readonly exitCode: number | null;
  /** Name of the signal, for example `SIGKILL`. */
  readonly signal: string | null;
  readonly maxRssBytes?: number | null;
  readonly cpuSeconds?: number | null;
  /** True when the kernel counted a kill for want of memory as SIGKILL ended the process. */
  readonly outOfMemory?: boolean | null;
  readonly error?: ComponentError | null;
}

/** Worker to engine, on its file descriptor 3. */
export type WorkerEvent =
  | { readonly event: "ready"; readonly pid: number; readonly python: string; readonly protocol: number }
  | {
      readonly event: "prepared";
      readonly imported: readonly string[];
      readonly failed: readonly { readonly module: string; readonly error: string }[];
      readonly seconds: number;
    }
  | { readonly event: "started"; readonly task: string; readonly pid: number }
  | ({ readonly event: "exited"; readonly task: string } & TaskExit)
  | { readonly event: "rejected"; readonly task: string; readonly reason: string };
