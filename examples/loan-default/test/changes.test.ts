/** What a change makes run again: just what depends on it. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { type Example, executed, openExample, small } from "./example.js";

let example: Example;
beforeAll(async () => {
  example = await openExample({ copied: true });
  expect((await example.train(small)).error).toBeUndefined();
});
afterAll(() => example?.close());

/** Changes a file of the copy, trains, and gives the names of the tasks that ran. */
async function changed(name: string, from: string, to: string): Promise<string[]> {
  const path = join(example.scratch, name);
  const before = readFileSync(path, "utf8");
  writeFileSync(path, before.replace(from, to));
  try {
    expect(readFileSync(path, "utf8")).not.toBe(before);
    return executed(await example.retrain(small));
  } finally {
    writeFileSync(path, before);
  }
}

it.each([
  ["the last step", "steps.py", '"log_loss", "brier")', '"brier", "log_loss")', ["evaluate-model"]],
  ["a module of the last step", "loan_default/report.py", "SIDE = 320", "SIDE = 300", ["evaluate-model"]],
  [
    "a step whose outputs stay the same",
    "steps.py",
    "train.metadata.update(rows=len(training), source_rows=source)",
    "train.metadata.update(source_rows=source, rows=len(training))",
    ["split-data"],
  ],
  [
    "a module of the training, which other steps load the model with",
    "loan_default/training.py",
    '"verbosity": 1',
    '"verbosity": 0',
    ["train-model", "convert-to-onedal", "run-inference", "evaluate-model"],
  ],
  ["a step of another pipeline", "steps.py", "Scores new applicants (", "Scores applicants (", []],
])("reruns what depends on a change of %s", async (_, name, from, to, tasks) => {
  expect(await changed(name, from, to)).toEqual(tasks);
});
