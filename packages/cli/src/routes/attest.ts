import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

const text = (input: string) => input;

function requiredText(placeholder: string, brief: string) {
  return { kind: "parsed", parse: text, placeholder, brief } as const;
}

/** Flags of `attest verify`. */
export interface AttestVerifyFlags {
  readonly quote: string;
  readonly collateral: string;
  readonly at: string;
  readonly root?: string;
  readonly policy?: string;
  readonly component?: string;
  readonly json: boolean;
}

/** Flags of `attest show`. */
export interface AttestShowFlags {
  readonly json: boolean;
}

const verify = buildCommand<AttestVerifyFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/attest.js")).verifyQuote),
  parameters: {
    flags: {
      quote: requiredText("file", "SGX quote, raw"),
      collateral: requiredText("file", "Collateral in its JSON form"),
      at: requiredText("time", "Time of judgement: 2025-09-01T00:00:00Z, or seconds since 1970"),
      root: textFlag("file", "Certificate (DER) of the root to trust in this call (default: Intel's)"),
      policy: textFlag("file", "Appraisal policy; without it only the evidence is judged"),
      component: textFlag("name", "Component of the policy that the enclave must be (default: any)"),
      json: jsonFlag,
    },
  },
  docs: { brief: "Verify an SGX quote offline; exit code 0 accept, 4 refuse" },
});

const show = buildCommand<AttestShowFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/attest.js")).showQuote),
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: "tuple", parameters: [argument("file", "SGX quote, raw")] },
  },
  docs: { brief: "Print what a quote claims, without verifying it" },
});

export const attestRoutes = buildRouteMap<string, CliContext>({
  routes: { verify, show },
  docs: { brief: "Judge evidence of confidential enclaves" },
});
