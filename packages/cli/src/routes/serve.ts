import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { integerFrom, storeFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `serve`. */
export interface ServeFlags {
  readonly port?: number;
  readonly host?: string;
  readonly store?: string;
  readonly concurrency?: number;
  readonly runs?: number;
  readonly allowHostCommands: boolean;
  readonly requireToken: boolean;
  readonly newToken: boolean;
  readonly allowHost?: readonly string[];
  readonly json: boolean;
}

const count = (placeholder: string, brief: string, minimum = 1) =>
  ({ kind: "parsed", parse: integerFrom(minimum), optional: true, placeholder, brief }) as const;

export const serveCommand = buildCommand<ServeFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/serve.js")).serve),
  parameters: {
    flags: {
      port: count("n", "Port to listen on; 0 for any free one (default: 8888)", 0),
      host: textFlag(
        "address",
        "Address to listen on; any but a loopback one needs the token (default: 127.0.0.1)",
      ),
      store: storeFlag,
      concurrency: count("n", "Tasks that run at once, of all runs (default: the number of processors)"),
      runs: count("n", "Runs that go on at once; further ones wait (default: 4)"),
      allowHostCommands: switchFlag(
        "Run container components as plain processes on this machine, without isolation",
      ),
      requireToken: switchFlag("Ask for the token on loopback addresses as well"),
      newToken: switchFlag("Make a new token and print it; the old one is good for nothing then"),
      allowHost: textsFlag("name", "Host name that requests may be addressed to; may be given several times"),
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one JSON object with the address when the server listens",
      },
    },
  },
  docs: {
    brief: "Offer the Kubeflow Pipelines API over the runs of this machine",
    fullDescription:
      "Offers Kubeflow Pipelines' API v2beta1 over the engine and store of this machine, for kfp.Client and the kfp command. Ctrl-C stops the server; runs that go on are left as they are, and the next start continues them.",
  },
});
