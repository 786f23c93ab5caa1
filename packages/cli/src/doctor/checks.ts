/** What a machine must have, what it should have, and how to mend what is missing. */
import { join } from "node:path";
import { formatBytes } from "../render/text.js";
import type { Probe } from "./probe.js";

/** The result of one check. */
export interface Check {
  readonly name: string;
  /** `missing` fails the doctor; `advice` does not. */
  readonly state: "ok" | "advice" | "missing";
  /** What was found, for people. */
  readonly found: string;
  /** How to mend it; only when there is something to mend. */
  readonly mend?: string;
}

const pythonProbe =
  "import sys, importlib.util as u; print(sys.version.split()[0], sys.executable, all(map(u.find_spec, ('venv', 'ensurepip'))))";

/** An environment with XGBoost and oneDAL takes about 0.7 GiB, unpacked beside its download. */
const comfortableBytes = 4 * 2 ** 30;
const requiredBytes = 2 ** 30;

function atLeast(version: string, wanted: readonly [major: number, minor: number]): boolean {
  const [major = 0, minor = 0] = version.split(".").map(Number);
  return major > wanted[0] || (major === wanted[0] && minor >= wanted[1]);
}

async function nodeCheck(probe: Probe): Promise<Check> {
  const found = `Node.js ${probe.nodeVersion}`;
  if (atLeast(probe.nodeVersion, [20, 19])) return { name: "node", state: "ok", found };
  return {
    name: "node",
    state: "missing",
    found,
    mend: "install Node.js 20.19 or newer: https://nodejs.org",
  };
}

async function pythonCheck(probe: Probe): Promise<Check> {
  const own = probe.env.SEALFLOW_PYTHON;
  const candidates = own
    ? [own]
    : ["python3", "python3.14", "python3.13", "python3.12", "python3.11", "python"];
  let best: Check = {
    name: "python",
    state: "missing",
    found: own ? `${own} does not run` : "no Python on PATH",
    mend: "install Python 3.11 or newer with venv (Debian: apt install python3 python3-venv), or name one in SEALFLOW_PYTHON",
  };
  for (const candidate of candidates) {
    const [version, executable, venv] =
      (await probe.output(candidate, ["-c", pythonProbe]))?.split(" ") ?? [];
    if (version === undefined) continue;
    const found = `Python ${version} (${executable})`;
    if (!atLeast(version, [3, 11])) {
      best = { ...best, found: `${found} is older than 3.11` };
    } else if (venv === "True") {
      return { name: "python", state: "ok", found };
    } else {
      best = {
        ...best,
        found: `${found} without venv`,
        mend: "install its venv module (Debian: apt install python3-venv)",
      };
    }
  }
  return best;
}

async function uvCheck(probe: Probe): Promise<Check> {
  const version = await probe.output(probe.env.SEALFLOW_UV ?? "uv", ["--version"]);
  if (version !== undefined) return { name: "uv", state: "ok", found: version };
  return {
    name: "uv",
    state: "advice",
    found: "not found: environments are built with pip, several times slower",
    mend: "pip install uv, or https://docs.astral.sh/uv",
  };
}

async function diskCheck(probe: Probe): Promise<Check> {
  const cache = probe.env.XDG_CACHE_HOME || join(probe.home, ".cache");
  const places = [probe.cwd, probe.env.SEALFLOW_ENV_DIR || join(cache, "sealflow", "envs")];
  const free = Math.min(...(await Promise.all(places.map((place) => probe.freeBytes(place)))));
  const found = `${formatBytes(free)} free`;
  if (free >= comfortableBytes) return { name: "disk", state: "ok", found };
  const mend =
    "free some space, or move environments (SEALFLOW_ENV_DIR) and runs (SEALFLOW_STORE) to a larger disk";
  return { name: "disk", state: free < requiredBytes ? "missing" : "advice", found, mend };
}

/** A command that must run and, asked for its version, print one. */
function toolCheck(name: string, args: readonly string[], mend: string): (probe: Probe) => Promise<Check> {
  return async (probe) => {
    const answer = await probe.output(name, args);
    if (answer === undefined) return { name, state: "missing", found: "not found", mend };
    const version = /v?\d+\.\d+\.\d+[\w.+-]*/.exec(answer)?.[0] ?? answer.split("\n")[0] ?? "";
    return { name, state: "ok", found: `${name} ${version}` };
  };
}

const local = [nodeCheck, pythonCheck, uvCheck, diskCheck];
const cloud = [
  toolCheck("az", ["version", "--output", "json"], "https://learn.microsoft.com/cli/azure/install-azure-cli"),
  toolCheck("kubectl", ["version", "--client"], "https://kubernetes.io/docs/tasks/tools"),
  toolCheck("kustomize", ["version"], "https://kubectl.docs.kubernetes.io/installation/kustomize"),
];

/** Runs all checks at once; results stay in a fixed order. */
export function examine(probe: Probe, options: { readonly cloud: boolean }): Promise<readonly Check[]> {
  return Promise.all([...local, ...(options.cloud ? cloud : [])].map((check) => check(probe)));
}
