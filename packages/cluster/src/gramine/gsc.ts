/** Inputs of Gramine Shielded Containers, for those who build with it: a manifest fragment and its configuration. */
import { stringify } from "smol-toml";
import type { EnclaveSizing } from "./nodes.js";
import { formatSize } from "./size.js";

/** What GSC adds to an image. */
export interface GscInput {
  /** Distribution of the image, as GSC names it. */
  readonly distribution: "ubuntu:22.04" | "ubuntu:24.04" | "debian:11" | "debian:12";
  /** Gramine by digest, so that the measurement can be predicted: `gramineproject/gramine@sha256:…`. */
  readonly gramineImage: string;
  readonly environment: Readonly<Record<string, string>>;
  readonly exchange: string;
  readonly sizing: EnclaveSizing;
  readonly productId: number;
  readonly svn: number;
}

/** The files, and the commands that take them. Nothing in them lets arguments in from the host. */
export interface GscFiles {
  readonly "app.manifest": string;
  readonly "config.yaml": string;
  readonly commands: readonly string[];
}

/** Files for `gsc build`. GSC fills in entry point, arguments and hashes from the image itself. */
export function gscFiles(input: GscInput, image: string): GscFiles {
  const { sizing } = input;
  const manifest = stringify({
    loader: { log_level: "error", env: input.environment },
    sys: { stack: { size: "8M" }, enable_extra_runtime_domain_names_conf: true, disallow_subprocesses: true },
    fs: { mounts: [{ type: "tmpfs", path: "/tmp" }] },
    sgx: {
      debug: false,
      remote_attestation: "dcap",
      enclave_size: formatSize(sizing.enclaveSize),
      max_threads: sizing.maxThreads,
      isvprodid: input.productId,
      isvsvn: input.svn,
      file_check_policy: "strict",
      allowed_files: [`file:${input.exchange}/`],
    },
  });
  const quoted = JSON.stringify;
  return {
    "app.manifest": manifest,
    "config.yaml": [
      `Distro: ${quoted(input.distribution)}`,
      'Registry: ""',
      "Gramine:",
      `    Image: ${quoted(input.gramineImage)}`,
      "SGXDriver:",
      '    Repository: ""',
      '    Branch: ""',
      "",
    ].join("\n"),
    commands: [
      `gsc build --buildtype release --config config.yaml ${image} app.manifest`,
      `gsc sign-image --config config.yaml ${image} enclave-key.pem`,
      `gsc info-image gsc-${image}`,
    ],
  };
}
