/**
 * The engine's npm package carries the Python side. It is there only while packing: a checkout reads `python/src`, and
 * a copy lying around would be found first and go stale.
 */
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "./run.mjs";

const target = join(root, "packages/engine/python");
rmSync(target, { recursive: true, force: true });
if (process.argv[2] === "copy") {
  cpSync(join(root, "python/src/sealflow"), join(target, "sealflow"), {
    recursive: true,
    filter: (path) => !path.endsWith("__pycache__") && !path.endsWith(".pyc"),
  });
}
