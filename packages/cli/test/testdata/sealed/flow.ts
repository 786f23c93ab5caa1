import { dataset, exitHandler, importer, parallelFor, pipeline, string, when } from "@sealflow/pipeline";
import { describe, join, load, train } from "./steps.components.js";

/** Everything that control flow has: a condition with another branch, a loop, what it collects, retries, an exit handler. */
export const flow = pipeline(
  { name: "flow", parameters: { path: string({ default: "rows.csv" }) } },
  ({ path }) => {
    const data = importer({ uri: path, type: dataset() });
    const loaded = load({ data: data.output });
    const trained = train({ table: loaded.outputs.table });
    const { model } = trained.outputs;
    const chosen = when(trained.outputs.Output.greaterThan(0.5), () => ({
      text: describe({ model, index: 0 }).outputs.Output,
    })).otherwise(() => ({ text: join({ texts: ["none"], rows: 0 }).outputs.Output }));
    const loop = parallelFor([1, 2], (index) => ({ text: describe({ model, index }).outputs.Output }));
    join({ texts: loop.outputs.text, rows: loaded.outputs.Output });
    exitHandler(join({ texts: ["the end"], rows: 1 }), () => {
      load({ data: data.output, broken: true }).setRetry({ retries: 1 });
    });
    return { text: chosen.outputs.text };
  },
);
