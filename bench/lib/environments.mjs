/** Python environments: of the peers, and the one that the loan-default example runs in. Kept in the user's cache. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { ensureExamplePython, findPython } from "../../tools/install.mjs";
import { must, output } from "../../tools/run.mjs";

/** Where environments and made data are kept. */
export const cache = join(process.env.XDG_CACHE_HOME || join(homedir(), ".cache"), "sealflow", "bench");

/** The interpreter of an environment with `bench/peers/NAME.txt` installed, built with the first need. */
export function peerPython(name) {
  const requirements = fileURLToPath(new URL(`../peers/${name}.txt`, import.meta.url));
  const digest = createHash("sha256").update(readFileSync(requirements)).digest("hex").slice(0, 12);
  const environment = join(cache, `${name}-${digest}`);
  const python = join(environment, "bin", "python");
  if (existsSync(join(environment, ".complete"))) return python;
  console.log(`  building the environment of ${name} …`);
  rmSync(environment, { recursive: true, force: true });
  mkdirSync(environment, { recursive: true });
  install(environment, python, requirements);
  writeFileSync(join(environment, ".complete"), "");
  return python;
}

function install(environment, python, requirements) {
  const uv = process.env.SEALFLOW_UV || (output("uv", ["--version"]) ? "uv" : undefined);
  if (uv) {
    must(uv, ["venv", "--quiet", "--clear", "--python", findPython(), environment]);
    must(uv, ["pip", "install", "--quiet", "--compile-bytecode", "--python", python, "-r", requirements]);
    return;
  }
  must(findPython(), ["-m", "venv", environment]);
  must(python, ["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "-r", requirements]);
}

/** The interpreter of the loan-default example's locked requirements. */
export { ensureExamplePython as examplePython };
