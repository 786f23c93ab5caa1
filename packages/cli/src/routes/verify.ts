import { buildCommand } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of `verify`. */
export interface VerifyFlags {
  readonly trust?: string;
  readonly policy?: string;
  readonly artifact?: readonly string[];
  readonly collateral?: string;
  readonly json: boolean;
}

export const verifyCommand = buildCommand<VerifyFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/verify.js")).verify),
  parameters: {
    flags: {
      trust: textFlag("file", "Whose word counts (default: trust.yaml of the enclosing project)"),
      policy: textFlag("file", "Signed trust policy that the run must have been under"),
      artifact: textsFlag(
        "file",
        "Sealed artifact that must be one of the run's; may be given several times",
      ),
      collateral: textFlag(
        "file",
        "Newer collateral: shows what has been revoked or found out since the run",
      ),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("file", "Run bundle, or - for standard input")] },
  },
  docs: {
    brief: "Verify a run's bundle offline, from the outputs back to the data; exit code 0 trusted, 4 not",
    fullDescription:
      "Replays the run over its signed statements and prints the chain as a tree: which measured component made what, from which inputs, on which evidence. Whose word counts comes from outside the bundle: --trust, or trust.yaml of the enclosing project. Without either the chain is printed as consistent, not trusted, and the exit code is 4.",
  },
});
