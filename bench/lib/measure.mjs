/** Timing: commands and functions, interleaved so that what slows the machine down slows every side down. */
import { spawn } from "node:child_process";
import { readdirSync, readFileSync } from "node:fs";

/** How often the memory of a process tree is looked at. */
const SAMPLE_MS = 100;

/**
 * Runs every side once per round, each round in another order, and gives the samples by side.
 *
 * @param sides Functions that do the work and resolve with seconds; without a number, the whole call is timed.
 * @param options.warmUps Rounds before the counted ones.
 */
export async function interleaved(sides, { rounds, warmUps = 0, onRound = () => {} }) {
  const names = Object.keys(sides);
  const samples = Object.fromEntries(names.map((name) => [name, []]));
  for (let round = -warmUps; round < rounds; round++) {
    for (let place = 0; place < names.length; place++) {
      const name = names[(place + Math.abs(round)) % names.length];
      const seconds = await timed(sides[name]);
      if (round >= 0) samples[name].push(seconds);
    }
    if (round >= 0) onRound(round + 1, samples);
  }
  return samples;
}

async function timed(work) {
  const start = performance.now();
  const own = await work();
  return typeof own === "number" ? own : (performance.now() - start) / 1000;
}

/** The middle of the numbers; of the two middle ones their mean. */
export function median(numbers) {
  const sorted = [...numbers].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 === 1 ? sorted[middle] : (sorted[middle - 1] + sorted[middle]) / 2;
}

/** Median of the ratios within the rounds, so that a slow round counts as one round and no more. */
export function pairedRatio(samples, peer) {
  return median(samples.map((seconds, round) => seconds / peer[round]));
}

/**
 * Runs a command to its end; its output is kept and shown when it fails.
 *
 * @returns seconds from start to end, standard output, and with `memory` the largest sum of PSS of its process tree in bytes
 * @throws Error for an exit code that is not expected
 */
export function command(program, args, { cwd, env, memory = false, exitCode = 0, input } = {}) {
  return new Promise((resolve, reject) => {
    const start = performance.now();
    const child = spawn(program, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const sampler = memory ? sampleMemory(child.pid) : undefined;
    const output = { stdout: "", stderr: "" };
    for (const name of ["stdout", "stderr"]) {
      child[name].setEncoding("utf8");
      child[name].on("data", (text) => {
        output[name] += text;
      });
    }
    child.stdin.on("error", () => {});
    child.stdin.end(input);
    child.on("error", reject);
    let seconds = 0;
    child.on("exit", () => {
      seconds = (performance.now() - start) / 1000;
    });
    child.on("close", (code, signal) => {
      const peakBytes = sampler?.stop();
      if (code === exitCode) resolve({ seconds, stdout: output.stdout, stderr: output.stderr, peakBytes });
      else reject(failure([program, ...args], code ?? signal, output));
    });
  });
}

function failure(words, end, { stdout, stderr }) {
  const said = `${stdout}\n${stderr}`.trim().split("\n").slice(-20).join("\n");
  return new Error(`${words.join(" ")} ended with ${end}:\n${said}`);
}

/** Watches a process and its descendants: shared pages count once in all, by their proportional share. */
function sampleMemory(pid) {
  let peak = 0;
  const look = () => {
    peak = Math.max(peak, treeBytes(pid));
  };
  const timer = setInterval(look, SAMPLE_MS);
  return {
    stop: () => {
      clearInterval(timer);
      return peak;
    },
  };
}

/** Sum of PSS of a process and its descendants now, in bytes; 0 when it has ended. */
export function treeBytes(pid) {
  let total = 0;
  const waiting = [pid];
  while (waiting.length > 0) {
    const each = waiting.pop();
    waiting.push(...childrenOf(each));
    total += ownBytes(each);
  }
  return total;
}

function childrenOf(pid) {
  try {
    return readdirSync(`/proc/${pid}/task`).flatMap((thread) => {
      const text = readFileSync(`/proc/${pid}/task/${thread}/children`, "utf8");
      return text.split(" ").filter(Boolean).map(Number);
    });
  } catch {
    return [];
  }
}

function ownBytes(pid) {
  try {
    const line = /^Pss:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/smaps_rollup`, "utf8"));
    return Number(line?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
