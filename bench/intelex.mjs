import { join } from "node:path";
import { root } from "../tools/run.mjs";
import { loanData, loanPython } from "./lib/loan.mjs";

export const name = "intelex";
export const describe =
  "scikit-learn against scikit-learn-intelex, for the estimators and functions that the loan pipeline uses or could use.";

/** One Python process per side would time imports: here both live in one, and take turns. */
export async function run({ rounds, quick, progress }) {
  const file = await loanData(400_000, progress);
  const script = join(root, "bench/peers/intelex.py");
  const { stdout } = await loanPython([
    script,
    file,
    String(rounds(7, 3)),
    String(quick ? 100_000 : 400_000),
  ]);
  const found = JSON.parse(stdout);
  const rows = found.map(({ what, used, plain, intelex }) => [what, used, plain, intelex, plain / intelex]);
  return {
    samples: found,
    tables: [
      {
        columns: ["", "in the pipeline", "scikit-learn, s", "scikit-learn-intelex, s", "times faster"],
        rows,
      },
    ],
    notes: [`${quick ? "100,000" : "400,000"} rows, medians.`],
  };
}
