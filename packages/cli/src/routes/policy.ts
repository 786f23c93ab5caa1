import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, integerFrom, jsonFlag, textFlag, textsFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
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

/** Flags of `policy draft`. */
export interface PolicyDraftFlags extends KeyFlagValues {
  readonly image: readonly string[];
  readonly submitter: string;
  readonly pipeline?: string;
  readonly input?: readonly string[];
  readonly recipient?: readonly string[];
  readonly release?: readonly string[];
  readonly declassify?: readonly string[];
  readonly simulatedRoot?: readonly string[];
  readonly epoch?: number;
  readonly output?: string;
}

const draft = buildCommand<PolicyDraftFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/policy-draft.js")).draft),
  parameters: {
    flags: {
      image: {
        kind: "parsed",
        parse: text,
        variadic: true,
        placeholder: "file",
        brief: "Image lock of `sealflow image build`; may be given several times",
      },
      submitter: {
        kind: "parsed",
        parse: text,
        placeholder: "name=key",
        brief: "Who may submit it: a name, and an Ed25519 public key in hex or its PEM file",
      },
      pipeline: textFlag("name", "Which pipeline of the file"),
      input: textsFlag("name=file", "Sealed artifact that an input may be; may be given several times"),
      recipient: textsFlag("recipient", "Who may get outputs: a recipient, or the name of a key here"),
      release: textsFlag("task/output", "Output that bundles may show"),
      declassify: textsFlag("task/output", "Output that the control plane may see"),
      simulatedRoot: textsFlag("hex", "Root of simulated enclaves to accept, for trials"),
      epoch: {
        kind: "parsed",
        parse: integerFrom(1),
        optional: true,
        placeholder: "n",
        brief: "Epoch of the policy; grows with every change (default: 1)",
      },
      output: textFlag("file", "Where to write it (default: standard output)"),
      ...keyFlags,
    },
    aliases: { o: "output", i: "image" },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts, .js, .yaml or .json")] },
  },
  docs: {
    brief: "Draft the trust policy that lets one pipeline run in one image",
    fullDescription:
      "Writes a trust policy from a pipeline and its measured images: who submits it, which components in which enclaves, over which data, to whom. Read it, change it, sign it with `policy sign`.",
  },
});

export const policyRoutes = buildRouteMap<string, CliContext>({
  routes: { check, diff, draft, sign },
  docs: { brief: "Check, compare, draft and sign appraisal and trust policies" },
});
