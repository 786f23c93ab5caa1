/** The figures that the real data must give. The file is not part of the project: tests need it beside the checkout. */
import { readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSummary } from "@sealflow/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli } from "../../../packages/cli/test/support/fake-context.js";
import { shared } from "../../../test-support/shared.js";
import { type Example, executed, openExample, taskOf } from "./example.js";

const data = shared("data", "credit_risk_dataset.csv");
const root = fileURLToPath(new URL("../../..", import.meta.url));
let example: Example;

beforeAll(async () => {
  example = await openExample();
});
afterAll(() => example?.close());

describe.skipIf(data === undefined)("the real data", () => {
  const path = data ?? "";
  const sealflow = (...args: string[]) =>
    cli([...args, "--store", join(example.scratch, ".sealflow")], {
      cwd: root,
      env: process.env,
      now: Date.now,
    });
  let summary: RunSummary;
  beforeAll(async () => {
    const run = await sealflow(
      "run",
      "examples/loan-default/pipeline.ts",
      "--param",
      `data_path=${path}`,
      "--json",
    );
    expect(run.exitCode, run.stderr).toBe(0);
    summary = JSON.parse(run.stdout);
  });

  it("give the figures of the published recipe on untouched test rows", () => {
    const { auc, accuracy, daal4py_max_abs_diff, rows_train, rows_test } = summary.outputs;
    expect([rows_train, rows_test]).toEqual([24_435, 8_146]);
    expect(Math.abs(Number(auc) - 0.9466)).toBeLessThanOrEqual(0.002);
    expect(Math.abs(Number(accuracy) - 0.935)).toBeLessThanOrEqual(0.004);
    expect(daal4py_max_abs_diff).toBeLessThanOrEqual(1e-5);
    expect(taskOf(summary, "load-data").outputs.Output).toBe(32_581);
  });

  it("make a report with every plot, the timings and the graph, that loads nothing", async () => {
    const file = join(example.scratch, "report.html");
    expect((await sealflow("report", summary.runId, "-o", file)).exitCode).toBe(0);
    const page = readFileSync(file, "utf8");
    const titles = ["ROC curve", "Confusion matrix", "Feature importance", "Calibration"];
    for (const title of titles) expect(page).toContain(`<h3>${title} <small>evaluate-model`);
    for (const title of ["Task timings", "Graph"]) expect(page).toContain(`<h2>${title}</h2>`);
    expect(page).toContain("AUC 0.9466");
    expect(page).not.toMatch(/(src|href)="?(https?:)?\/\//);
    expect(page).not.toContain("not shown:");
    rmSync(file);
  });

  it("are split anew by another seed, and are not read again for it", async () => {
    const other = await example.train({ data_path: path, seed: 1 });
    expect(executed(other)).not.toContain("load-data");
    expect(other.outputs).toMatchObject({ rows_train: 24_435, rows_test: 8_146 });
    expect(other.outputs.auc).not.toBe(summary.outputs.auc);
    expect(Math.abs(Number(other.outputs.auc) - 0.947)).toBeLessThanOrEqual(0.01);
  });

  it.runIf(process.env.SEALFLOW_SLOW)(
    "give a median AUC of 0.945 to 0.949 over twenty seeds",
    { timeout: 900_000 },
    async () => {
      const areas: number[] = [];
      for (let seed = 0; seed < 20; seed++) {
        areas.push(Number((await example.train({ data_path: path, seed })).outputs.auc));
      }
      areas.sort((a, b) => a - b);
      const median = ((areas[9] ?? 0) + (areas[10] ?? 0)) / 2;
      expect(median).toBeGreaterThanOrEqual(0.945);
      expect(median).toBeLessThanOrEqual(0.949);
    },
  );
});
