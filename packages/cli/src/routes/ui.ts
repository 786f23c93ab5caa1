import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { integerFrom, storeFlag, switchFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `ui`. */
export interface UiFlags {
  readonly port?: number;
  readonly store?: string;
  readonly allowHostCommands: boolean;
  readonly noOpen: boolean;
  readonly json: boolean;
}

export const uiCommand = buildCommand<UiFlags, [path?: string], CliContext>({
  loader: lazy(async () => (await import("../commands/ui.js")).ui),
  parameters: {
    flags: {
      port: {
        kind: "parsed",
        parse: integerFrom(0),
        optional: true,
        placeholder: "n",
        brief: "Port to listen on, when no server is there yet (default: 8888, or any free one)",
      },
      store: storeFlag,
      allowHostCommands: switchFlag(
        "Run container components as plain processes on this machine, without isolation",
      ),
      noOpen: switchFlag("Print the address only; open no browser"),
      json: switchFlag("Print one JSON object with the address"),
    },
    positional: {
      kind: "tuple",
      parameters: [
        {
          parse: String,
          optional: true,
          placeholder: "run",
          brief: "Run to show: an id, its beginning, or latest (default: all runs)",
        },
      ],
    },
  },
  docs: {
    brief: "Look at runs in a browser",
    fullDescription:
      "Opens the pages of this project's server, and starts one where none is there: its pages show runs, graphs, logs, artifacts and evidence. A server that it has started goes on until Ctrl-C. Nothing leaves this machine.",
  },
});
