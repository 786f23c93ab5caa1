/** What a fresh clone needs before anything else runs: npm packages, and a Python environment for the tests. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { must, output, root } from "./run.mjs";

/** Installs the npm packages unless those of this very lock file are there. */
export function ensureNodeModules() {
  const lock = digestOf("package-lock.json", "package.json");
  const stamp = join(root, "node_modules", ".sealflow-lock");
  if (existsSync(stamp) && readFileSync(stamp, "utf8") === lock) return;
  console.log("Installing npm packages …");
  must("npm", ["ci", "--no-audit", "--no-fund"]);
  writeFileSync(stamp, lock);
}

/**
 * A Python ≥ 3.11 on this machine, as the path of the real interpreter: shims on PATH cost tens of milliseconds a start.
 */
export function findPython() {
  const candidates = [process.env.SEALFLOW_PYTHON, "python3", "python3.13", "python3.12", "python3.11"];
  const probe = "import sys; print(sys.executable if sys.version_info >= (3, 11) else '')";
  for (const candidate of candidates) {
    const found = candidate && output(candidate, ["-c", probe]);
    if (found) return found;
  }
  console.error("Python 3.11 or newer was not found. Install it, or name one in SEALFLOW_PYTHON.");
  return process.exit(1);
}

/** The interpreter of the tests' environment, built once per requirements file and kept outside the checkout. */
export function ensureTestPython() {
  return ensureEnvironment("tests'", ["python/requirements-dev.lock"]);
}

/** The interpreter for the loan-default example's tests: its locked requirements, and pytest. */
export function ensureExamplePython() {
  const files = ["examples/loan-default/requirements.lock", "examples/loan-default/requirements-dev.txt"];
  return ensureEnvironment("example's", files);
}

/** An environment per content of its files, installed one after the other: hashes in one are not asked of the next. */
function ensureEnvironment(whose, files) {
  const cache = process.env.XDG_CACHE_HOME || join(homedir(), ".cache");
  const environment = join(cache, "sealflow", "test-env", digestOf(...files).slice(0, 16));
  const python = join(environment, "bin", "python");
  if (existsSync(join(environment, ".complete"))) return python;
  console.log(`Building the ${whose} Python environment …`);
  const uv = process.env.SEALFLOW_UV || (output("uv", ["--version"]) ? "uv" : undefined);
  // Built at its final place, because environments carry their own path; the mark at the end says that it is whole.
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  if (uv) {
    must(uv, ["venv", "--quiet", "--clear", "--python", findPython(), environment]);
    for (const file of files) must(uv, ["pip", "install", "--quiet", "--python", python, "-r", file]);
  } else {
    must(findPython(), ["-m", "venv", environment]);
    const quiet = ["--quiet", "--disable-pip-version-check"];
    for (const file of files) must(python, ["-m", "pip", "install", ...quiet, "-r", file]);
  }
  writeFileSync(join(environment, ".complete"), "");
  return python;
}

function digestOf(...files) {
  const hash = createHash("sha256");
  for (const file of files) hash.update(readFileSync(join(root, file)));
  return hash.digest("hex");
}
