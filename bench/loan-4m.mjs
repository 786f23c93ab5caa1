import { join } from "node:path";
import { coldJob, compareLoanJobs, loanData, scriptJob, taskRows, timeRows } from "./lib/loan.mjs";
import { pairedRatio } from "./lib/measure.mjs";

export const name = "loan-4m";
export const describe =
  "The loan job on 4,000,000 rows, cold, against one plain script; and the memory that both take.";
export const heavy = true;

const MB = 1e6;

/** Whole processes; memory is watched in runs of its own, since watching takes time. */
export async function run(bench) {
  const { samples, tasks } = await compareLoanJobs(bench, { rows: 4_000_000, rounds: bench.rounds(7, 1) });
  const file = await loanData(4_000_000, bench.progress);
  bench.progress("memory");
  const script = await scriptJob(file, { memory: true });
  const cold = await coldJob(file, join(bench.scratch, "store"), { memory: true });
  const titles = { script: "plain script", cold: "`sealflow run`, cold" };
  const peaks = { script: script.peakBytes, cold: cold.peakBytes };
  const rows = timeRows(samples, titles).map((row, index) => [...row, Object.values(peaks)[index] / MB]);
  return {
    samples,
    tables: [
      { columns: ["", "median, s", "fastest, s", "× script", "peak memory, MB"], rows },
      { title: "Tasks of the cold job", columns: ["task", "median, ms"], rows: taskRows(tasks) },
    ],
    goals: [
      {
        goal: "4M rows, cold ≤ 1.10 × the script",
        value: pairedRatio(samples.cold, samples.script),
        limit: 1.1,
        unit: "×",
      },
      { goal: "4M rows, peak memory ≤ 2,500 MB", value: cold.peakBytes / MB, limit: 2500, unit: "MB" },
    ],
    notes: [
      "Peak memory: the largest sum of the proportional set sizes (PSS) of all processes of the side, looked at ten times a second.",
    ],
  };
}
