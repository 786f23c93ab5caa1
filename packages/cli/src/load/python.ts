/** Asking Python about components. */
import { execFile } from "node:child_process";
import { existsSync } from "node:fs";
import { delimiter, dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { SealflowError } from "@sealflow/core";
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
  readonly module: "sealflow.signatures" | "sealflow.component";
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
  if (sources === undefined) {
    throw missing("expected the Python modules of @sealflow/engine, got none", "install sealflow again");
  }
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

function missing(message: string, hint: string): SealflowError {
  return new SealflowError({ code: "CLI_PYTHON_MISSING", message: `python: ${message}`, hint });
}

/**
 * What `python -m sealflow.signatures` says about Python files, in their order. Reads them; runs none of their code.
 *
 * @throws SealflowError `CLI_PYTHON_MISSING`, `CLI_SIGNATURES_FAILED`
 */
export async function readSignatures(
  paths: readonly string[],
  env: Environment,
): Promise<readonly ComponentFile[]> {
  if (paths.length === 0) return [];
  const answer = await runPython({ module: "sealflow.signatures", args: paths, env });
  // Our own program's output; its shape is tested on both sides.
  if (answer.code === 0) return JSON.parse(answer.stdout) as readonly ComponentFile[];
  throw new SealflowError({
    code: "CLI_SIGNATURES_FAILED",
    message: `component signatures: ${answer.stderr.trim().split("\n").at(-1) ?? `exit code ${answer.code}`}`,
    hint: "sealflow doctor checks Python",
  });
}
