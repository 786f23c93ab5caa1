import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { argument, integerFrom, jsonFlag, switchFlag, textFlag } from "./flags.js";
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

/** Flags of `image build`. */
export interface ImageBuildFlags {
  readonly pipeline?: string;
  readonly base: string;
  readonly to: string;
  readonly simulated: boolean;
  readonly key?: string;
  readonly vaultKey?: string;
  readonly nodeSize: string;
  readonly perNode: number;
  readonly enclaveSize?: string;
  readonly threads?: number;
  readonly edmm: boolean;
  readonly productId: number;
  readonly svn: number;
  readonly lock?: string;
  readonly statementKey?: string;
  readonly manifest?: string;
  readonly output: string;
  readonly json: boolean;
}

/** Flags of `image base`. */
export interface ImageBaseFlags {
  readonly to: string;
  readonly builder: "docker" | "podman" | "acr";
  readonly dockerfile?: string;
  readonly subscription?: string;
  readonly resourceGroup?: string;
  readonly json: boolean;
}

/** Flags of `image simulate`. */
export interface ImageSimulateFlags {
  readonly platform: string;
  readonly host?: string;
  readonly port?: number;
  readonly tlsCert?: string;
  readonly tlsKey?: string;
  readonly json: boolean;
}

/** Flags of `image resolve`. */
export interface ImageResolveFlags {
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

function counted(minimum: number, standard: string, brief: string) {
  return { kind: "parsed", parse: integerFrom(minimum), placeholder: "n", default: standard, brief } as const;
}

const build = buildCommand<ImageBuildFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image-build.js")).build),
  parameters: {
    flags: {
      pipeline: textFlag("name", "Which pipeline of the file, when it exports several"),
      base: {
        kind: "parsed",
        parse: text,
        placeholder: "image",
        brief: "Base image, by digest, with Python and Gramine",
      },
      to: {
        kind: "parsed",
        parse: text,
        placeholder: "name",
        brief: "Where to push: HOST/NAME, or HOST/NAME:TAG",
      },
      simulated: switchFlag("Simulate the enclave: for trials, protects nothing"),
      key: textFlag("file", "Key that signs the enclave: RSA-3072, exponent 3, PEM"),
      vaultKey: textFlag("url", "Key of a Managed HSM: https://NAME.managedhsm.azure.net/keys/KEY/VERSION"),
      nodeSize: {
        kind: "parsed",
        parse: text,
        placeholder: "size",
        default: "Standard_DC4s_v3",
        brief: "Azure's name of the SGX nodes' size",
      },
      perNode: counted(1, "1", "Tasks that run on one node at the same time"),
      enclaveSize: textFlag(
        "size",
        "Size of the enclave, a power of two (default: what the node has room for)",
      ),
      threads: {
        kind: "parsed",
        parse: integerFrom(4),
        optional: true,
        placeholder: "n",
        brief: "Threads of the enclave (default: by the node's cores)",
      },
      edmm: switchFlag("Dynamic memory; nodes need Linux 6.0 or later"),
      productId: counted(0, "0", "Product id (ISVPRODID)"),
      svn: counted(0, "0", "Security version (ISVSVN): raise it to outdate older images"),
      lock: textFlag("file", "Requirements with versions and hashes, for all components"),
      statementKey: textFlag("file", "Ed25519 key in PEM that signs the provenance"),
      manifest: textFlag("file", "Where to write the measured Gramine manifest"),
      output: {
        kind: "parsed",
        parse: text,
        placeholder: "file",
        brief: "Where to write the image lock (JSON)",
      },
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [argument("file", "Pipeline as .ts, .js, .yaml or .json")] },
  },
  docs: { brief: "Build a measured image of a pipeline without a container engine, and push it" },
});

const base = buildCommand<ImageBaseFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image-build.js")).base),
  parameters: {
    flags: {
      to: { kind: "parsed", parse: text, placeholder: "name", brief: "Where to push: HOST/NAME:TAG" },
      builder: { kind: "enum", values: ["docker", "podman", "acr"], brief: "Who builds; acr: ACR Tasks" },
      dockerfile: textFlag("file", "Path below the directory (default: Dockerfile)"),
      subscription: textFlag("id", "Azure subscription of the registry, for acr"),
      resourceGroup: textFlag("name", "Resource group of the registry, for acr"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("directory", "Directory with a Dockerfile")] },
  },
  docs: {
    brief: "Build a base image from a Dockerfile with Docker, Podman or ACR Tasks, and print its digest",
  },
});

const simulate = buildCommand<ImageSimulateFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image-simulate.js")).simulate),
  parameters: {
    flags: {
      platform: {
        kind: "parsed",
        parse: text,
        placeholder: "file",
        brief: "The simulated platform; made when it is not there",
      },
      host: textFlag("address", "Where to listen (default: 127.0.0.1); other addresses need TLS"),
      port: {
        kind: "parsed",
        parse: integerFrom(0),
        optional: true,
        placeholder: "n",
        brief: "Port (default: any free one)",
      },
      tlsCert: textFlag("file", "Certificate, PEM"),
      tlsKey: textFlag("file", "Its key, PEM"),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [argument("lock", "Image lock of a simulated image")] },
  },
  docs: { brief: "Vouch for pods of a simulated image, for trials without SGX; protects nothing" },
});

const resolve = buildCommand<ImageResolveFlags, [string], CliContext>({
  loader: lazy(async () => (await import("../commands/image-build.js")).resolveImage),
  parameters: {
    flags: { json: jsonFlag },
    positional: { kind: "tuple", parameters: [argument("image", "HOST/NAME:TAG")] },
  },
  docs: { brief: "Print the digest that a tag has now" },
});

export const imageRoutes = buildRouteMap<string, CliContext>({
  routes: { build, base, resolve, simulate, lint, measure, sign, show },
  docs: { brief: "Measured images: build, check, measure and sign them" },
});
