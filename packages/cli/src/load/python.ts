/** Asking Python about components. */
import { type ChildProcessWithoutNullStreams, execFile, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SealflowError } from "@sealflow/core";
import { defaultEnvironmentsDirectory, findInterpreter } from "@sealflow/engine/interpreter";
import type { ComponentFile } from "@sealflow/pipeline";
import type { Environment } from "../context.js";

/** Where Sealflow's Python modules lie: in the engine's package, or in a checkout. */
const places = ["node_modules/@sealflow/engine/python", "python/src"];

/** Names under which a Python 3.11 or newer may be found, best first. */
const interpreters = ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];

/** The directory that holds the package `sealflow`. */
export function pythonSources(env: Environment): string | undefined {
  if (env.SEALFLOW_PYTHON_SOURCES) return env.SEALFLOW_PYTHON_SOURCES;
  for (let directory = dirname(fileURLToPath(import.meta.url)); ; directory = dirname(directory)) {
    const found = places.map((place) => join(directory, place)).find(hasSignatures);
    if (found !== undefined) return found;
    if (dirname(directory) === directory) return undefined;
  }
}

function hasSignatures(directory: string): boolean {
  return existsSync(join(directory, "sealflow", "signatures.py"));
}

interface Answer {
  readonly stdout: string;
  readonly stderr: string;
  /** The system's code when the program could not be started, else the exit code. */
  readonly code: string | number;
}

function ask(command: string, args: readonly string[], work: Omit<PythonProgram, "module">): Promise<Answer> {
  const { env, cwd, onStderr } = work;
  return new Promise((resolve) => {
    const place = cwd === undefined ? {} : { cwd };
    const options = { env: { ...env }, maxBuffer: 2 ** 28, encoding: "utf8", ...place } as const;
    const child = execFile(command, args, options, (error, stdout, stderr) => {
      resolve({ stdout, stderr, code: error === null ? 0 : (error.code ?? 1) });
    });
    if (onStderr !== undefined) child.stderr?.on("data", onStderr);
  });
}

/** One of Sealflow's Python programs to run. */
export interface PythonProgram {
  readonly module: "sealflow.component";
  readonly args: readonly string[];
  readonly env: Environment;
  readonly cwd?: string;
  /** Called with what the program writes to standard error, as it comes. */
  readonly onStderr?: (text: string) => void;
}

/**
 * Runs a program on the first Python 3.11 or newer: the one of SEALFLOW_PYTHON, else one on PATH.
 *
 * @throws SealflowError `CLI_PYTHON_MISSING`
 */
export async function runPython(work: PythonProgram): Promise<Answer & { readonly code: number }> {
  const { env } = work;
  const sources = pythonSources(env);
  if (sources === undefined) throw withoutSources();
  const path = [sources, env.PYTHONPATH].filter(Boolean).join(delimiter);
  const environment = { ...env, PYTHONPATH: path, PYTHONDONTWRITEBYTECODE: "1" };
  let last = "none on PATH";
  for (const candidate of env.SEALFLOW_PYTHON ? [env.SEALFLOW_PYTHON] : interpreters) {
    const args = ["-c", program, work.module, ...work.args];
    const answer = await ask(candidate, args, { ...work, env: environment });
    if (answer.code === tooOld) last = `${candidate}, which is older`;
    else if (typeof answer.code === "number") return { ...answer, code: answer.code };
  }
  throw missing(
    `expected Python 3.11 or newer, got ${last}`,
    "install Python, or name one in SEALFLOW_PYTHON",
  );
}

const tooOld = 97;
const program = `import sys
if sys.version_info < (3, 11): sys.exit(${tooOld})
import runpy
module = sys.argv.pop(1)
runpy.run_module(module, run_name="__main__", alter_sys=True)`;

function withoutSources(): SealflowError {
  return missing("expected the Python modules of @sealflow/engine, got none", "install sealflow again");
}

function missing(message: string, hint: string): SealflowError {
  return new SealflowError({ code: "CLI_PYTHON_MISSING", message: `python: ${message}`, hint });
}

/** A process that reads the signatures in Python files; started before it is known in which. */
export interface SignatureReader {
  /**
   * What `python -m sealflow.signatures` says about Python files, in their order. Reads them; runs none of their code.
   * May be called once.
   *
   * @throws SealflowError `CLI_PYTHON_MISSING`, `CLI_SIGNATURES_FAILED`
   */
  read(paths: readonly string[]): Promise<readonly ComponentFile[]>;
  /** Ends a reader that is not needed after all. */
  stop(): void;
}

/** Starts Python, so that it is up by the time the files are known. */
export function startSignatureReader(env: Environment): SignatureReader {
  const started = startReader(env);
  // Told to whoever reads.
  started.catch(() => {});
  return {
    read: async (paths) => (paths.length === 0 ? [] : answerOf(await started, paths)),
    stop: () => void started.then(({ child }) => child.kill("SIGKILL")).catch(() => {}),
  };
}

interface Started {
  readonly child: ChildProcessWithoutNullStreams;
  /** Its exit code, or null. Listened for from the start, since it may end before it is asked. */
  readonly ended: Promise<number | null>;
}

async function startReader(env: Environment): Promise<Started> {
  const sources = pythonSources(env);
  if (sources === undefined) throw withoutSources();
  const PYTHONPATH = [sources, env.PYTHONPATH].filter(Boolean).join(delimiter);
  const child = spawn(await interpreter(env), ["-m", "sealflow.signatures", "-"], {
    env: { ...env, PYTHONPATH },
  });
  child.stdin.on("error", () => {});
  const ended = new Promise<number | null>((resolve) => {
    child.on("close", resolve);
    child.on("error", () => resolve(null));
  });
  return { child, ended };
}

async function interpreter(env: Environment): Promise<string> {
  try {
    const cacheDirectory = defaultEnvironmentsDirectory(env);
    return (await findInterpreter({ environment: env, cacheDirectory })).executable;
  } catch (error) {
    throw missing(
      error instanceof Error ? error.message.replace(/^python: /, "") : String(error),
      "install Python, or name one in SEALFLOW_PYTHON",
    );
  }
}

async function answerOf(
  { child, ended }: Started,
  paths: readonly string[],
): Promise<readonly ComponentFile[]> {
  const said = { stdout: "", stderr: "" };
  for (const name of ["stdout", "stderr"] as const) {
    child[name].setEncoding("utf8").on("data", (text: string) => {
      said[name] += text;
    });
  }
  child.stdin.end(JSON.stringify(paths));
  const code = await ended;
  // Our own program's output; its shape is tested on both sides.
  if (code === 0) return JSON.parse(said.stdout) as readonly ComponentFile[];
  throw new SealflowError({
    code: "CLI_SIGNATURES_FAILED",
    message: `component signatures: ${said.stderr.trim().split("\n").at(-1) || `the process ended with ${code}`}`,
    hint: "sealflow doctor checks Python",
  });
}

/** Reads signatures of files that are known; see `SignatureReader.read`. */
export async function readSignatures(
  paths: readonly string[],
  env: Environment,
): Promise<readonly ComponentFile[]> {
  return paths.length === 0 ? [] : startSignatureReader(env).read(paths);
}
