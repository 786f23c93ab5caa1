import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, jsonFlag, switchFlag, textFlag } from "./flags.js";
import { lazy } from "./lazy.js";

const text = (input: string) => input;

/** Flags of `image lint`. */
export interface ImageLintFlags {
  readonly final: boolean;
  readonly json: boolean;
}

/** Flags of `image measure`. */
export interface ImageMeasureFlags {
  readonly libpal: string;
  readonly offsets?: string;
  readonly expect?: string;
  readonly regions: boolean;
  readonly json: boolean;
}

/** Flags of `image sign`. */
export interface ImageSignFlags {
  readonly libpal: string;
  readonly offsets?: string;
  readonly key?: string;
  readonly vaultKey?: string;
  readonly output: string;
  readonly date?: string;
  readonly json: boolean;
}

/** Flags of `image show`. */
export interface ImageShowFlags {
  readonly json: boolean;
}

const manifest = argument("manifest", "Gramine manifest; measured byte for byte");
const libpal = {
  kind: "parsed",
  parse: text,
  placeholder: "file",
  brief: "libpal.so of the Gramine build in the image",
} as const;
const offsets = textFlag("file", "_graminelibos_offsets.py of another Gramine build (default: Gramine 1.9)");

const lint = buildCommand<ImageLintFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image.js")).lint),
  parameters: {
    flags: {
      final: switchFlag("It is the final manifest (*.manifest.sgx): every hash must be there"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("manifest", "Gramine manifest")] },
  },
  docs: { brief: "Refuse a Gramine manifest that lets the host in; exit code 4" },
});

const measure = buildCommand<ImageMeasureFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image.js")).measure),
  parameters: {
    flags: {
      libpal,
      offsets,
      expect: textFlag("hex", "MRENCLAVE that it must be; exit code 4 otherwise"),
      regions: switchFlag("Print what is measured, region by region"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [manifest] },
  },
  docs: { brief: "Compute the MRENCLAVE that an enclave will have, without SGX" },
});

const sign = buildCommand<ImageSignFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image.js")).sign),
  parameters: {
    flags: {
      libpal,
      offsets,
      key: textFlag("file", "RSA-3072 key with exponent 3, PEM; SEALFLOW_ENCLAVE_KEY_PASSPHRASE opens it"),
      vaultKey: textFlag("url", "Key of a Managed HSM: https://NAME.managedhsm.azure.net/keys/KEY/VERSION"),
      output: {
        kind: "parsed",
        parse: text,
        placeholder: "file",
        brief: "Where to write the SIGSTRUCT (*.sig)",
      },
      date: textFlag("date", "Day of signing, YYYY-MM-DD (default: today)"),
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [manifest] },
  },
  docs: { brief: "Sign an enclave: lint, measure, write its SIGSTRUCT" },
});

const show = buildCommand<ImageShowFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image.js")).show),
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: "tuple", parameters: [argument("sigstruct", "SIGSTRUCT (*.sig)")] },
  },
  docs: { brief: "Print what a SIGSTRUCT says: MRENCLAVE, MRSIGNER, product, version" },
});

export const imageRoutes = buildRouteMap<string, CliContext>({
  routes: { lint, measure, sign, show },
  docs: { brief: "Measured images: build, check, measure and sign them" },
});
