/** One process that stays: an engine whose workers keep their libraries, asked for one job after the other. */
import { spawn } from "node:child_process";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { root } from "../../tools/run.mjs";
import { sealflow } from "./sealflow.mjs";

const program = fileURLToPath(new URL("resident-process.mjs", import.meta.url));
const pipeline = join(root, "examples/loan-default/pipeline.ts");

/** A running engine process. */
export class Resident {
  /** Starts it and lets it do a first job, which is not counted. */
  static async start(file, store) {
    const spec = `${store}.yaml`;
    await sealflow(["compile", pipeline, "--pipeline", "loanDefault", "-o", spec]);
    const lock = join(root, "examples/loan-default/requirements.lock");
    const resident = new Resident([program, spec, lock, file, store]);
    await resident.job();
    return resident;
  }

  constructor(args) {
    this.child = spawn(process.execPath, args, { stdio: ["pipe", "pipe", "inherit"] });
    this.lines = createInterface({ input: this.child.stdout })[Symbol.asyncIterator]();
  }

  /** Runs one job without the cache, and gives its seconds from the request to the answer. */
  async job() {
    const start = performance.now();
    this.child.stdin.write("run\n");
    const { value } = await this.lines.next();
    const seconds = (performance.now() - start) / 1000;
    const answer = JSON.parse(value ?? '{"state":"ended"}');
    if (answer.state !== "SUCCEEDED") throw new Error(`the second job ended: ${value}`);
    return seconds;
  }

  /** Ends the process. */
  async stop() {
    this.child.stdin.end();
    if (this.child.exitCode === null) await new Promise((resolve) => this.child.on("exit", resolve));
  }
}
