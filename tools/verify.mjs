/** `npm run verify`: all that CI checks, in one command; with `--checks-only`, all but the tests. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import { ensureNodeModules, ensureTestPython } from "./install.mjs";
import { must, root } from "./run.mjs";

ensureNodeModules();
const python = ensureTestPython();
must("npx", ["biome", "ci", "."]);
must("npm", ["run", "-s", "boundaries"]);
must("npx", ["tsc", "-b"]);
if (existsSync(join(root, "python/pyproject.toml"))) {
  must(python, ["-m", "ruff", "check", "python", "examples", "bench"]);
  must(python, ["-m", "ruff", "format", "--check", "python", "examples", "bench"]);
  must(python, ["-m", "mypy", "--config-file", "python/pyproject.toml", "python/src"]);
  const mypyPath = ["python/src", "python/src/sealflow/shim", "examples/loan-default"].join(":");
  const example = ["examples/loan-default/steps.py", "examples/loan-default/loan_default"];
  must(python, ["-m", "mypy", "--config-file", "python/pyproject.toml", ...example], {
    env: { ...process.env, MYPYPATH: mypyPath },
  });
}
if (existsSync(join(root, "tools/docs.mjs"))) must("node", ["tools/docs.mjs"]);
if (!process.argv.includes("--checks-only")) must("npm", ["test"]);
