import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { afterAll, expect, it } from "vitest";
import { createEngine } from "../src/engine.js";
import { discard } from "../src/store/artifacts.js";
import { openStore } from "../src/store/store.js";
import { documentOf, task } from "./pipelines.js";
import { keptDirectory, temporaryDirectory } from "./temporary.js";

const environmentsDirectory = keptDirectory("suspension");
afterAll(() => discard(environmentsDirectory));

it("closing with suspend leaves a run for a later engine, which runs no finished task again", async () => {
  const directory = temporaryDirectory();
  const store = openStore(join(directory, "store"));
  const at = (name: string) => JSON.stringify(join(directory, name));
  const document = documentOf({
    components: {
      count: { source: `def step():\n    open(${at("count")}, "a").write("x")\n` },
      gate: {
        source: `import os, time
def step():
    open(${at("waiting")}, "a").write("x")
    while not os.path.exists(${at("open")}):
        time.sleep(0.02)
`,
      },
    },
    tasks: {
      first: task("count"),
      gate: task("gate", { after: ["first"] }),
      last: task("count", { after: ["gate"] }),
    },
  });
  const engine = createEngine({ store, environmentsDirectory });
  const running = engine.run(document, { runId: "mine", caching: false });
  const suspended = expect(running).rejects.toMatchObject({ code: "ENGINE_RUN_SUSPENDED" });
  while (!existsSync(join(directory, "waiting"))) await sleep(20);
  await engine.close({ suspend: true });
  await suspended;
  expect(store.getRun("mine").state).toBe("INTERRUPTED");
  expect(store.readEvents("mine").map(({ type }) => type)).not.toContain("run-canceling");

  writeFileSync(join(directory, "open"), "");
  const later = createEngine({ store, environmentsDirectory });
  const summary = await later.resume("mine");
  await later.close();
  expect(summary.state).toBe("SUCCEEDED");
  expect(summary.tasks.map(({ path, state }) => [path, state])).toEqual([
    ["first", "SUCCEEDED"],
    ["gate", "SUCCEEDED"],
    ["last", "SUCCEEDED"],
  ]);
  expect(readFileSync(join(directory, "count"), "utf8")).toBe("xx");
  expect(readFileSync(join(directory, "waiting"), "utf8")).toBe("xx");
});
