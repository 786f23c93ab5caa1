import { boolean, dataset, double, importer, parallelFor, pipeline, string, when } from "@sealflow/pipeline";
import { describe, join, load, train } from "./steps.components.js";

export const careless = pipeline(
  {
    name: "careless",
    parameters: {
      path: string({ default: "rows.csv" }),
      broken: boolean({ default: false }),
      seconds: double({ default: 0 }),
      pause: double({ default: 0 }),
    },
  },
  ({ path, broken, seconds, pause }) => {
    const data = importer({ uri: path, type: dataset() });
    const loaded = load({ data: data.output, broken });
    const trained = train({ table: loaded.outputs.table, seconds });
    when(trained.outputs.Output.greaterThan(0.5), () => {
      const loop = parallelFor([1, 2], (index) => ({
        text: describe({ model: trained.outputs.model, index, pause }).outputs.Output,
      }));
      join({ texts: loop.outputs.text, rows: loaded.outputs.Output });
    });
    return { rows: loaded.outputs.Output, accuracy: trained.outputs.Output };
  },
);
