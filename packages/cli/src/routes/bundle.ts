import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { type BrokerConnectionFlags, brokerTrustFlags } from "./broker-connection.js";
import { argument, jsonFlag, onFlag, textFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** Flags of `bundle`. */
export interface BundleFlags extends KeyFlagValues, BrokerConnectionFlags {
  readonly output: string;
  readonly on?: string;
  readonly json: boolean;
}

export const bundleCommand = buildCommand<BundleFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/bundle.js")).bundle),
  parameters: {
    flags: {
      output: {
        kind: "parsed",
        parse: (text: string) => text,
        placeholder: "file",
        brief: "Where to write it; - for standard output",
      },
      broker: textFlag(
        "url",
        "Broker that the run is registered with (default: the one it was submitted with, or the one in this project)",
      ),
      ...brokerTrustFlags,
      on: onFlag,
      ...keyFlags,
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("run", "Run: its id, part of it, or latest")] },
  },
  docs: {
    brief: "Write the bundle of a sealed run: everything that `sealflow verify` checks offline",
    fullDescription:
      "Writes registration, pipeline, policy, statements, evidence, collateral and log proofs of a sealed run into one file. It holds no keys, and of the values only those that the run's release list allows.",
  },
});
