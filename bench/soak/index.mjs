import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { command, median } from "../lib/measure.mjs";
import { discard } from "../lib/sealflow.mjs";

export const name = "soak";
export const describe =
  "10,000 Python tasks in one run (1,000 with --quick), in a loop, independent and in a chain: whether the engine's memory stays flat, and whether " +
  "a task costs it as much at the end as near the beginning.";
export const heavy = true;

const TASKS = 10_000;
const child = fileURLToPath(new URL("child.mjs", import.meta.url));

/** Each shape once: its tenths are compared with one another, so they come from one process. */
export async function run({ quick, scratch, progress }) {
  const samples = {};
  for (const shape of ["loop", "independent", "chain"]) {
    const store = join(scratch, `soak-${shape}`);
    const args = ["--expose-gc", child, shape, String(quick ? TASKS / 10 : TASKS), store];
    const { stdout } = await command(process.execPath, args);
    const { state, tenths } = JSON.parse(stdout.trimEnd().split("\n").at(-1));
    if (state !== "SUCCEEDED") throw new Error(`soak of ${shape}: expected SUCCEEDED, got ${state}`);
    samples[shape] = tenths;
    discard(store);
    progress(shape);
  }
  const rows = Object.entries(samples).map(([shape, tenths]) => [shape, ...figures(tenths)]);
  const worst = (index) => Math.max(...Object.values(samples).map((tenths) => growth(tenths)[index]));
  return {
    samples,
    tables: [
      {
        columns: [
          "",
          "heap after 20 %, MB",
          "heap at the end, MB",
          "engine's CPU per task, tenths 2–4, ms",
          "tenths 8–10, ms",
          "all, ms per task",
        ],
        rows,
      },
    ],
    goals: [
      { goal: "heap at the end ÷ after 20 % ≤ 1.2", value: worst(0), limit: 1.2, unit: "×" },
      { goal: "CPU per task, tenths 8–10 ÷ 2–4 ≤ 1.2", value: worst(1), limit: 1.2, unit: "×" },
    ],
    notes: [
      "The heap is measured after a full collection, in the engine's process; workers and tasks are others. What it holds per " +
        "task is what `sealflow run --json` prints at the end.",
    ],
  };
}

function figures(tenths) {
  const [{ done: size }] = tenths;
  const perTask = (part, key) => (median(part.map((tenth) => tenth[key])) / size) * 1000;
  const heap = (tenth) => tenth.heapUsed / 1e6;
  return [
    heap(tenths[1]),
    heap(tenths[9]),
    perTask(tenths.slice(1, 4), "cpuSeconds"),
    perTask(tenths.slice(7), "cpuSeconds"),
    perTask(tenths, "seconds"),
  ];
}

/** Growth of the heap, and of the processor time per task. */
function growth(tenths) {
  const [early, late, first, last] = figures(tenths);
  return [late / early, last / first];
}
