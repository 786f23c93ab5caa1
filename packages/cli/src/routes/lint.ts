import type { LintTarget } from "@sealflow/pipeline";
import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `lint`. */
export interface LintFlags {
  readonly target: LintTarget;
  readonly pipeline?: string;
  readonly json: boolean;
}

/** Repeated here, so that help loads nothing; a test compares. */
export const targets = ["kfp-2.16", "kfp-2.17", "local"] as const satisfies readonly LintTarget[];

export const lintCommand = buildCommand<LintFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/lint.js")).lint),
  parameters: {
    flags: {
      target: { kind: "enum", values: targets, default: "kfp-2.17", brief: "Where the pipeline is to run" },
      pipeline: textFlag("name", "Which pipeline of the file, when it exports several"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts or .yaml")] },
  },
  docs: {
    brief: "Find what of a pipeline will not run on a target, or not as it does here",
    fullDescription:
      "Find what of a pipeline will not run on a target, or not as it does here. Exit code 1 for errors; warnings do not count.",
  },
});
