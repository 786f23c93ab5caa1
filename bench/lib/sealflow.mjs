/** The product's side: its command line as a user starts it. */
import { chmodSync, lstatSync, readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/run.mjs";
import { command } from "./measure.mjs";

/** Start file of the command line. */
export const program = join(root, "packages/cli/bin/sealflow.js");

/** Runs `sealflow ARGS` to its end; see `command`. */
export function sealflow(args, options = {}) {
  return command(process.execPath, [program, ...args], { cwd: root, ...options });
}

/** `sealflow run … --json` to its end, with the parsed summary; throws when the run did not succeed. */
export async function run(args, options) {
  const done = await sealflow(["run", ...args, "--json"], options);
  return { ...done, summary: JSON.parse(done.stdout) };
}

/** Removes a directory, read-only parts too. */
export function discard(path) {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats?.isDirectory()) openUp(path);
  rmSync(path, { recursive: true, force: true });
}

function openUp(directory) {
  chmodSync(directory, 0o755);
  for (const entry of readdirSync(directory, { withFileTypes: true }))
    if (entry.isDirectory()) openUp(join(directory, entry.name));
}
