import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { jsonFlag, optionalArgument, storeFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `report`. */
export interface ReportFlags {
  readonly store?: string;
  readonly output?: string;
  readonly json: boolean;
}

export const reportCommand = buildCommand<ReportFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/report.js")).writeReport),
  parameters: {
    flags: {
      store: storeFlag,
      output: textFlag("file", "Where to write it; - for standard output (default: in the store)"),
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: {
      kind: "tuple",
      parameters: [optionalArgument("run", "Id of the run, its first or last characters (default: latest)")],
    },
  },
  docs: {
    brief: "Write a run's report: one HTML page with metrics, plots, timings and the graph",
  },
});
