/** `sealflow serve` as a process of its own. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { root } from "../../tools/run.mjs";

/** Starts a server over a store, on any free port. */
export async function serve(directory) {
  const program = join(root, "packages/cli/bin/sealflow.js");
  const args = ["serve", "--json", "--port", "0", "--store", directory, "--allow-host-commands"];
  const child = spawn(process.execPath, [program, ...args], { stdio: ["ignore", "pipe", "inherit"] });
  const exited = new Promise((resolve) => child.once("exit", resolve));
  const [line] = await Promise.race([firstLine(child.stdout), exited.then(() => [])]);
  if (line === undefined) throw new Error("the server did not start");
  const { url } = JSON.parse(line);
  const stop = async () => {
    child.kill("SIGINT");
    await exited;
  };
  return { url, pid: child.pid, stop };
}

function firstLine(input) {
  return new Promise((resolve) => createInterface({ input }).once("line", (line) => resolve([line])));
}
