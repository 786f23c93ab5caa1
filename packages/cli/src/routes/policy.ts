import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

const text = (input: string) => input;
const file = argument("file", "Appraisal or trust policy in YAML or JSON");

/** Flags of `policy check` and `policy diff`. */
export interface PolicyFlags {
  readonly json: boolean;
}

/** Flags of `policy sign`. */
export interface PolicySignFlags {
  readonly key: string;
  readonly output?: string;
  readonly previous?: string;
}

const check = buildCommand<PolicyFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/policy.js")).check),
  parameters: { flags: { json: jsonFlag }, positional: { kind: "tuple", parameters: [file] } },
  docs: { brief: "Check an appraisal or trust policy" },
});

const diff = buildCommand<PolicyFlags, [string, string], CliContext>({
  loader: lazy(async () => (await import("../commands/policy.js")).diff),
  parameters: {
    flags: { json: jsonFlag },
    positional: {
      kind: "tuple",
      parameters: [argument("before", "The old policy"), argument("after", "The new one")],
    },
  },
  docs: { brief: "List what changes between two policies" },
});

const sign = buildCommand<PolicySignFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/policy.js")).sign),
  parameters: {
    flags: {
      key: { kind: "parsed", parse: text, placeholder: "file", brief: "Ed25519 private key, PEM (PKCS #8)" },
      output: textFlag("file", "Where to write the envelope (default: standard output)"),
      previous: textFlag("file", "The policy before; the epoch must have grown"),
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [file] },
  },
  docs: { brief: "Sign an appraisal or trust policy (DSSE, Ed25519)" },
});

export const policyRoutes = buildRouteMap<string, CliContext>({
  routes: { check, diff, sign },
  docs: { brief: "Check, compare and sign appraisal and trust policies" },
});
