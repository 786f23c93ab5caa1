import { join } from "node:path";
import { root } from "../tools/run.mjs";
import { loanData, loanPython } from "./lib/loan.mjs";

export const name = "inference";
export const describe =
  "Predicting defaults with oneDAL (daal4py) against XGBoost's `predict` and `inplace_predict`, by number of rows.";

const titles = {
  predict: "predict, ms",
  inplace_predict: "inplace_predict, ms",
  onedal: "daal4py, ms",
};

/** One Python process; the ways take turns. The model is the loan pipeline's, trained on 32,581 rows. */
export async function run({ rounds, quick, progress }) {
  const file = await loanData(32_581, progress);
  const script = join(root, "bench/peers/inference.py");
  const { stdout } = await loanPython([script, file, String(rounds(25, 9)), quick ? "quick" : "full"]);
  const found = JSON.parse(stdout);
  const rows = found.sizes.map(({ rows, medians, difference }) => [
    rows,
    ...Object.keys(titles).map((way) => medians[way] * 1000),
    medians.inplace_predict / medians.onedal,
    difference.toExponential(1),
  ]);
  const columns = ["rows", ...Object.values(titles), "inplace_predict ÷ daal4py", "largest difference"];
  return {
    samples: found,
    tables: [{ columns, rows }],
    notes: [
      `${found.trees} trees of depth ${found.depth}, ${found.features} features, float32. \`predict\` includes making its DMatrix: ` +
        "who has a table and wants probabilities has to.",
    ],
  };
}
