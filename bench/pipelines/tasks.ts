import { integer, pipeline } from "@sealflow/pipeline";
import { noop, step } from "./noop.components.js";

const independent = (count: number, name: string) =>
  pipeline({ name }, () => {
    for (let index = 0; index < count; index++) noop({});
  });

/** Tasks that nothing connects. */
export const one = independent(1, "one-task");
export const ten = independent(10, "ten-tasks");
export const hundred = independent(100, "hundred-tasks");
export const thousand = independent(1000, "thousand-tasks");

/** Each task takes the number of the one before. */
export const chain = pipeline(
  { name: "chain-of-100", parameters: { start: integer({ default: 0 }) } },
  ({ start }) => {
    let number = step({ number: start }).outputs.Output;
    for (let index = 1; index < 100; index++) number = step({ number }).outputs.Output;
    return { number };
  },
);

/** Five hundred tasks in ten chains, for the compiler. */
export const fiveHundred = pipeline({ name: "five-hundred-tasks" }, () => {
  for (let row = 0; row < 10; row++) {
    let number = step({ number: row }).outputs.Output;
    for (let index = 1; index < 50; index++) number = step({ number }).outputs.Output;
  }
});
