/** Gramine's manifest for a pipeline's image: one fixed program, hashed files, plaintext in the enclave's memory. */
import { stringify } from "smol-toml";
import type { EnclaveSizing } from "./nodes.js";
import { formatSize } from "./size.js";

/** A file whose content is part of the measurement. */
export interface HashedFile {
  /** Absolute path in the image. */
  readonly path: string;
  /** 64 hex digits. */
  readonly sha256: string;
}

/** What the enclave runs and what it may see. */
export interface ManifestInput {
  /** Absolute path of the Python interpreter. */
  readonly python: string;
  /** Arguments after the interpreter's own; nothing can be added to them from outside. */
  readonly arguments: readonly string[];
  /** Fixed environment variables. */
  readonly environment: Readonly<Record<string, string>>;
  /** Variables that come from the host. They are untrusted: what they hold must be checked inside. */
  readonly passthrough: readonly string[];
  /** Gramine's LibOS. */
  readonly libos: HashedFile;
  /** Directory with Gramine's own C library. */
  readonly runtimeDirectory: string;
  /** Everything that may be read, with its hash. */
  readonly trusted: readonly HashedFile[];
  /** Directory that is shared with the host: ciphertext and locators go through it, and nothing else. */
  readonly exchange: string;
  readonly sizing: EnclaveSizing;
  /** Dynamic memory: Linux 6.0 or later. Default false. */
  readonly edmm?: boolean;
  /** 16 bits. */
  readonly productId: number;
  /** Raise it when an older image must no longer be believed. 16 bits. */
  readonly svn: number;
}

/** Where plaintext may be written: memory of the enclave, gone with it. */
export const PLAINTEXT_DIRECTORIES = ["/tmp", "/var/tmp", "/dev/shm", "/root", "/run/sealflow"] as const;

/** Libraries are looked for here, besides Gramine's own. */
const libraryPath = [
  "/lib/x86_64-linux-gnu",
  "/usr/lib/x86_64-linux-gnu",
  "/usr/local/lib",
  "/lib64",
  "/usr/lib64",
];

/** The final manifest. The same input gives the same bytes; they are what is measured. */
export function gramineManifest(input: ManifestInput): string {
  return stringify({
    libos: { entrypoint: input.python },
    loader: {
      entrypoint: { uri: `file:${input.libos.path}`, sha256: input.libos.sha256 },
      log_level: "error",
      argv: [input.python, ...input.arguments],
      env: environment(input),
    },
    sys: {
      stack: { size: "8M" },
      enable_extra_runtime_domain_names_conf: true,
      enable_sigterm_injection: true,
      // A child would be another enclave of the same size; Python does without.
      disallow_subprocesses: true,
    },
    fs: { mounts: mounts(input) },
    sgx: {
      debug: false,
      remote_attestation: "dcap",
      enclave_size: formatSize(input.sizing.enclaveSize),
      max_threads: input.sizing.maxThreads,
      edmm_enable: input.edmm ?? false,
      isvprodid: input.productId,
      isvsvn: input.svn,
      use_exinfo: true,
      file_check_policy: "strict",
      cpu_features: { avx: "unspecified", avx512: "unspecified", amx: "unspecified" },
      allowed_files: [`file:${input.exchange}/`],
      trusted_files: [...input.trusted]
        .sort((a, b) => (a.path < b.path ? -1 : 1))
        .map(({ path, sha256 }) => ({ uri: `file:${path}`, sha256 })),
    },
  });
}

function environment({ environment: fixed, passthrough, sizing, runtimeDirectory }: ManifestInput) {
  const threads = String(sizing.computeThreads);
  const all = {
    LD_LIBRARY_PATH: ["/lib", runtimeDirectory, ...libraryPath].join(":"),
    HOME: "/root",
    PYTHONHASHSEED: "0",
    PYTHONDONTWRITEBYTECODE: "1",
    MALLOC_ARENA_MAX: "1",
    OMP_NUM_THREADS: threads,
    OPENBLAS_NUM_THREADS: threads,
    ...fixed,
  };
  const sorted = Object.entries(all).sort(([a], [b]) => (a < b ? -1 : 1));
  const names = [...passthrough].sort().filter((name) => !(name in all));
  return Object.fromEntries([...sorted, ...names.map((name) => [name, { passthrough: true }] as const)]);
}

function mounts({ trusted, runtimeDirectory, exchange }: ManifestInput) {
  const top = new Set(trusted.map(({ path }) => `/${path.split("/")[1]}`));
  // Gramine's own C library comes to /lib; the rest of the image where it is.
  const places = [...top].filter((path) => path !== "/lib").sort();
  return [
    { path: "/lib", uri: `file:${runtimeDirectory}` },
    ...(top.has("/lib") ? [{ path: "/lib/x86_64-linux-gnu", uri: "file:/lib/x86_64-linux-gnu" }] : []),
    ...places.map((path) => ({ path, uri: `file:${path}` })),
    ...PLAINTEXT_DIRECTORIES.map((path) => ({ type: "tmpfs", path })),
    { path: exchange, uri: `file:${exchange}` },
  ];
}
