import { compareLoanJobs, taskRows, timeRows } from "./lib/loan.mjs";
import { pairedRatio } from "./lib/measure.mjs";

export const name = "loan-400k";
export const describe = "The loan job on 400,000 rows, cold, against one plain script.";

/** Whole processes. */
export async function run(bench) {
  const { samples, tasks } = await compareLoanJobs(bench, { rows: 400_000, rounds: bench.rounds(7, 3) });
  const titles = { script: "plain script", cold: "`sealflow run`, cold" };
  return {
    samples,
    tables: [
      { columns: ["", "median, s", "fastest, s", "× script"], rows: timeRows(samples, titles) },
      { title: "Tasks of the cold job", columns: ["task", "median, ms"], rows: taskRows(tasks) },
    ],
    goals: [
      {
        goal: "400k rows, cold ≤ 1.10 × the script",
        value: pairedRatio(samples.cold, samples.script),
        limit: 1.1,
        unit: "×",
      },
    ],
  };
}
