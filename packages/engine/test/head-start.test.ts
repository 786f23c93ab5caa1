/** Workers that start before their run: what is remembered, and when nothing is. */
import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { createEngine } from "../src/engine.js";
import { openStore } from "../src/store/store.js";
import { startAhead } from "../src/workers/head-start.js";
import { documentOf, task } from "./pipelines.js";
import { temporaryDirectory } from "./temporary.js";

const source = "def look() -> str:\n    import statistics\n    return statistics.__name__\n";
const document = documentOf({
  components: { look: { source, outputs: { Output: "STRING" } } },
  tasks: { look: task("look") },
});

function surroundings() {
  const directory = temporaryDirectory();
  const environment = { ...process.env, SEALFLOW_ENV_DIR: join(directory, "envs") };
  const run = async (name: string, caching: boolean) => {
    const headStart = startAhead(name, environment);
    const ahead = headStart.pool.size;
    const engine = createEngine({
      store: openStore(join(directory, "store")),
      environmentsDirectory: environment.SEALFLOW_ENV_DIR,
      headStart,
    });
    const { state } = await engine.run(document, { caching });
    await engine.close();
    headStart.remember();
    return { ahead, state };
  };
  return { directory, environment, run };
}

it("starts what the last run of the same pipeline used, and nothing for another one", async () => {
  const { environment, run } = surroundings();
  expect(await run("a", false)).toEqual({ ahead: 0, state: "SUCCEEDED" });
  const memory = JSON.parse(readFileSync(join(environment.SEALFLOW_ENV_DIR, "imports.json"), "utf8"));
  expect(memory.a[0].modules).toContain("statistics");
  expect(await run("a", false)).toEqual({ ahead: 1, state: "SUCCEEDED" });
  expect((await run("b", false)).ahead).toBe(0);
});

it("starts nothing after a run that came from the cache whole", async () => {
  const { run } = surroundings();
  await run("a", true);
  expect((await run("a", true)).ahead).toBe(1);
  expect((await run("a", true)).ahead).toBe(0);
});

it("ends at once a worker that is still importing and was not needed", async () => {
  const { environment, run } = surroundings();
  await run("a", false);
  const { pool } = startAhead("a", environment);
  const started = performance.now();
  await pool.close();
  expect(performance.now() - started).toBeLessThan(1500);
});

it("makes nothing of a memory that is damaged", async () => {
  const { environment, run } = surroundings();
  await run("a", false);
  for (const text of ["", "[]", '{"a": 1}', '{"a": [{"environment": "x", "modules": []}]}']) {
    writeFileSync(join(environment.SEALFLOW_ENV_DIR, "imports.json"), text);
    expect(startAhead("a", environment).pool.size).toBe(0);
  }
});
