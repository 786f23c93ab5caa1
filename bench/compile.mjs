import { join } from "node:path";
import { root } from "../tools/run.mjs";
import { peerPython } from "./lib/environments.mjs";
import { command, interleaved, median, pairedRatio } from "./lib/measure.mjs";
import { sealflow } from "./lib/sealflow.mjs";

export const name = "compile";
export const describe =
  "Compiling a pipeline of 500 tasks to the pipeline spec, whole processes, against the Kubeflow SDK.";

/** Both write the same ten chains of fifty tasks. */
export async function run({ rounds, scratch }) {
  const python = peerPython("kfp");
  const source = join(root, "bench/pipelines/tasks.ts");
  const ours = (pipeline) => async () => {
    const args = ["compile", source, "--pipeline", pipeline, "-o", join(scratch, `${pipeline}.yaml`)];
    return (await sealflow(args)).seconds;
  };
  const samples = await interleaved(
    {
      "sealflow compile, 500 tasks": ours("fiveHundred"),
      "sealflow compile, 1 task": ours("one"),
      "kfp compile, 500 tasks": async () => {
        const script = join(root, "bench/peers/kfp_compile.py");
        return (await command(python, [script, join(scratch, "kfp.yaml")])).seconds;
      },
    },
    { rounds: rounds(11, 5), warmUps: 1 },
  );
  const ours500 = samples["sealflow compile, 500 tasks"];
  const kfp = samples["kfp compile, 500 tasks"];
  const rows = Object.entries(samples).map(([side, times]) => [side, median(times), Math.min(...times)]);
  return {
    samples,
    tables: [{ columns: ["", "median, s", "fastest, s"], rows }],
    goals: [{ goal: "`compile` of 500 tasks ≤ 0.25 s", value: median(ours500), limit: 0.25, unit: "s" }],
    notes: [`Against the Kubeflow SDK: ${pairedRatio(ours500, kfp).toFixed(2)} ×.`],
  };
}
