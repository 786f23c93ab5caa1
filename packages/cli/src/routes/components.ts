import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument } from "./flags.js";
import { lazy } from "./lazy.js";

const files = {
  kind: "array",
  parameter: argument("file.py", "Python file with components"),
  minimum: 1,
} as const;

const generate = buildCommand<Record<never, never>, string[], CliContext>({
  loader: lazy(async () => (await import("../commands/components.js")).generate),
  parameters: { positional: files },
  docs: { brief: "Write FILE.components.ts beside each Python file: its components as typed values" },
});

const check = buildCommand<Record<never, never>, string[], CliContext>({
  loader: lazy(async () => (await import("../commands/components.js")).check),
  parameters: { positional: files },
  docs: { brief: "Fail when a FILE.components.ts is not what generate would write" },
});

export const componentsRoutes = buildRouteMap<string, CliContext>({
  routes: { generate, check },
  docs: { brief: "Bring the signatures of Python components to TypeScript" },
});
