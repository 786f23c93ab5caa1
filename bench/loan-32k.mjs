import { compareLoanJobs, taskRows, timeRows } from "./lib/loan.mjs";
import { pairedRatio } from "./lib/measure.mjs";

export const name = "loan-32k";
export const describe =
  "The loan job on 32,581 rows: cold and as the second job of a running process, against one plain script.";

/** Whole processes but for the second job, which is timed from the request to the answer. */
export async function run(bench) {
  const rounds = bench.rounds(9, 7);
  const { samples, tasks } = await compareLoanJobs(bench, { rows: 32_581, rounds, resident: true });
  const titles = {
    script: "plain script",
    cold: "`sealflow run`, cold: new process, empty cache",
    second: "second job of a running process, without cache",
  };
  return {
    samples,
    tables: [
      { columns: ["", "median, s", "fastest, s", "× script"], rows: timeRows(samples, titles) },
      { title: "Tasks of the cold job", columns: ["task", "median, ms"], rows: taskRows(tasks) },
    ],
    goals: [
      {
        goal: "32k rows, cold ≤ 1.10 × the script",
        value: pairedRatio(samples.cold, samples.script),
        limit: 1.1,
        unit: "×",
      },
      {
        goal: "32k rows, second job ≤ 0.5 ×",
        value: pairedRatio(samples.second, samples.script),
        limit: 0.5,
        unit: "×",
      },
    ],
  };
}
