import { command, interleaved, median, pairedRatio } from "./lib/measure.mjs";
import { sealflow } from "./lib/sealflow.mjs";

export const name = "start";
export const describe = "How long the command line takes to say something, against Node doing nothing.";

/** Whole processes. */
export async function run({ rounds }) {
  const samples = await interleaved(
    {
      "sealflow --help": () => seconds(sealflow(["--help"])),
      "sealflow --version": () => seconds(sealflow(["--version"])),
      "node -e 0": () => seconds(command(process.execPath, ["-e", "0"])),
    },
    { rounds: rounds(31, 15), warmUps: 2 },
  );
  const floor = samples["node -e 0"];
  const rows = Object.entries(samples).map(([side, times]) => [
    `\`${side}\``,
    median(times) * 1000,
    Math.min(...times) * 1000,
    pairedRatio(times, floor),
  ]);
  return {
    samples,
    tables: [{ columns: ["command", "median, ms", "fastest, ms", "× Node alone"], rows }],
    goals: [
      {
        goal: "`sealflow --help` ≤ 90 ms",
        value: median(samples["sealflow --help"]) * 1000,
        limit: 90,
        unit: "ms",
      },
    ],
  };
}

const seconds = async (done) => (await done).seconds;
