import { join } from "node:path";
import { findPython } from "../tools/install.mjs";
import { root } from "../tools/run.mjs";
import { command, interleaved, median } from "./lib/measure.mjs";
import { discard, run as runPipeline, sealflow } from "./lib/sealflow.mjs";

export const name = "tasks";
export const describe =
  "Python tasks that do nothing, each a process of its own: 1,000 independent ones, and a chain of 100.";

/** Whole `sealflow run` processes over compiled specs, and what starting that many Python processes costs alone. */
export async function run({ rounds, scratch, progress }) {
  const specs = {};
  for (const pipeline of ["one", "chain", "thousand"]) specs[pipeline] = await compiled(pipeline, scratch);
  const python = findPython();
  const spawner = join(root, "bench/peers/spawn_tasks.mjs");
  const sides = {
    "1,000 independent tasks": () => noCache(specs.thousand, scratch),
    "chain of 100": () => noCache(specs.chain, scratch),
    "100 × `python -c pass`, two at a time": async () =>
      (await command(process.execPath, [spawner, python, "100"])).seconds,
    "1 task": () => noCache(specs.one, scratch),
  };
  const samples = await interleaved(sides, {
    rounds: rounds(7, 5),
    warmUps: 1,
    onRound: (round) => progress(`round ${round}`),
  });
  const middle = (side) => median(samples[side]);
  const each = (side, count) => ((middle(side) - middle("1 task")) / (count - 1)) * 1000;
  const rows = Object.entries(samples).map(([side, times]) => [side, median(times), Math.min(...times)]);
  return {
    samples,
    tables: [{ columns: ["", "median, s", "fastest, s"], rows }],
    goals: [
      {
        goal: "1,000 independent tasks ≤ 3 s",
        value: middle("1,000 independent tasks"),
        limit: 3,
        unit: "s",
      },
      { goal: "chain of 100 ≤ 1 s", value: middle("chain of 100"), limit: 1, unit: "s" },
    ],
    notes: [
      `Beyond the first, a task costs ${each("1,000 independent tasks", 1000).toFixed(2)} ms among independent ones ` +
        `and ${each("chain of 100", 100).toFixed(2)} ms in a chain. Every time is that of the whole process: Node, reading ` +
        "the spec, starting the worker, the durable record, the summary.",
    ],
  };
}

async function compiled(pipeline, scratch) {
  const out = join(scratch, `${pipeline}.yaml`);
  await sealflow(["compile", join(root, "bench/pipelines/tasks.ts"), "--pipeline", pipeline, "-o", out]);
  return out;
}

async function noCache(spec, scratch) {
  const store = join(scratch, "store");
  discard(store);
  return (await runPipeline([spec, "--no-cache", "--store", store])).seconds;
}
