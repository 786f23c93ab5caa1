import { join } from "node:path";
import { root } from "../tools/run.mjs";
import { peerPython } from "./lib/environments.mjs";
import { coldJob, loanData, scriptJob } from "./lib/loan.mjs";
import { command, interleaved, median, pairedRatio } from "./lib/measure.mjs";
import { sealflow } from "./lib/sealflow.mjs";

export const name = "loan-peers";
export const describe =
  "The loan job on 32,581 rows from the same compiled spec: `sealflow run`, cold, against kfp.local.";

/** kfp.local without environments per task, in one where all packages are installed already: its fastest way. */
export async function run({ rounds, scratch, progress }) {
  const file = await loanData(32_581, progress);
  const spec = join(scratch, "loan.yaml");
  const source = join(root, "bench/pipelines/loan.ts");
  await sealflow(["compile", source, "-o", spec]);
  const python = peerPython("kfp-loan");
  const script = join(root, "bench/peers/kfp_loan.py");
  const env = { ...process.env, HOME: scratch };
  const samples = await interleaved(
    {
      "plain script": async () => (await scriptJob(file)).seconds,
      "sealflow run, cold": async () =>
        (await coldJob(file, join(scratch, "store"), { spec: [source] })).seconds,
      "kfp.local, use_venv=False": async () =>
        (await command(python, [script, spec, file, join(scratch, "kfp")], { cwd: scratch, env })).seconds,
    },
    { rounds: rounds(5, 2), onRound: (round) => progress(`round ${round}`) },
  );
  const ours = samples["sealflow run, cold"];
  const rows = Object.entries(samples).map(([side, times]) => [
    side,
    median(times),
    pairedRatio(times, ours),
  ]);
  return { samples, tables: [{ columns: ["", "median, s", "× `sealflow run`"], rows }] };
}
