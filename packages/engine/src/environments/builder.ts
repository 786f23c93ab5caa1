/**
 * Environments are built once, at their final place, because they carry their own path; a mark written last says that
 * one is whole. A lock between processes keeps two from building the same.
 */
import { spawn } from "node:child_process";
import { existsSync, mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type Digest, SealflowError } from "@sealflow/core";
import { writing } from "../store/disk-errors.js";
import { takeLock } from "../store/locks.js";
import type { EnvironmentNeeds, Installation } from "./environment.js";
import type { PythonInterpreter } from "./interpreter.js";

/** An environment that is ready for use. */
export interface PythonEnvironment {
  readonly digest: Digest;
  readonly directory: string;
  /** Its interpreter. */
  readonly python: string;
}

/** A build's input. */
export interface BuildRequest {
  readonly digest: Digest;
  readonly needs: EnvironmentNeeds;
  readonly interpreter: PythonInterpreter;
  /** Text of the lock that `needs.lock` names. */
  readonly lockText?: string;
  /** Directory of all environments. */
  readonly environmentsDirectory: string;
  /** The `uv` executable; undefined for venv and pip. */
  readonly uv?: string;
  /** Called before the building starts; not called for an environment that is there. */
  readonly onBuild?: () => void;
  readonly signal?: AbortSignal;
}

/**
 * The environment, built when it is not there yet.
 *
 * @throws SealflowError `ENGINE_ENVIRONMENT_FAILED` with the installer's last lines, `ENGINE_STORE_…` when the directory
 *   can't be written
 */
export async function ensureEnvironment(request: BuildRequest): Promise<PythonEnvironment> {
  const environment = environmentAt(request);
  if (isWhole(environment)) return environment;
  const locks = join(request.environmentsDirectory, "locks");
  const name = request.digest.slice("sha256:".length);
  for (;;) {
    request.signal?.throwIfAborted();
    const { held } = await takeLock(locks, name);
    if (held !== undefined) {
      try {
        if (!isWhole(environment)) await build(request, environment);
        return environment;
      } finally {
        held.release();
      }
    }
    await new Promise((resolve) => setTimeout(resolve, 100));
    if (isWhole(environment)) return environment;
  }
}

/** The environment's paths, whether it is there or not. */
export function environmentAt(
  request: Pick<BuildRequest, "digest" | "environmentsDirectory">,
): PythonEnvironment {
  const name = request.digest.slice("sha256:".length, "sha256:".length + 32);
  const directory = join(request.environmentsDirectory, name);
  return { digest: request.digest, directory, python: join(directory, "bin", "python") };
}

/** True for a completed environment whose base interpreter still exists. */
export function isWhole(environment: PythonEnvironment): boolean {
  return existsSync(markOf(environment)) && existsSync(environment.python);
}

function markOf({ directory }: PythonEnvironment): string {
  return join(directory, ".sealflow-complete");
}

async function build(request: BuildRequest, environment: PythonEnvironment): Promise<void> {
  const { directory } = environment;
  request.onBuild?.();
  writing(directory, () => {
    rmSync(directory, { recursive: true, force: true });
    mkdirSync(directory, { recursive: true });
  });
  for (const command of commands(request, environment)) await execute(command, request);
  writing(directory, () => writeFileSync(markOf(environment), `${JSON.stringify(request.needs)}\n`));
}

function commands(request: BuildRequest, environment: PythonEnvironment): string[][] {
  const { uv, interpreter, needs } = request;
  const installs = argumentsOf(request, environment);
  // Installing from the base interpreter's pip spares every environment a pip of its own.
  const venv = [interpreter.executable, "-m", "venv", "--without-pip", environment.directory];
  if (installs.length === 0) return [venv];
  const [create, install] = uv
    ? [
        [uv, "venv", "--quiet", "--clear", "--python", interpreter.executable, environment.directory],
        [uv, "pip", "install", "--quiet", "--python", environment.python],
      ]
    : [
        venv,
        [interpreter.executable, "-m", "pip", "--python", environment.python, "install", "--quiet"].concat(
          "--disable-pip-version-check",
          "--no-warn-script-location",
          "--no-input",
        ),
      ];
  const indexes = needs.indexUrls.map((url, index) => [
    index === 0 ? "--index-url" : "--extra-index-url",
    url,
  ]);
  const hosts = needs.trustedHosts.map((host) => [uv ? "--allow-insecure-host" : "--trusted-host", host]);
  const options = [...indexes, ...hosts].flat();
  return [create, ...installs.map((what) => [...install, ...options, ...what])];
}

/** What follows `pip install`, per call. */
function argumentsOf(request: BuildRequest, environment: PythonEnvironment): string[][] {
  const { needs, lockText } = request;
  if (needs.lock === undefined) return needs.installations.filter(hasRequirements).map(installArguments);
  const file = join(environment.directory, "requirements.lock");
  writing(file, () => writeFileSync(file, lockText ?? ""));
  return [["--require-hashes", "-r", file]];
}

function hasRequirements({ requirements }: Installation): boolean {
  return requirements.length > 0;
}

function installArguments({ requirements, noDependencies }: Installation): string[] {
  return [...(noDependencies ? ["--no-deps"] : []), ...requirements];
}

const LAST_LINES = 12;

async function execute(command: readonly string[], request: BuildRequest): Promise<void> {
  const [program = "", ...args] = command;
  const child = spawn(program, args, {
    stdio: ["ignore", "pipe", "pipe"],
    // A working directory with a file named like a standard module must not get in the way.
    cwd: request.environmentsDirectory,
    ...(request.signal === undefined ? {} : { signal: request.signal, killSignal: "SIGKILL" as const }),
  });
  const chunks: Buffer[] = [];
  child.stdout.on("data", (chunk: Buffer) => chunks.push(chunk));
  child.stderr.on("data", (chunk: Buffer) => chunks.push(chunk));
  const code = await new Promise<number | null>((resolve, reject) => {
    child.on("error", (cause) =>
      request.signal?.aborted ? resolve(null) : reject(cannotRun(program, cause)),
    );
    child.on("close", resolve);
  });
  request.signal?.throwIfAborted();
  if (code !== 0) throw failed(command, request, Buffer.concat(chunks).toString("utf8"));
}

function cannotRun(program: string, cause: Error): SealflowError {
  return new SealflowError({
    code: "ENGINE_ENVIRONMENT_FAILED",
    message: `Python environment: cannot run ${program}: ${cause.message}`,
    cause,
  });
}

function failed(command: readonly string[], { digest, needs }: BuildRequest, output: string): SealflowError {
  const lines = output.split("\n").map((line) => line.trimEnd());
  const last = lines.filter((line) => line !== "").slice(-LAST_LINES);
  const reason = [...last].reverse().find((line) => /^\s*(ERROR|error|×|╰)/.test(line)) ?? last.at(-1) ?? "";
  return new SealflowError({
    code: "ENGINE_ENVIRONMENT_FAILED",
    message: `Python environment: ${command.includes("venv") ? "venv" : "pip install"} failed: ${reason.trim()}`,
    hint: "Check the requirements' spelling and versions, the Python version and the package index.",
    data: { environment: digest, installations: needs.installations, output: last.join("\n") },
  });
}
