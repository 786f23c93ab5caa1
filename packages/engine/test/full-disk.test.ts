import { execFileSync } from "node:child_process";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createEngine } from "../src/engine.js";
import { discard } from "../src/store/artifacts.js";
import { systemCode } from "../src/store/disk-errors.js";
import { openStore } from "../src/store/store.js";
import { documentOf, task } from "./pipelines.js";
import { keptDirectory } from "./temporary.js";

/** A small file system of its own; undefined where this user may not mount one. */
function smallDisk(): string | undefined {
  const directory = keptDirectory("small-disk");
  try {
    execFileSync("mount", ["-t", "tmpfs", "-o", "size=1m", "tmpfs", directory], { stdio: "ignore" });
    return directory;
  } catch {
    discard(directory);
    console.warn("SKIPPED: mounting a small file system needs root on Linux");
    return undefined;
  }
}

const disk = smallDisk();
const environmentsDirectory = keptDirectory("full-disk-envs");

beforeAll(() => mkdirSync(environmentsDirectory, { recursive: true }));
afterAll(() => {
  discard(environmentsDirectory);
  if (disk === undefined) return;
  execFileSync("umount", ["--lazy", disk]);
  discard(disk);
});

/** Leaves no byte. */
function fill(directory: string): string {
  const filler = join(directory, "filler");
  try {
    for (;;) writeFileSync(filler, Buffer.alloc(4096), { flag: "a" });
  } catch (cause) {
    if (systemCode(cause) !== "ENOSPC") throw cause;
  }
  return filler;
}

describe.skipIf(disk === undefined)("a disk that fills up", () => {
  const pipeline = documentOf({
    components: {
      step: {
        source:
          "def step(n: int) -> int:\n    import time\n    time.sleep(0.02)\n    print('x' * 2000)\n    return n + 1\n",
        inputs: { n: "NUMBER_INTEGER" },
        outputs: { Output: "NUMBER_INTEGER" },
      },
    },
    tasks: Object.fromEntries(
      Array.from({ length: 20 }, (_, i) => [
        `t${i}`,
        task("step", { parameters: { n: i === 0 ? { constant: 0 } : { task: `t${i - 1}.Output` } } }),
      ]),
    ),
    outputs: { n: ["t19.Output", "NUMBER_INTEGER"] },
  });

  it("ends the run with an error that says so, and the run goes on when there is space again", async () => {
    const directory = disk ?? "";
    const store = openStore(join(directory, "store"));
    const engine = createEngine({ store, environmentsDirectory });
    let filler: string | undefined;
    const ended = engine.run(pipeline, {
      runId: "full",
      onEvent: ({ type, seq }) => {
        if (type === "task-finished" && seq > 8) filler ??= fill(directory);
      },
    });
    await expect(ended).rejects.toMatchObject({
      code: "ENGINE_STORE_FULL",
      hint: expect.stringContaining("sealflow resume"),
    });
    const before = store.getRun("full");
    expect(before.state).toBe("INTERRUPTED");
    expect(before.tasks.length).toBeGreaterThan(0);
    rmSync(filler ?? "");
    const summary = await engine.resume("full");
    await engine.close();
    expect(summary).toMatchObject({ state: "SUCCEEDED", outputs: { n: 20 } });
  });

  it("from the start is a clear error", async () => {
    const directory = disk ?? "";
    const filler = fill(directory);
    const engine = createEngine({
      store: openStore(join(directory, "other", "store")),
      environmentsDirectory,
    });
    await expect(engine.run(pipeline)).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    await engine.close();
    rmSync(filler);
  });
});
