import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import {
  argument,
  durationMs,
  integerFrom,
  jsonFlag,
  onFlag,
  optionalArgument,
  storeFlag,
  switchFlag,
  textFlag,
} from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** Flags of every command on recorded runs. */
export interface StoreFlags {
  readonly store?: string;
  readonly json: boolean;
}

/** Flags of commands that also work on runs of other engines. */
export interface PlaceFlags extends StoreFlags {
  readonly on?: string;
}

/** Flags of `runs list`. */
export interface ListFlags extends PlaceFlags {
  readonly limit: number;
}

/** Flags of `runs diff`. */
export interface DiffFlags extends PlaceFlags {
  readonly against?: string;
}

/** Flags of `runs logs`. */
export interface LogsFlags extends KeyFlagValues {
  readonly on?: string;
  readonly follow: boolean;
  readonly attempt?: number;
}

/** Flags of `runs gc`. */
export interface GcFlags extends StoreFlags {
  readonly keep?: number;
  readonly olderThan?: number;
}

const common = { store: storeFlag, json: jsonFlag };
const placed = { ...common, on: onFlag };
const run = argument("run", "Id of the run, its first or last characters, or latest");

const list = buildCommand<ListFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/runs.js")).listRuns),
  parameters: {
    flags: {
      ...placed,
      limit: {
        kind: "parsed",
        parse: integerFrom(1),
        default: "20",
        placeholder: "n",
        brief: "Show at most this many, newest first",
      },
    },
    aliases: { n: "limit" },
  },
  docs: { brief: "List runs, newest first" },
});

const show = buildCommand<PlaceFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/runs.js")).showRun),
  parameters: { flags: placed, positional: { kind: "tuple", parameters: [run] } },
  docs: { brief: "Show one run: parameters, tasks, outputs, errors" },
});

const logs = buildCommand<LogsFlags, [string, string?], CliContext>({
  loader: lazy(async () => (await import("../commands/logs.js")).showLogs),
  parameters: {
    flags: {
      ...keyFlags,
      on: onFlag,
      follow: switchFlag("Go on until the run ends"),
      attempt: {
        kind: "parsed",
        parse: integerFrom(1),
        optional: true,
        placeholder: "n",
        brief: "Only this attempt (default: all)",
      },
    },
    aliases: { f: "follow" },
    positional: {
      kind: "tuple",
      parameters: [run, optionalArgument("task", "Path of a task (default: all tasks)")],
    },
  },
  docs: { brief: "Print what tasks wrote" },
});

const cancel = buildCommand<PlaceFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/runs.js")).cancelRun),
  parameters: { flags: placed, positional: { kind: "tuple", parameters: [run] } },
  docs: { brief: "Cancel a run that another process runs" },
});

const remove = buildCommand<PlaceFlags, string[], CliContext>({
  loader: lazy(async () => (await import("../commands/runs.js")).deleteRuns),
  parameters: { flags: placed, positional: { kind: "array", parameter: run, minimum: 1 } },
  docs: { brief: "Delete the records of runs; artifacts go with the next gc" },
});

const diff = buildCommand<DiffFlags, [string, string], CliContext>({
  loader: lazy(async () => (await import("../commands/diff.js")).diffRuns),
  parameters: {
    flags: {
      ...placed,
      against: textFlag(
        "name",
        "Where the second run is, if elsewhere than the first; local is this machine",
      ),
    },
    positional: { kind: "tuple", parameters: [run, run] },
  },
  docs: { brief: "Compare two runs: pipeline, parameters, outputs, tasks, artifacts" },
});

const gc = buildCommand<GcFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/runs.js")).collectGarbage),
  parameters: {
    flags: {
      ...common,
      keep: {
        kind: "parsed",
        parse: integerFrom(0),
        optional: true,
        placeholder: "n",
        brief: "Keep only this many newest runs",
      },
      olderThan: {
        kind: "parsed",
        parse: durationMs,
        optional: true,
        placeholder: "duration",
        brief: "Delete runs older than this, for example 30d",
      },
    },
  },
  docs: {
    brief: "Delete old runs, then artifacts and cache entries that no remaining run needs",
    fullDescription:
      "Deletes the runs beyond --keep or older than --older-than, then artifacts and cache entries that no remaining run needs. With neither flag only the latter.",
  },
});

export const runsRoutes = buildRouteMap<string, CliContext>({
  routes: { list, show, logs, cancel, delete: remove, diff, gc },
  defaultCommand: "list",
  docs: { brief: "Look at recorded runs, compare and remove them" },
});
