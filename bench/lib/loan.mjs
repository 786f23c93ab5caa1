/** The loan job on both sides: as `sealflow run` does it, and as one plain script that calls the same functions. */
import { existsSync, mkdirSync, renameSync } from "node:fs";
import { join } from "node:path";
import { root } from "../../tools/run.mjs";
import { cache, examplePython } from "./environments.mjs";
import { command, interleaved, median, pairedRatio } from "./measure.mjs";
import { Resident } from "./resident.mjs";
import { discard, run } from "./sealflow.mjs";

export const example = join(root, "examples/loan-default");
const pipeline = join(example, "pipeline.ts");
const script = join(root, "bench/peers/loan_script.py");

/** A CSV file with that many rows, made by the example's own generator with the first need. */
export async function loanData(rows, progress) {
  const directory = join(cache, "data");
  const file = join(directory, `loans-${rows}.csv`);
  if (existsSync(file)) return file;
  progress(`making ${rows} rows`);
  mkdirSync(directory, { recursive: true });
  const partial = `${file}.${process.pid}`;
  const code =
    "import sys; from steps import generate_data as g; from bench_artifact import Artifact; g(Artifact(sys.argv[1]), int(sys.argv[2]))";
  await loanPython(["-c", code, partial, String(rows)]);
  renameSync(partial, file);
  return file;
}

/** Runs the example's interpreter with the example's modules at hand, and Sealflow's stand-in for `kfp.dsl`. */
export function loanPython(args, options) {
  const shim = join(root, "python/src/sealflow/shim");
  const paths = [example, join(root, "bench/peers"), join(root, "python/src"), shim];
  const env = { ...process.env, PYTHONPATH: paths.join(":") };
  return command(examplePython(), args, { ...options, env });
}

/**
 * One cold job: a new process, an empty store, the Python environment built. `spec` names another pipeline, `more` gives
 * the command further arguments.
 */
export async function coldJob(
  file,
  store,
  { spec = [pipeline, "--pipeline", "loanDefault"], ...options } = {},
  more = [],
) {
  discard(store);
  const args = [...spec, "--param", `data_path=${file}`, "--store", store, ...more];
  const { seconds, peakBytes, summary } = await run(args, options);
  return { seconds, peakBytes, outputs: summary.outputs, tasks: summary.tasks };
}

/** The same job as a script. */
export async function scriptJob(file, options) {
  const { seconds, peakBytes, stdout } = await loanPython([script, file], options);
  return { seconds, peakBytes, outputs: JSON.parse(stdout) };
}

/** Both sides must have done the same work: the same model gives the same figures. */
export function assertSame(one, other) {
  for (const name of ["auc", "accuracy", "rows_train", "rows_test"]) {
    if (Math.abs(one[name] - other[name]) > 1e-9)
      throw new Error(`${name}: expected the same from both sides, got ${one[name]} and ${other[name]}`);
  }
}

/** Compares the cold job, and with `resident` the second job of a running process, with the script. */
export async function compareLoanJobs(bench, { rows, rounds, resident = false }) {
  const { scratch, progress } = bench;
  const file = await loanData(rows, progress);
  const store = join(scratch, "store");
  const tasks = [];
  const sides = {
    script: async () => {
      const { seconds, outputs } = await scriptJob(file);
      sides.outputs = outputs;
      return seconds;
    },
    cold: async () => {
      const job = await coldJob(file, store);
      tasks.push(job.tasks);
      if (sides.outputs) assertSame(job.outputs, sides.outputs);
      return job.seconds;
    },
  };
  // The first job of each side is not counted: it reads programs and data from the disk.
  progress("first jobs");
  sides.outputs = (await scriptJob(file)).outputs;
  const warm = resident ? await Resident.start(file, join(scratch, "resident")) : undefined;
  try {
    await coldJob(file, store);
    const { outputs, ...timed } = sides;
    const all = warm === undefined ? timed : { ...timed, second: () => warm.job() };
    const samples = await interleaved(all, {
      rounds,
      onRound: (round, each) => progress(roundText(round, each)),
    });
    return { samples, tasks, outputs };
  } finally {
    await warm?.stop();
  }
}

function roundText(round, samples) {
  const last = Object.entries(samples).map(([name, times]) => `${name} ${times.at(-1).toFixed(2)} s`);
  return `round ${round}: ${last.join(", ")}`;
}

/** The rows of a table of times, each against the script. */
export function timeRows(samples, titles) {
  return Object.entries(samples).map(([side, times]) => [
    titles[side],
    median(times),
    Math.min(...times),
    pairedRatio(times, samples.script),
  ]);
}

/** Where the time of the cold jobs went: medians per task, from its start to its end. */
export function taskRows(runs) {
  const names = runs[0].filter(({ state }) => state !== "SKIPPED").map(({ path }) => path);
  return names.map((path) => {
    const times = runs.map((tasks) => {
      const { startTime, endTime } = tasks.find((each) => each.path === path);
      return Date.parse(endTime) - Date.parse(startTime);
    });
    return [path.split("/").at(-1), median(times)];
  });
}
