import { copyFileSync, mkdirSync } from "node:fs";
import { join } from "node:path";
import { assertSame, coldJob, example, loanData, taskRows } from "./lib/loan.mjs";
import { interleaved, median, pairedRatio } from "./lib/measure.mjs";

export const name = "loan-sealed";
export const describe = "The loan job on 400,000 rows, sealed, against the same job in the clear.";
export const heavy = true;

/** Whole processes: new store, new key, new anchors each time; the environments are built. */
export async function run(bench) {
  const file = await loanData(400_000, bench.progress);
  // A project of its own, so that its anchors and its release list stand there.
  const project = join(bench.scratch, "project");
  mkdirSync(project, { recursive: true });
  copyFileSync(join(example, "sealflow.config.json"), join(project, "sealflow.config.json"));
  const store = join(bench.scratch, "store");
  const tasks = { clear: [], sealed: [] };
  const outputs = {};
  const side = (kind, args) => async () => {
    const job = await coldJob(file, store, { cwd: project }, args);
    tasks[kind].push(job.tasks);
    outputs[kind] = job.outputs;
    return job.seconds;
  };
  const sides = { clear: side("clear", []), sealed: side("sealed", ["--sealed"]) };
  const samples = await interleaved(sides, {
    rounds: bench.rounds(5, 2),
    warmUps: 1,
    onRound: (round, each) =>
      bench.progress(`round ${round}: clear ${each.clear.at(-1)} s, sealed ${each.sealed.at(-1)} s`),
  });
  assertSame(outputs.sealed, outputs.clear);
  return {
    samples,
    tables: [
      {
        columns: ["", "median, s", "fastest, s", "× in the clear"],
        rows: Object.entries(samples).map(([each, times]) => [
          each,
          median(times),
          Math.min(...times),
          pairedRatio(times, samples.clear),
        ]),
      },
      { title: "Tasks of the sealed job", columns: ["task", "median, ms"], rows: taskRows(tasks.sealed) },
    ],
    goals: [
      {
        goal: "400k rows, sealed ≤ 1.10 × in the clear",
        value: pairedRatio(samples.sealed, samples.clear),
        limit: 1.1,
        unit: "×",
      },
    ],
  };
}
