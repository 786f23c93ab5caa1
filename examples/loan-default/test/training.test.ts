import { createHash } from "node:crypto";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import type { RunSummary } from "@sealflow/engine";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  artifactOf,
  type Example,
  executed,
  fileOf,
  openExample,
  small,
  statesOf,
  taskOf,
} from "./example.js";

let example: Example;
let first: RunSummary;
/** The made data as text, to be damaged. */
let csv: string;

beforeAll(async () => {
  example = await openExample();
  first = await example.train(small);
  expect(first.error).toBeUndefined();
  csv = readFileSync(fileOf(first, "generate-data", "dataset"), "utf8");
});
afterAll(() => example?.close());

/** A data file of this text. */
function file(name: string, text: string): string {
  const path = join(example.scratch, name);
  writeFileSync(path, text);
  return path;
}

const fitted = { n_estimators: small.n_estimators, learning_rate: small.learning_rate };

describe("a run on made data", () => {
  it("reports a model that is better than guessing, on a quarter of the rows", () => {
    expect(first.outputs).toMatchObject({ rows_train: 3000, rows_test: 1000 });
    expect(first.outputs.auc).toBeGreaterThan(0.85);
    expect(first.outputs.accuracy).toBeGreaterThan(0.8);
    expect(first.outputs.daal4py_max_abs_diff).toBeLessThanOrEqual(1e-5);
  });

  it("passes Parquet, JSON, text and models between tasks, and never a pickle", () => {
    const artifacts = first.tasks.flatMap(({ artifacts }) => Object.entries(artifacts));
    const files = artifacts.flatMap(([output, list]) =>
      list.map(({ uri }) => ({ output, file: fileURLToPath(uri) })),
    );
    // Metrics are metadata alone: they have no file.
    const written = files.filter(({ file }) => existsSync(file));
    expect(written.length).toBeGreaterThan(12);
    const parquet = ["loans", "train", "test", "train_features", "test_features", "predictions"];
    for (const { output, file } of written) {
      const start = readFileSync(file).subarray(0, 4);
      if (parquet.includes(output)) expect(start.toString(), output).toBe("PAR1");
      // Pickles start with 0x80 and their protocol; joblib's are pickles, plain or compressed by zlib or gzip.
      else expect([0x80, 0x78, 0x1f], output).not.toContain(start[0]);
    }
  });

  it("executes nothing when it is repeated", async () => {
    const again = await example.train(small);
    expect(executed(again)).toEqual([]);
    expect(again.outputs).toEqual(first.outputs);
  });

  it("splits anew with another seed", async () => {
    const path = file("same.csv", csv);
    const one = await example.train({ ...fitted, data_path: path });
    const two = await example.train({ ...fitted, data_path: path, seed: 1 });
    expect(taskOf(two, "load-data").cached).toBe(true);
    expect(two.outputs).toMatchObject({ rows_train: 3000, rows_test: 1000 });
    expect(artifactOf(two, "split-data", "test").digest).not.toBe(
      artifactOf(one, "split-data", "test").digest,
    );
    expect(two.outputs.auc).not.toBe(one.outputs.auc);
  });

  it("augments training rows and leaves the test rows as they are", async () => {
    const grown = await example.train({ ...small, augment_rows: 7000 });
    expect(grown.outputs).toMatchObject({ rows_train: 7000, rows_test: 1000 });
    expect(taskOf(grown, "split-data").outputs.source_rows).toBe(3000);
    expect(artifactOf(grown, "split-data", "test").digest).toBe(
      artifactOf(first, "split-data", "test").digest,
    );
    expect(artifactOf(grown, "split-data", "train").digest).not.toBe(
      artifactOf(first, "split-data", "train").digest,
    );
  });

  it("stops early when asked to", async () => {
    const stopped = await example.train({ ...small, n_estimators: 400, early_stopping_rounds: 5 });
    expect(taskOf(stopped, "train-model").outputs.Output).toBeLessThan(200);
    expect(stopped.outputs.auc).toBeGreaterThan(0.85);
  });

  it("drops duplicates and impossible rows when asked to, and says how many", async () => {
    const quality = JSON.parse(readFileSync(fileOf(first, "load-data", "quality_report"), "utf8"));
    expect([quality.dropped_duplicates, quality.dropped_impossible]).toEqual([0, 0]);
    const cleaned = await example.train({ ...small, drop_duplicates: true, drop_impossible: true });
    const found = JSON.parse(readFileSync(fileOf(cleaned, "load-data", "quality_report"), "utf8"));
    expect(found).toMatchObject({ rows: 4000, dropped_duplicates: quality.duplicates });
    expect(found.dropped_duplicates).toBeGreaterThan(0);
    expect(found.dropped_impossible).toBeGreaterThan(0);
    const kept = 4000 - found.dropped_duplicates - found.dropped_impossible;
    expect(taskOf(cleaned, "load-data").outputs.Output).toBe(kept);
    expect(Number(cleaned.outputs.rows_train) + Number(cleaned.outputs.rows_test)).toBe(kept);
  });
});

describe("data that do not fit", () => {
  const header = () => csv.slice(0, csv.indexOf("\n") + 1);
  const oneClass = () => {
    const [names = "", ...lines] = csv.split(/\r?\n/);
    const label = names.split(",").findIndex((name) => name.includes("loan_status"));
    return [names, ...lines.filter((line) => line.split(",")[label] === "0")].join("\n");
  };

  it.each([
    [
      "a changed column",
      () => csv.replace("person_income", "income"),
      /missing 'person_income'; unexpected 'income'/,
    ],
    ["an empty file", () => "", /expected a CSV file with a header, got an empty file/],
    ["a header without rows", () => header(), /expected rows, got a header only/],
    ["one class only", () => oneClass(), /loan_status: expected both 0 and 1, got only 0/],
    [
      "an unknown category",
      () => csv.replaceAll("MEDICAL", "HOLIDAY"),
      /loan_intent: expected one of .* 'HOLIDAY'/,
    ],
  ])("fail load-data and skip what follows: %s", async (name, text, reason) => {
    const failed = await example.train({ ...fitted, data_path: file(`${name}.csv`, text()) });
    expect(failed.state).toBe("FAILED");
    expect(taskOf(failed, "load-data").error?.message).toMatch(reason);
    expect(statesOf(failed)).toMatchObject({
      importer: "SUCCEEDED",
      "load-data": "FAILED",
      "split-data": "SKIPPED",
      "evaluate-model": "SKIPPED",
    });
  });

  it("fail the importer when there is no such file", async () => {
    const failed = await example.train({ ...fitted, data_path: "nowhere.csv" });
    expect(taskOf(failed, "importer").error).toMatchObject({ code: "ENGINE_IMPORT_MISSING" });
    expect(statesOf(failed)).toMatchObject({ importer: "FAILED", "load-data": "SKIPPED" });
  });

  it("fail the step whose parameter does not fit them", async () => {
    const failed = await example.train({ ...small, augment_rows: 10 });
    expect(taskOf(failed, "split-data").error?.message).toMatch(/augment_rows: expected at least the 3000/);
    const share = await example.train({ ...small, test_size: 1.5 });
    expect(taskOf(share, "split-data").error?.message).toMatch(/test_size: expected a share between 0 and 1/);
  });
});

describe("data behind an address", () => {
  let server: Server;
  let address: string;
  const sha256 = () => createHash("sha256").update(csv).digest("hex");
  beforeAll(async () => {
    server = createServer((request, response) => {
      response.writeHead(request.url === "/loans.csv" ? 200 : 404).end(csv);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    address = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  afterAll(() => void server?.close());

  it("are those of the file with the same SHA-256", async () => {
    const run = await example.train({ ...fitted, data_path: `${address}/loans.csv#sha256=${sha256()}` });
    expect(run.state).toBe("SUCCEEDED");
    const local = await example.train({ ...fitted, data_path: file("local.csv", csv) });
    expect(local.outputs).toEqual(run.outputs);
    expect(artifactOf(run, "importer", "artifact").digest).toBe(`sha256:${sha256()}`);
  });

  it.each([
    ["another SHA-256", () => `loans.csv#sha256=${"0".repeat(64)}`, "ENGINE_IMPORT_DIGEST_MISMATCH"],
    ["no SHA-256", () => "loans.csv", "ENGINE_IMPORT_DIGEST_REQUIRED"],
    ["an address that answers 404", () => `none.csv#sha256=${"1".repeat(64)}`, "ENGINE_IMPORT_UNREACHABLE"],
  ])("are refused with %s", async (_, path, code) => {
    const failed = await example.train({ ...fitted, data_path: `${address}/${path()}` });
    expect(taskOf(failed, "importer").error).toMatchObject({ code });
    expect(statesOf(failed)).toMatchObject({ "load-data": "SKIPPED" });
  });

  it("are checked against data_sha256 where the file is local", async () => {
    const path = file("checked.csv", csv);
    const good = await example.train({ ...fitted, data_path: path, data_sha256: sha256() });
    expect(good.state).toBe("SUCCEEDED");
    const bad = await example.train({ ...fitted, data_path: path, data_sha256: "ab".repeat(32) });
    expect(taskOf(bad, "load-data").error?.message).toMatch(/expected SHA-256 abab/);
  });
});
