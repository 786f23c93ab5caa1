import { double, integer, pipeline } from "@sealflow/pipeline";
import { make, total, wait } from "./steps.components.js";

export const sums = pipeline(
  { name: "sums", parameters: { count: integer({ default: 10 }) } },
  ({ count }) => {
    const made = make({ count });
    const summed = total({ numbers: made.outputs.numbers });
    return { total: summed.outputs.Output, count: made.outputs.Output };
  },
);

export const waiting = pipeline(
  { name: "waiting", parameters: { seconds: double({ default: 60 }) } },
  ({ seconds }) => ({ said: wait({ seconds }).outputs.Output }),
);
