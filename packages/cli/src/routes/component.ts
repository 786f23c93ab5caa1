import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `component run`. */
export interface ComponentRunFlags {
  readonly input?: readonly string[];
  readonly artifact?: readonly string[];
  readonly outputDirectory?: string;
  readonly python?: string;
  readonly json: boolean;
}

const run = buildCommand<ComponentRunFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/component.js")).runComponent),
  parameters: {
    flags: {
      input: textsFlag("name=value", "Give a parameter; may be given several times"),
      artifact: textsFlag("name=path", "Give an input artifact; may be given several times"),
      outputDirectory: textFlag("dir", "Where outputs are written (default: a new temporary directory)"),
      python: textFlag(
        "path",
        "Python to run it with (default: of an environment with what the file requires, built once)",
      ),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("file.py:function", "The component")] },
  },
  docs: { brief: "Run one component alone with the inputs given" },
});

export const componentRoutes = buildRouteMap<string, CliContext>({
  routes: { run },
  docs: { brief: "Try a single component" },
});
