/**
 * What a Gramine manifest must not say when it guards other people's data. Each finding has a code, the manifest's key
 * and a reason. Keys and their meaning: Gramine 1.9, "Manifest syntax".
 */
import { isJsonObject } from "@sealflow/core";
import { allowedPaths, covers, mountsOf, pathOfUri, trustedFilesOf } from "./files.js";
import { type ManifestFile, type ManifestTable, parseManifest } from "./manifest-file.js";
import { isPowerOfTwo, parseSize } from "./size.js";

/** One thing that is wrong. */
export interface ManifestFinding {
  readonly code: `GRAMINE_${string}`;
  /** Key in the manifest, for example `sgx.allowed_files[2]`. */
  readonly path: string;
  readonly message: string;
}

/** How a manifest is looked at. */
export interface LintOptions {
  /** For messages. */
  readonly name?: string;
  /** The manifest is what the enclave is made from (`*.manifest.sgx`): all hashes must be there. Default false. */
  readonly final?: boolean;
}

type Report = (code: ManifestFinding["code"], path: string, message: string) => void;
type Rule = (manifest: ManifestFile, report: Report, options: LintOptions) => void;

/**
 * Everything that lets the host see or steer what the enclave guards.
 *
 * @throws SealflowError `CLUSTER_MANIFEST_INVALID` when it is no manifest at all.
 */
export function lintManifest(bytes: Uint8Array, options: LintOptions = {}): readonly ManifestFinding[] {
  const manifest = parseManifest(bytes, options.name);
  const findings: ManifestFinding[] = [];
  for (const rule of rules) {
    rule(manifest, (code, path, message) => findings.push({ code, path, message }), options);
  }
  return findings;
}

const rules: readonly Rule[] = [
  insecureKeys,
  debugEnclave,
  logging,
  attestation,
  fileChecks,
  argumentsFromHost,
  environmentFromHost,
  allowedCode,
  encryptedMounts,
  plaintextDirectories,
  profiling,
  sizes,
  hashes,
];

/** Reasons for keys whose danger deserves its own words. */
const insecureReasons: Readonly<Record<string, readonly [ManifestFinding["code"], string]>> = {
  "loader.insecure__use_cmdline_argv": [
    "GRAMINE_HOST_ARGUMENTS",
    "whoever starts the enclave chooses its arguments, and with them the code that it runs",
  ],
  "loader.insecure__use_host_env": [
    "GRAMINE_HOST_ENVIRONMENT",
    "whoever starts the enclave sets any variable, LD_PRELOAD and PYTHONPATH too",
  ],
  "fs.insecure__keys": ["GRAMINE_KEY_IN_MANIFEST", "a key in the manifest is known to all who see the image"],
};

function insecureKeys({ all }: ManifestFile, report: Report): void {
  for (const [path, key, value] of keysOf(all, "")) {
    const off = value === false || value === 0;
    if (off) continue;
    if (key.startsWith("insecure__")) {
      const [code, reason] = insecureReasons[path] ?? [
        "GRAMINE_INSECURE_OPTION",
        "Gramine calls it insecure: it gives the host a way to steer or watch the enclave",
      ];
      report(code, path, reason);
    }
    if (key.startsWith("debug__")) {
      report("GRAMINE_DEBUG_OPTION", path, "options for debugging change what the code sees, or show it");
    }
    if (key.startsWith("experimental__")) {
      report("GRAMINE_EXPERIMENTAL_OPTION", path, "Gramine warns that it may have security holes");
    }
  }
}

/** Every key with its path, tables first, as deep as they go. */
function* keysOf(table: ManifestTable, prefix: string): Generator<readonly [string, string, unknown]> {
  for (const [key, value] of Object.entries(table)) {
    const path = prefix === "" ? key : `${prefix}.${key}`;
    yield [path, key, value];
    if (isJsonObject(value)) yield* keysOf(value, path);
    if (Array.isArray(value)) {
      for (const [index, item] of value.entries()) {
        if (isJsonObject(item)) yield* keysOf(item, `${path}[${index}]`);
      }
    }
  }
}

function debugEnclave({ sgx }: ManifestFile, report: Report): void {
  if (sgx.debug !== undefined && sgx.debug !== false) {
    report("GRAMINE_DEBUG_ENCLAVE", "sgx.debug", "the host reads and writes the memory of a debug enclave");
  }
}

function logging({ loader }: ManifestFile, report: Report): void {
  const level = loader.log_level ?? "error";
  if (level !== "error" && level !== "none") {
    report(
      "GRAMINE_LOG_LEVEL",
      "loader.log_level",
      `expected error or none, got ${level}: it shows what runs`,
    );
  }
}

function attestation({ sgx }: ManifestFile, report: Report): void {
  if (sgx.remote_attestation !== "dcap") {
    report(
      "GRAMINE_NO_ATTESTATION",
      "sgx.remote_attestation",
      `expected "dcap", got ${JSON.stringify(sgx.remote_attestation ?? "none")}: without a quote no key is granted`,
    );
  }
}

function fileChecks({ sgx }: ManifestFile, report: Report): void {
  const policy = sgx.file_check_policy ?? "strict";
  if (policy !== "strict") {
    report(
      "GRAMINE_FILE_CHECK",
      "sgx.file_check_policy",
      `expected strict, got ${policy}: any file would do`,
    );
  }
}

function argumentsFromHost({ loader, sgx }: ManifestFile, report: Report): void {
  for (const [key, code] of [
    ["argv_src_file", "GRAMINE_HOST_ARGUMENTS"],
    ["env_src_file", "GRAMINE_HOST_ENVIRONMENT"],
  ] as const) {
    const uri = loader[key];
    if (typeof uri !== "string") continue;
    const path = pathOfUri(uri);
    const trusted = trustedFilesOf(sgx).some((file) => covers(file.path, path));
    if (!trusted) report(code, `loader.${key}`, `${uri} is not a trusted file: the host can write another`);
  }
}

/** Variables that decide which code is loaded. */
const steering =
  /^(LD_.*|PATH|PYTHON.*|GCONV_PATH|OPENSSL_.*|SSL_CERT_.*|MALLOC_.*|GLIBC_TUNABLES|BASH_ENV|ENV)$/;

function environmentFromHost({ loader }: ManifestFile, report: Report): void {
  if (!isJsonObject(loader.env)) return;
  for (const [name, value] of Object.entries(loader.env)) {
    const passed = isJsonObject(value) && value.passthrough === true;
    if (passed && steering.test(name)) {
      const message = `${name} decides which code or which roots are used, and the host would set it`;
      report("GRAMINE_HOST_ENVIRONMENT", `loader.env.${name}`, message);
    }
  }
}

const codeFile = /\.(py|pyc|pyd|so(\.\d+)*|sh|jar|js|pl|rb)$/;

/** Directories that hold code on every Linux system. */
const codeDirectories = ["/bin", "/sbin", "/lib", "/lib64", "/usr", "/opt", "/app", "/etc", "/gramine"];

function allowedCode(manifest: ManifestFile, report: Report): void {
  const code = [...codePaths(manifest), ...codeDirectories];
  for (const [index, allowed] of allowedPaths(manifest.sgx).entries()) {
    const at = `sgx.allowed_files[${index}]`;
    const hit =
      code.find((path) => covers(allowed, path)) ?? codeDirectories.find((dir) => covers(dir, allowed));
    const found = codeFile.test(allowed) ? allowed : hit;
    if (found !== undefined) {
      const message = `${allowed} is open to the host, and ${found === allowed ? "it" : found} holds code`;
      report("GRAMINE_ALLOWED_CODE", at, message);
    }
  }
}

/** Paths that the manifest itself names as code or as trusted. */
function codePaths({ libos, loader, sgx }: ManifestFile): readonly string[] {
  const words = Array.isArray(loader.argv) ? loader.argv : [];
  const named = [libos.entrypoint, ...words].filter(
    (word): word is string => typeof word === "string" && word.startsWith("/"),
  );
  const entry = isJsonObject(loader.entrypoint) ? loader.entrypoint.uri : loader.entrypoint;
  const uris = typeof entry === "string" ? [pathOfUri(entry)] : [];
  return [...named, ...uris, ...trustedFilesOf(sgx).map(({ path }) => path)];
}

function encryptedMounts({ fs }: ManifestFile, report: Report): void {
  for (const { index, type, keyName } of mountsOf(fs)) {
    if (type !== "encrypted") continue;
    if (keyName === undefined || keyName.startsWith("_sgx_mr")) {
      report(
        "GRAMINE_PLATFORM_KEY",
        `fs.mounts[${index}].key_name`,
        `${keyName ?? "the default key"} belongs to one processor: what one node seals no other node opens, ` +
          "and old files pass as new ones",
      );
    }
  }
}

/** Where programs put plaintext without being asked. */
const scratch = ["/tmp", "/var/tmp", "/dev/shm"];

function plaintextDirectories({ fs, sgx }: ManifestFile, report: Report): void {
  const mounts = mountsOf(fs);
  for (const [index, allowed] of allowedPaths(sgx).entries()) {
    const hit = scratch.find((directory) => covers(allowed, directory) || covers(directory, allowed));
    if (hit === undefined) continue;
    report(
      "GRAMINE_PLAINTEXT_DIRECTORY",
      `sgx.allowed_files[${index}]`,
      `programs write plaintext to ${hit}`,
    );
  }
  const tmp = mounts
    .filter(({ path }) => covers(path, "/tmp"))
    .sort((a, b) => b.path.length - a.path.length)[0];
  if (tmp?.type === "tmpfs" || tmp?.type === "encrypted") return;
  report("GRAMINE_PLAINTEXT_DIRECTORY", "fs.mounts", "/tmp is not kept in the enclave: mount a tmpfs there");
}

function profiling({ sgx }: ManifestFile, report: Report): void {
  const profile = isJsonObject(sgx.profile) ? (sgx.profile.enable ?? "none") : "none";
  const on = [
    ["sgx.profile.enable", profile !== "none"],
    ["sgx.enable_stats", sgx.enable_stats !== undefined && sgx.enable_stats !== false],
    ["sgx.vtune_profile", sgx.vtune_profile !== undefined && sgx.vtune_profile !== false],
  ] as const;
  for (const [path, bad] of on) {
    if (bad) report("GRAMINE_PROFILING", path, "profiles show the host what the enclave does and when");
  }
}

function sizes({ sgx }: ManifestFile, report: Report): void {
  if (typeof sgx.enclave_size === "string" && !goodSize(sgx.enclave_size)) {
    report(
      "GRAMINE_SIZE",
      "sgx.enclave_size",
      "expected a power of two such as 4G: the processor takes no other",
    );
  }
  const threads = sgx.max_threads ?? 4;
  if (typeof threads !== "number" || !Number.isInteger(threads) || threads < 4) {
    report(
      "GRAMINE_SIZE",
      "sgx.max_threads",
      `expected at least 4, got ${threads}: Gramine needs some itself`,
    );
  }
}

function goodSize(text: string): boolean {
  try {
    return isPowerOfTwo(parseSize(text, "sgx.enclave_size"));
  } catch {
    return false;
  }
}

function hashes({ sgx, loader, libos }: ManifestFile, report: Report, { final }: LintOptions): void {
  if (final !== true) return;
  const files = trustedFilesOf(sgx);
  for (const [index, { path, sha256 }] of files.entries()) {
    if (sha256 === undefined || !/^[0-9a-f]{64}$/.test(sha256)) {
      report("GRAMINE_UNHASHED", `sgx.trusted_files[${index}]`, `${path} has no hash: it is not measured`);
    }
  }
  const entry = isJsonObject(loader.entrypoint) ? loader.entrypoint.sha256 : undefined;
  if (typeof entry !== "string") {
    report("GRAMINE_UNHASHED", "loader.entrypoint.sha256", "the LibOS has no hash: it is not measured");
  }
  const program = libos.entrypoint;
  if (typeof program === "string" && files.length > 0 && !files.some(({ path }) => covers(path, program))) {
    report("GRAMINE_UNHASHED", "libos.entrypoint", `${program} is not among the trusted files`);
  }
}
