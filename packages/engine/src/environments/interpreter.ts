/** Finding the Python that environments are made from. */
import { execFile } from "node:child_process";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { isJsonObject, SealflowError } from "@sealflow/core";

/** A Python interpreter of this machine. */
export interface PythonInterpreter {
  /** Absolute path of the interpreter itself: never a version manager's shim, which costs tens of milliseconds a start. */
  readonly executable: string;
  /** Full version, for example `3.11.7`. */
  readonly version: string;
  /** What compiled packages depend on: implementation, version, operating system, processor. */
  readonly tag: string;
}

const probe = `
import os, sys
print(sys.executable)
print(".".join(map(str, sys.version_info[:3])))
print("-".join([sys.implementation.cache_tag or sys.implementation.name, sys.platform, os.uname().machine]))
`;

/** Oldest version that components may be written for. */
const OLDEST = [3, 11] as const;

/** Where to look and what to remember. */
export interface InterpreterSearch {
  /** The interpreter that the caller wants. */
  readonly python?: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
  /** Directory for what was found, so that the next start need not ask again. */
  readonly cacheDirectory: string;
}

/**
 * The interpreter asked for, else `SEALFLOW_PYTHON`, else the first Python ≥ 3.11 on PATH.
 *
 * @throws SealflowError `ENGINE_PYTHON_MISSING`
 */
export async function findInterpreter(search: InterpreterSearch): Promise<PythonInterpreter> {
  const asked = search.python ?? search.environment.SEALFLOW_PYTHON;
  const candidates = asked ? [asked] : ["python3", "python3.13", "python3.12", "python3.11", "python"];
  for (const candidate of candidates) {
    const found = remembered(search, candidate) ?? (await ask(search, candidate));
    if (found !== undefined) return found;
  }
  throw new SealflowError({
    code: "ENGINE_PYTHON_MISSING",
    message: `python: expected Python ${OLDEST.join(".")} or newer, got none among ${candidates.join(", ")}`,
    hint: "Install Python with its venv module, or name an interpreter with SEALFLOW_PYTHON.",
  });
}

async function ask(search: InterpreterSearch, candidate: string): Promise<PythonInterpreter | undefined> {
  const output = await new Promise<string | undefined>((resolve) => {
    const options = { env: { ...search.environment }, timeout: 30_000 };
    execFile(candidate, ["-E", "-S", "-c", probe], options, (error, stdout) =>
      resolve(error ? undefined : stdout),
    );
  });
  const [executable, version, tag] = output?.split("\n") ?? [];
  if (!executable || !version || !tag || !isRecent(version)) return undefined;
  const found = { executable, version, tag };
  remember(search, candidate, found);
  return found;
}

function isRecent(version: string): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > OLDEST[0] || (major === OLDEST[0] && minor >= OLDEST[1]);
}

/** All that decides which interpreter a name leads to: the PATH, and what version managers look at. */
function question(search: InterpreterSearch, candidate: string): string {
  const { PATH = "", PYENV_VERSION = "", VIRTUAL_ENV = "" } = search.environment;
  return [candidate, PATH, PYENV_VERSION, VIRTUAL_ENV, process.cwd()].join("\u0000");
}

interface Memory extends PythonInterpreter {
  readonly question: string;
  readonly changed: number;
}

function memoryFile({ cacheDirectory }: InterpreterSearch): string {
  return join(cacheDirectory, "interpreter.json");
}

/** The last answer, as long as the same question is asked and the interpreter's file is unchanged. */
function remembered(search: InterpreterSearch, candidate: string): PythonInterpreter | undefined {
  try {
    const memory: unknown = JSON.parse(readFileSync(memoryFile(search), "utf8"));
    if (!isJsonObject(memory) || memory.question !== question(search, candidate)) return undefined;
    const { executable, version, tag, changed } = memory;
    if (typeof executable !== "string" || typeof version !== "string" || typeof tag !== "string") {
      return undefined;
    }
    return statSync(executable).mtimeMs === changed ? { executable, version, tag } : undefined;
  } catch {
    return undefined;
  }
}

function remember(search: InterpreterSearch, candidate: string, found: PythonInterpreter): void {
  const file = memoryFile(search);
  try {
    const changed = statSync(found.executable).mtimeMs;
    const memory: Memory = { question: question(search, candidate), changed, ...found };
    mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, JSON.stringify(memory));
  } catch {
    // Only speed is lost: the next start asks again.
  }
}
