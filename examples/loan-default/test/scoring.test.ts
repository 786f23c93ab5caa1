import { spawnSync } from "node:child_process";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RunSummary } from "@sealflow/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { directory, type Example, fileOf, openExample, small, taskOf } from "./example.js";

const program = join(directory, "../../packages/cli/dist/bundle/bin.js");
const applicant = {
  person_age: 35,
  person_income: 60_000,
  person_home_ownership: "RENT",
  person_emp_length: 5,
  loan_intent: "MEDICAL",
  loan_grade: "B",
  loan_amnt: 9000,
  loan_int_rate: null,
  loan_percent_income: 0.15,
  cb_person_default_on_file: "N",
  cb_person_cred_hist_length: 8,
};

let example: Example;
let trained: RunSummary;
beforeAll(async () => {
  example = await openExample();
  trained = await example.train(small);
});
afterAll(() => example?.close());

function written(name: string, text: string): string {
  writeFileSync(join(example.scratch, name), text);
  return join(example.scratch, name);
}

function csv(...rows: readonly object[]): string {
  const lines = rows.map((row) => Object.values(row).join(","));
  return `${[Object.keys(applicant).join(","), ...lines].join("\n")}\n`;
}

function score(applicants_path: string, change: Record<string, string> = {}): Promise<RunSummary> {
  return example.score({
    applicants_path,
    model_path: fileOf(trained, "train-model", "model"),
    preprocessor_path: fileOf(trained, "preprocess-features", "preprocessor"),
    ...change,
  });
}

const scoresOf = (summary: RunSummary) =>
  JSON.parse(readFileSync(fileOf(summary, "score-applicants", "scores"), "utf8"));

describe("scoring", () => {
  it("gives the same answers for CSV and JSON, and refuses what cannot be", async () => {
    const rows = [applicant, { ...applicant, person_age: 144 }, { ...applicant, loan_percent_income: 0.5 }];
    const fromJson = await score(written("new.json", JSON.stringify(rows)));
    const fromCsv = await score(written("new.csv", csv(...rows)));
    expect(fromJson.outputs).toMatchObject({ rows_scored: 2, rows_refused: 1 });
    const { scored, refused } = scoresOf(fromJson);
    expect(scored.map(({ row }: { row: number }) => row)).toEqual([1, 3]);
    expect(scored[1].probability).toBeGreaterThan(scored[0].probability);
    expect(refused).toEqual([{ row: 2, reasons: ["person_age: expected 18 to 100, got 144"] }]);
    expect(scoresOf(fromCsv).scored).toEqual(scored);
  });

  it("gives an applicant the same probability alone and among others", async () => {
    const alone = await score(written("one.json", JSON.stringify(applicant)));
    const among = await score(written("many.json", JSON.stringify(Array(50).fill(applicant))));
    const [{ probability }] = scoresOf(alone).scored;
    expect(new Set(scoresOf(among).scored.map((each: { probability: number }) => each.probability))).toEqual(
      new Set([probability]),
    );
  });

  it("fails when nobody can be scored, with the first reason", async () => {
    const failed = await score(written("bad.json", JSON.stringify([{ ...applicant, loan_grade: "Z" }])));
    expect(taskOf(failed, "score-applicants").error?.message).toMatch(
      /1 refused: loan_grade: expected one of/,
    );
  });

  it("refuses files that are no model or no preprocessor", async () => {
    const applicants = written("ok.json", JSON.stringify([applicant]));
    const pickle = written("model", "\x80\x04K\x01.");
    const model = await score(applicants, { model_path: pickle });
    expect(taskOf(model, "score-applicants").error?.message).toMatch(/model: expected XGBoost's UBJSON/);
    const preprocessor = await score(applicants, { preprocessor_path: applicants });
    expect(taskOf(preprocessor, "score-applicants").error?.message).toMatch(/preprocessor: expected/);
  });
});

describe.skipIf(!existsSync(program))("the scoring command", () => {
  const command = (...args: string[]) =>
    spawnSync(process.execPath, [join(directory, "score.mjs"), ...args], {
      cwd: example.scratch,
      encoding: "utf8",
    });

  it("scores with the newest model of this directory, one line of JSON for each applicant", async () => {
    const rows = [applicant, { ...applicant, person_income: 0 }];
    const { status, stdout, stderr } = command(written("command.csv", csv(...rows)));
    expect([status, stderr]).toEqual([0, "row 2 refused: person_income: expected at least 1, got '0'\n"]);
    const byPipeline = scoresOf(await score(join(example.scratch, "command.csv"))).scored;
    expect([JSON.parse(stdout)]).toEqual(byPipeline);
    expect(command("command.csv", "--run", trained.runId, "--out", "scores.jsonl").stdout).toBe("");
    expect(readFileSync(join(example.scratch, "scores.jsonl"), "utf8")).toBe(stdout);
  });

  it("says what is wrong with a command line", () => {
    expect(command()).toMatchObject({ status: 2, stderr: expect.stringContaining("usage:") });
    expect(command("nowhere.csv")).toMatchObject({
      status: 2,
      stderr: expect.stringContaining("nowhere.csv"),
    });
    expect(command("command.csv", "--run", "none-such")).toMatchObject({ status: 1 });
    const nobody = command(written("nobody.json", "[{}]"));
    expect(nobody).toMatchObject({ status: 1, stderr: expect.stringContaining("expected a value") });
  });
});
