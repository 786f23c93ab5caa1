/** What the pages of `sealflow serve` are made of, beyond Kubeflow's API: runs with their results, and one run's record. */
import type { JsonObject } from "@sealflow/core";
import { askJson, type ClientOptions } from "./transport.js";
import type { Run, RuntimeState, StorageState } from "./types.js";

/** How many leaf tasks of a run are in which state; `cached` ones have succeeded as well. */
export interface TaskCounts {
  readonly succeeded: number;
  readonly cached: number;
  readonly failed: number;
  readonly skipped: number;
  readonly running: number;
}

/** A run in a list: its label, and what came out. */
export interface RunRow {
  readonly run_id: string;
  readonly display_name: string;
  /** Absent when it is not known yet. */
  readonly pipeline_name?: string;
  readonly experiment_id: string;
  readonly state: RuntimeState;
  readonly storage_state: StorageState;
  /** Times are RFC 3339 in UTC. */
  readonly created_at: string;
  readonly started_at?: string;
  readonly finished_at?: string;
  readonly recurring_run_id?: string;
  /** As they were given, and the defaults of the others. */
  readonly parameters: JsonObject;
  /** Numbers and short texts: the pipeline's outputs, and what tasks logged as metrics. */
  readonly metrics: Readonly<Record<string, number | string | boolean>>;
  readonly tasks: TaskCounts;
  /** Code of the run's error: `SERVER_RUN_INTERRUPTED` marks a run whose process died. */
  readonly error_code?: string;
  readonly error?: string;
}

/** Answer of `GET /api/runs`. */
export interface RunRows {
  /** Newest first. */
  readonly runs: readonly RunRow[];
  /** Number of all runs of the store. */
  readonly total: number;
}

/** Answer of `GET /api/runs/ID`: all that a page about the run needs. */
export interface RunRecord {
  readonly run: Run;
  readonly row: RunRow;
  /** The run's events so far, as its journal holds them; empty while it waits. */
  readonly events?: readonly JsonObject[];
  /** A spec, or `{pipeline_spec, platform_spec}`; absent when it is gone. */
  readonly document?: JsonObject;
}

/** Which runs are listed. */
export interface RunRowsQuery {
  /** 1 to 1000. Default: 500. */
  readonly limit?: number;
  /** Only runs that were created before this time (RFC 3339). */
  readonly before?: string;
  /** Only these runs, at most 200. */
  readonly ids?: readonly string[];
}

/** A task of some run that made or used an artifact. */
export interface ArtifactUse {
  readonly run_id: string;
  readonly display_name: string;
  readonly state: RuntimeState;
  /** Of the run, RFC 3339. */
  readonly created_at: string;
  readonly side: "made" | "used";
  /** Path of the task. */
  readonly task: string;
  /** Name of its input or output, and the place in it where that is a list. */
  readonly name: string;
  readonly index: number;
  /** Whether the task ran, took its result from the cache, or imported the artifact. */
  readonly how: "run" | "cache" | "importer";
}

/** Answer of `GET /api/artifacts`. */
export interface ArtifactUses {
  /** Of the newest runs first; at most 500. */
  readonly uses: readonly ArtifactUse[];
  readonly total: number;
}

/**
 * The tasks of all runs that made or used the same content.
 *
 * @param artifact Its digest, or its URI when it has no content of its own.
 * @throws SealflowError `KFP_…`
 */
export function findArtifact(
  client: ClientOptions,
  artifact: { readonly digest: string } | { readonly uri: string },
): Promise<ArtifactUses> {
  return askJson(client, { path: "/api/artifacts", query: { ...artifact } });
}

/** Runs with their results. @throws SealflowError `KFP_…` */
export function listRunRows(client: ClientOptions, query: RunRowsQuery = {}): Promise<RunRows> {
  const { limit, before, ids } = query;
  return askJson(client, { path: "/api/runs", query: { limit, before, ids: ids?.join(",") } });
}

/** One run's record. @throws SealflowError `KFP_…` */
export function readRunRecord(client: ClientOptions, runId: string): Promise<RunRecord> {
  return askJson(client, { path: `/api/runs/${encodeURIComponent(runId)}` });
}
