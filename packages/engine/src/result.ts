/** The run as `--json` prints it and `runs show` reads it: one object, derived from the events. */
import type { ErrorBody, JsonObject, JsonValue } from "@sealflow/core";
import type { ArtifactValue, TaskPath } from "@sealflow/pipeline";
import type { RunState } from "./events.js";

/** One executed, cached or skipped leaf task. */
export interface TaskSummary {
  readonly path: TaskPath;
  /** The task's display name. */
  readonly name: string;
  readonly state: RunState | "SKIPPED";
  readonly cached: boolean;
  /** RFC 3339, UTC, milliseconds; null for skipped tasks. */
  readonly startTime: string | null;
  readonly endTime: string | null;
  /** Output parameters. */
  readonly outputs: JsonObject;
  readonly artifacts: Readonly<Record<string, readonly ArtifactValue[]>>;
  readonly error?: ErrorBody;
}

/** The final object of `sealflow run --json`. */
export interface RunSummary {
  readonly runId: string;
  readonly state: RunState;
  /** Output parameters of the pipeline. */
  readonly outputs: Readonly<Record<string, JsonValue>>;
  readonly tasks: readonly TaskSummary[];
  /** Set for sealed runs: what kind of enclaves stood behind their evidence. */
  readonly sealed?: { readonly enclaves: "simulated" };
  /** Of a run on another engine whose values could not be fetched, or not all: why, and what mends it. The state stands. */
  readonly incomplete?: ErrorBody;
  readonly error?: ErrorBody;
}
