import { boolean, double, integer, list, parallelFor, pipeline, string, when } from "@sealflow/pipeline";
import { evaluate, explode, flaky, makeData, publish, train } from "./steps.components.js";

const prepare = pipeline({ name: "prepare", parameters: { rows: integer(), seed: integer() } }, ({ rows, seed }) => {
  const made = makeData({ rows, seed });
  return { table: made.outputs.table };
});

export const showcase = pipeline(
  {
    name: "showcase",
    parameters: {
      rows: integer({ default: 200, description: "Rows of the table" }),
      rates: list(double(), { default: [0.1, 0.2, 0.4] }),
      pause: double({ default: 0 }),
      marker: string({ default: "" }),
      fail: boolean({ default: false }),
    },
  },
  ({ rows, rates, pause, marker, fail }) => {
    const access = flaky({ marker }).setRetry({ retries: 2, delaySeconds: 0 });
    const data = prepare({ rows, seed: 1 });
    const loop = parallelFor(
      rates,
      (rate) => ({ loss: train({ table: data.outputs.table, rate, pause }).outputs.Output }),
      { item: double() },
    ).after(access);
    const judged = evaluate({ losses: loop.outputs.loss });
    publish({ auc: judged.outputs.Output });
    when(fail, () => {
      explode({ table: data.outputs.table, column: "colour" });
    });
    return { auc: judged.outputs.Output };
  },
);
