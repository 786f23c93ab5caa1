import { integer, pipeline } from "@sealflow/pipeline";
import { fitLine, makeData } from "./steps.components.js";

export const line = pipeline(
  { name: "{{name}}", parameters: { rows: integer({ default: 1000 }), seed: integer({ default: 0 }) } },
  ({ rows, seed }) => {
    const made = makeData({ rows, seed });
    const fitted = fitLine({ table: made.outputs.table });
    return { slope: fitted.outputs.Output, rows: made.outputs.Output };
  },
);
