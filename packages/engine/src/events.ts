/**
 * What a run says while it happens: a closed set of events, appended to the run's journal before they are shown.
 * The CLI, the server and the UI render these; `resume` replays them; every later version must read them.
 */
import type { ErrorBody, JsonObject, JsonValue } from "@sealflow/core";
import type { ArtifactValue, SkipReason, TaskInputValues, TaskOutputs, TaskPath } from "@sealflow/pipeline";

/** Terminal states of a run. */
export type RunState = "SUCCEEDED" | "FAILED" | "CANCELED";

/** Fields that every event has. */
interface EventBase {
  /** 1, 2, 3 … within the run, without gaps. */
  readonly seq: number;
  /** Milliseconds since the Unix epoch. */
  readonly time: number;
}

/** One fact about a run. */
export type RunEvent = EventBase &
  (
    | {
        readonly type: "run-created";
        readonly formatVersion: 1;
        readonly runId: string;
        readonly runName: string;
        readonly pipelineName: string;
        /** Digest of the canonical JSON of `{spec, platform}`; the document itself is stored beside the journal. */
        readonly specDigest: string;
        readonly parameters: JsonObject;
        readonly options: JsonObject;
      }
    /** A process took the run in hand: first start, resume or retry. */
    | {
        readonly type: "run-started";
        readonly pid: number;
        readonly resumed: boolean;
        /** Leaf tasks whose recorded end no longer holds, because a retry runs them again. */
        readonly dropped?: readonly TaskPath[];
      }
    | {
        readonly type: "environment-building";
        readonly environment: string;
        readonly requirements: readonly string[];
      }
    | {
        readonly type: "environment-ready";
        readonly environment: string;
        readonly reused: boolean;
        readonly elapsedMs: number;
      }
    | { readonly type: "dag-started"; readonly path: TaskPath; readonly iterations?: number }
    | {
        readonly type: "dag-finished";
        readonly path: TaskPath;
        readonly state: RunState | "SKIPPED";
        readonly outputs: TaskOutputs;
        /** In sealed runs: output parameters that depend on sealed values. Above they read `(sealed)`. */
        readonly hidden?: readonly string[];
        readonly error?: ErrorBody;
      }
    | {
        readonly type: "task-started";
        readonly path: TaskPath;
        /** Display name, where it is not the last part of the path. */
        readonly name?: string;
        readonly attempt: number;
        readonly inputs: TaskInputValues;
        /** In sealed runs: input parameters that depend on sealed values. Above they read `(sealed)`. */
        readonly hidden?: readonly string[];
        readonly cacheKey?: string;
        readonly log?: string;
      }
    /** An attempt ended badly and another one follows after `delayMs`. */
    | {
        readonly type: "task-retrying";
        readonly path: TaskPath;
        readonly attempt: number;
        readonly error: ErrorBody;
        readonly delayMs: number;
      }
    | {
        readonly type: "task-finished";
        readonly path: TaskPath;
        /** As in `task-started`. */
        readonly name?: string;
        readonly state: "SUCCEEDED" | "FAILED" | "CANCELED";
        readonly cached: boolean;
        readonly startTime: number;
        readonly inputs?: TaskInputValues;
        readonly outputs?: TaskOutputs;
        /** In sealed runs: output parameters whose value above is a stand-in for a sealed one. */
        readonly hidden?: readonly string[];
        readonly error?: ErrorBody;
        /** Peak resident memory in bytes and processor time in milliseconds, where the machine tells. */
        readonly usage?: { readonly maxRssBytes?: number; readonly cpuMs?: number };
      }
    | {
        readonly type: "task-skipped";
        readonly path: TaskPath;
        readonly name?: string;
        readonly reason: SkipReason;
      }
    /** Something the user should know once: an ignored option, an emulated feature. */
    | { readonly type: "notice"; readonly code: string; readonly message: string; readonly path?: TaskPath }
    | { readonly type: "run-canceling" }
    | {
        readonly type: "run-finished";
        readonly state: RunState;
        readonly outputs: Readonly<Record<string, JsonValue>>;
        readonly artifacts: Readonly<Record<string, readonly ArtifactValue[]>>;
        /** Told of another engine's run: why values are missing here. */
        readonly incomplete?: ErrorBody;
        readonly error?: ErrorBody;
      }
  );

/** An event without what the journal adds. */
export type RunEventBody = RunEvent extends infer E
  ? E extends RunEvent
    ? Omit<E, "seq" | "time">
    : never
  : never;

/** Live output of a task; shown, kept in the task's log file, never in the journal. */
export interface LogChunk {
  readonly path: TaskPath;
  readonly attempt: number;
  readonly text: string;
}
