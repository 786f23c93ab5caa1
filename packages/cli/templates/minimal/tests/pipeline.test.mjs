import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { promisify } from "node:util";

test("the pipeline finds the slope", async () => {
  const store = await mkdtemp(join(tmpdir(), "store-"));
  try {
    const args = ["sealflow", "run", "--param", "rows=200", "--store", store, "--json"];
    const { stdout } = await promisify(execFile)("npx", args);
    const { state, outputs } = JSON.parse(stdout);
    assert.equal(state, "SUCCEEDED");
    assert.equal(outputs.rows, 200);
    assert.ok(Math.abs(outputs.slope - 2) < 0.1);
  } finally {
    await rm(store, { recursive: true, force: true });
  }
});
