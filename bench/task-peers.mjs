import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { root } from "../tools/run.mjs";
import { peerPython } from "./lib/environments.mjs";
import { command, interleaved, median } from "./lib/measure.mjs";
import { discard, run as runPipeline, sealflow } from "./lib/sealflow.mjs";

export const name = "task-peers";
export const describe =
  "Independent Python tasks that do nothing: `sealflow run` against kfp.local, Luigi, Dagster, Flyte and Metaflow.";

const pipelines = { 1: "one", 10: "ten", 100: "hundred", 1000: "thousand" };

/** What each side is asked for: name, isolation, how to start it, and the counts that end in sensible time. */
function peers(scratch) {
  const script = (file) => join(root, "bench/peers", file);
  const python = (env, ...args) => command(peerPython(env), args, { cwd: scratch, env: quiet(scratch) });
  const ours = async (count) => {
    const store = join(scratch, "store");
    discard(store);
    return runPipeline([join(scratch, `${pipelines[count]}.yaml`), "--no-cache", "--store", store]);
  };
  const kfp = (mode) => (count) => python("kfp", script("kfp_tasks.py"), count, mode);
  const metaflow = (count) => {
    const env = { ...quiet(scratch), COUNT: count };
    const flags = ["--no-pylint", "--quiet", "run", "--max-workers", "2", "--max-num-splits", "2000"];
    return command(peerPython("metaflow"), [script("metaflow_tasks.py"), ...flags], { cwd: scratch, env });
  };
  return [
    ["sealflow run", "process per task", [1, 10, 100, 1000], ours],
    [
      "Luigi, 2 workers",
      "process per task",
      [1, 10, 100, 1000],
      (n) => python("luigi", script("luigi_tasks.py"), n, "2"),
    ],
    [
      "Dagster, multiprocess",
      "process per task",
      [1, 10],
      (n) => python("dagster", script("dagster_tasks.py"), n, "multiprocess"),
    ],
    [
      "Dagster, in process",
      "none",
      [1, 10, 100, 1000],
      (n) => python("dagster", script("dagster_tasks.py"), n, "in-process"),
    ],
    ["Flyte, local", "none", [1, 10, 100, 1000], (n) => python("flyte", script("flyte_tasks.py"), n)],
    ["Metaflow", "process per task", [1, 10], metaflow],
    ["kfp.local, use_venv=False", "process per task", [1, 10], kfp("no-venv")],
    ["kfp.local, default", "process and environment per task", [1], kfp("venv")],
  ];
}

/** Nothing is sent anywhere, and nothing is written outside the scratch directory. */
function quiet(scratch) {
  return {
    ...process.env,
    HOME: scratch,
    USER: process.env.USER ?? "bench",
    DAGSTER_HOME: join(scratch, "dagster"),
    DAGSTER_DISABLE_TELEMETRY: "1",
    METAFLOW_DATASTORE_SYSROOT_LOCAL: scratch,
    FLYTE_SDK_LOGGING_LEVEL: "40",
    PIP_CACHE_DIR: process.env.PIP_CACHE_DIR ?? join(process.env.HOME ?? "", ".cache/pip"),
  };
}

/** Whole processes; per count, all sides that take it take turns. */
export async function run({ rounds, scratch, progress }) {
  mkdirSync(join(scratch, "dagster"), { recursive: true });
  for (const pipeline of Object.values(pipelines)) {
    const out = join(scratch, `${pipeline}.yaml`);
    await sealflow(["compile", join(root, "bench/pipelines/tasks.ts"), "--pipeline", pipeline, "-o", out]);
  }
  const all = peers(scratch);
  const samples = {};
  // Not counted: what everybody builds or reads from the disk the first time.
  for (const [, , , start] of all) await start("1");
  for (const count of [1, 10, 100, 1000]) {
    const sides = all
      .filter(([, , counts]) => counts.includes(count))
      .map(([side, , , start]) => [side, async () => (await start(String(count))).seconds]);
    samples[count] = await interleaved(Object.fromEntries(sides), { rounds: rounds(5, count === 1 ? 2 : 1) });
    progress(`${count} tasks done`);
  }
  const rows = all.map(([side, isolation]) => [
    side,
    isolation,
    ...Object.keys(pipelines).map((count) => (samples[count][side] ? median(samples[count][side]) : "–")),
  ]);
  return {
    samples,
    tables: [{ columns: ["", "isolation", "1 task, s", "10, s", "100, s", "1,000, s"], rows }],
    notes: [
      "A dash: not measured, since it would take minutes and say nothing more. What runs tasks inside its own process has less to do.",
    ],
  };
}
