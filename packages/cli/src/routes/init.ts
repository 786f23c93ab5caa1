import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `init`. */
export interface InitFlags {
  readonly template: "minimal";
}

export const initCommand = buildCommand<InitFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/init.js")).init),
  parameters: {
    flags: {
      template: { kind: "enum", values: ["minimal"], default: "minimal", brief: "What to start from" },
    },
    positional: {
      kind: "tuple",
      parameters: [argument("dir", "Directory of the new project; made when missing")],
    },
  },
  docs: { brief: "Make a new project: pipeline, components, configuration, tests" },
});
