import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { integerFrom, switchFlag, textFlag, textsFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** A flag that must be given. */
export const required = (placeholder: string, brief: string) =>
  ({ kind: "parsed", parse: (text: string) => text, placeholder, brief }) as const;
/** Which key is the broker's. */
export const keyFlag = textFlag(
  "name",
  "Key of the broker, as `sealflow keys new` makes it (default: broker)",
);

/** Flags of `broker serve`. */
export interface BrokerServeFlags extends KeyFlagValues {
  readonly key?: string;
  readonly trust: string;
  readonly policy: string;
  readonly directory?: string;
  readonly host?: string;
  readonly port?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly behindProxy: boolean;
  readonly checkpointFile?: string;
  readonly checkpoint?: readonly string[];
  readonly recover?: string;
  readonly json: boolean;
}

export const serveCommand = buildCommand<BrokerServeFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker.js")).serve),
  parameters: {
    flags: {
      key: keyFlag,
      trust: required("file", "Trust file of the deployment, from `broker init`"),
      policy: required(
        "file",
        "Signed trust policy, from `policy sign`; when the file changes, and at SIGHUP, a newer one is put in force",
      ),
      directory: textFlag("dir", "Where the broker's records are kept (default: broker in the store)"),
      host: textFlag(
        "address",
        "Address to listen on; any but a loopback one needs TLS (default: 127.0.0.1)",
      ),
      port: {
        kind: "parsed",
        parse: integerFrom(0),
        optional: true,
        placeholder: "n",
        brief: "Port to listen on; 0 for any free one (default: 8443)",
      },
      tlsCert: textFlag("file", "Certificate chain, PEM"),
      tlsKey: textFlag("file", "Its private key, PEM"),
      behindProxy: switchFlag(
        "Listen without TLS beyond this machine, because something in front of the broker has it",
      ),
      checkpointFile: textFlag(
        "file",
        "Where the newest checkpoint is kept; best on another disk than the records",
      ),
      checkpoint: textsFlag(
        "file",
        "Checkpoint that the log must continue, kept by a submitter; may be given several times",
      ),
      recover: textFlag(
        "reason",
        "Go on from a log that is older than a checkpoint; the reason is logged for ever",
      ),
      ...keyFlags,
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one JSON object with address and keys when the broker listens",
      },
    },
  },
  docs: {
    brief: "Serve the broker that gives keys to attested tasks which are due",
    fullDescription:
      "Registers signed runs, judges tasks' evidence, evaluates the pipelines over committed statements, and gives data keys to tasks that are proven due. Every decision is durable before it is answered and stands in a signed log. Ctrl-C stops it; the next start goes on where it was.",
  },
});
