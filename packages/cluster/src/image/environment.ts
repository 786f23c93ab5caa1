/** The components' packages, placed for the image's Python without running it: wheels by hash, unpacked as installers do. */
import { execFile } from "node:child_process";
import { mkdirSync, readdirSync, rmSync } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join, relative, sep } from "node:path";
import { type Digest, SealflowError } from "@sealflow/core";
import type { LayerEntry } from "../oci/layer.js";
import { digestOfBytes } from "../oci/registry.js";
import type { BakedComponent } from "./components.js";
import { ENVIRONMENT_DIRECTORY } from "./runtime.js";

/** A package of the environment. */
export interface LockedPackage {
  readonly name: string;
  readonly version: string;
  /** Hex; of the files that the lock allows. */
  readonly sha256: readonly string[];
}

/** A hash-locked requirements file. */
export interface RequirementsLock {
  readonly text: string;
  readonly digest: Digest;
  readonly packages: readonly LockedPackage[];
}

/**
 * Reads a requirements file in which every package has a version and hashes.
 *
 * @throws SealflowError `CLUSTER_ENVIRONMENT_UNPINNED`
 */
export function parseLock(text: string, name: string): RequirementsLock {
  const lines = text
    .replace(/\\\r?\n/g, " ")
    .split(/\r?\n/)
    .map((line) => line.replace(/(^|\s)#.*$/, "").trim())
    .filter((line) => line !== "" && !line.startsWith("-"));
  const packages = lines.map((line): LockedPackage => {
    const [, pin = "", version = ""] =
      /^([A-Za-z0-9][A-Za-z0-9._-]*(?:\[[^\]]*\])?)\s*==\s*([^\s;]+)/.exec(line) ?? [];
    const sha256 = [...line.matchAll(/--hash=sha256:([0-9a-f]{64})/g)].map(([, hash]) => hash ?? "");
    if (pin === "" || sha256.length === 0)
      throw unpinned(name, `the line ${JSON.stringify(line.slice(0, 80))}`);
    return {
      name: pin
        .replace(/\[.*/, "")
        .toLowerCase()
        .replace(/[-_.]+/g, "-"),
      version,
      sha256,
    };
  });
  return { text, digest: digestOfBytes(Buffer.from(text)), packages };
}

function unpinned(name: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ENVIRONMENT_UNPINNED",
    message: `${name}: expected every package as NAME==VERSION with --hash=sha256:…, got ${got}`,
    hint: "uv pip compile --generate-hashes, or pip-compile --generate-hashes, writes such a file",
  });
}

/**
 * The one lock of all components: given, or the one that they name.
 *
 * @param locks Texts by digest, as components name them.
 * @throws SealflowError `CLUSTER_ENVIRONMENT_UNPINNED`, `CLUSTER_ENVIRONMENT_SEVERAL`
 */
export function environmentLock(
  components: readonly BakedComponent[],
  locks: Readonly<Record<string, string>>,
  given?: RequirementsLock,
): RequirementsLock {
  if (given !== undefined) return given;
  const named = new Set(components.flatMap(({ lock }) => (lock === undefined ? [] : [lock])));
  const loose = components.find(({ lock, requirements }) => lock === undefined && requirements.length > 0);
  if (loose !== undefined) throw unpinned(loose.executor, loose.requirements.join(" "));
  const [only, second] = [...named];
  if (second !== undefined) {
    throw new SealflowError({
      code: "CLUSTER_ENVIRONMENT_SEVERAL",
      message: `environment: expected one lock for all components, got ${named.size}`,
      hint: "give one that fits all with --lock, or build an image for each part of the pipeline",
    });
  }
  if (only === undefined) return parseLock("", "no packages");
  const text = locks[only];
  if (text === undefined) throw unpinned(only, "a lock whose text is not at hand: give it with --lock");
  return parseLock(text, only);
}

/** How packages are fetched. */
export interface InstallOptions {
  /** Scratch directory; it is emptied. */
  readonly directory: string;
  /** Of the image's Python, for example `3.11`. */
  readonly pythonVersion: string;
  /** Interpreter with pip on this machine. Default `python3`. */
  readonly python?: string;
  readonly environment: Readonly<Partial<Record<string, string>>>;
  readonly signal?: AbortSignal;
}

/** Wheels that run on the distributions that Gramine supports, newest first. */
const platforms = [
  "manylinux_2_34",
  "manylinux_2_31",
  "manylinux_2_28",
  "manylinux_2_27",
  "manylinux_2_17",
  "manylinux2014",
  "manylinux_2_12",
  "manylinux2010",
];

/**
 * Unpacks the locked wheels for Linux on x86-64 and returns them as entries of a layer. No package's code is run,
 * and nothing about this machine is written: the entries depend on the lock alone.
 *
 * @throws SealflowError `CLUSTER_ENVIRONMENT_FAILED`
 */
export async function installEnvironment(
  lock: RequirementsLock,
  options: InstallOptions,
): Promise<readonly LayerEntry[]> {
  const { directory } = options;
  rmSync(directory, { recursive: true, force: true });
  mkdirSync(directory, { recursive: true });
  if (lock.packages.length === 0) return [];
  const requirements = join(directory, "requirements.lock");
  const [wheels, unpacked] = [join(directory, "wheels"), join(directory, "unpacked")];
  await writeFile(requirements, lock.text);
  await python(
    [
      ...["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--only-binary=:all:"],
      ...["--implementation", "cp", "--python-version", options.pythonVersion],
      ...platforms.flatMap((platform) => ["--platform", `${platform}_x86_64`]),
      ...["--dest", wheels, "-r", requirements],
    ],
    options,
  );
  const entries: LayerEntry[] = [];
  for (const wheel of readdirSync(wheels).sort()) {
    const target = join(unpacked, wheel);
    await python(["-m", "zipfile", "-e", join(wheels, wheel), target], options);
    entries.push(...wheelEntries(target, options.pythonVersion));
  }
  return entries;
}

/** Where packages of a Python lie below the environment, as installers place them: some look for libraries beside it. */
export function sitePackages(pythonVersion: string): string {
  return `${ENVIRONMENT_DIRECTORY}/lib/python${pythonVersion}/site-packages`;
}

/**
 * The files of an unpacked wheel, where an installer puts them. Scripts and headers are left out: nothing runs or
 * compiles them in the image. Source: Python packaging, "Binary distribution format", section "Spread".
 */
function wheelEntries(directory: string, pythonVersion: string): readonly LayerEntry[] {
  const site = sitePackages(pythonVersion);
  return readdirSync(directory, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile())
    .map((entry) => join(entry.parentPath, entry.name))
    .flatMap((file): LayerEntry[] => {
      const name = relative(directory, file).split(sep).join("/");
      const path = spread(name, site);
      return path === undefined ? [] : [{ path, content: { file } }];
    });
}

function spread(name: string, site: string): string | undefined {
  if (/(^|\/)__pycache__\//.test(name)) return undefined;
  const [, kind, rest] = /^[^/]+\.data\/([^/]+)\/(.*)$/.exec(name) ?? [];
  if (kind === undefined || kind === "purelib" || kind === "platlib") return `${site}/${rest ?? name}`;
  return kind === "data" ? `${ENVIRONMENT_DIRECTORY}/${rest}` : undefined;
}

function python(args: readonly string[], options: InstallOptions): Promise<void> {
  const { python: interpreter = "python3", signal } = options;
  const env = { ...options.environment, PIP_DISABLE_PIP_VERSION_CHECK: "1", PYTHONDONTWRITEBYTECODE: "1" };
  return new Promise((resolve, reject) => {
    const limits = { env, maxBuffer: 2 ** 26, ...(signal === undefined ? {} : { signal }) };
    execFile(interpreter, [...args], limits, (error, _, stderr) => {
      if (error === null) return resolve();
      const last = stderr.trim().split("\n").slice(-3).join(" ") || error.message;
      reject(
        new SealflowError({
          code: "CLUSTER_ENVIRONMENT_FAILED",
          message: `environment: expected wheels for Python ${options.pythonVersion} on Linux x86-64, got: ${last}`,
          hint: "the lock must name wheels for that platform; check the package index",
          cause: error,
        }),
      );
    });
  });
}
