import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { bundleProgram } from "../../../../test-support/bundled.js";
import { createEngine } from "../../src/engine.js";
import type { RunEvent } from "../../src/events.js";
import { discard } from "../../src/store/artifacts.js";
import { openStore } from "../../src/store/store.js";
import { keptDirectory, temporaryDirectory } from "../temporary.js";
import { crashPipeline, expected, traceOf } from "./pipeline.js";

const KILLS = process.env.SEALFLOW_SLOW ? 200 : 10;

// Beside the packages, so that what is not bundled is found.
const program = fileURLToPath(new URL(`../../node_modules/.cache/crash-${process.pid}.mjs`, import.meta.url));
const environments = keptDirectory("crash-envs");

beforeAll(async () => {
  await bundleProgram(program, fileURLToPath(new URL("child.ts", import.meta.url)));
});
afterAll(() => {
  discard(program);
  discard(environments);
});

/** A process running the engine, and what it said before its end. */
function start(mode: "run" | "resume", directory: string, document: string) {
  const args = [program, mode, join(directory, "store"), "crashed", environments, document];
  const child: ChildProcess = spawn(process.execPath, args, { stdio: ["ignore", "pipe", "inherit"] });
  let said = "";
  child.stdout?.on("data", (chunk: Buffer) => {
    said += chunk.toString("utf8");
  });
  const ended = once(child, "close");
  return {
    child,
    ended,
    reported: () =>
      said
        .split("\n")
        .slice(0, -1)
        .map((line) => JSON.parse(line) as RunEvent),
  };
}

/** How often each task was executed, finished or not. */
function executions(trace: string): Map<string, number> {
  const counts = new Map<string, number>();
  if (!existsSync(trace)) return counts;
  for (const line of readFileSync(trace, "utf8").trim().split("\n"))
    counts.set(line, (counts.get(line) ?? 0) + 1);
  return counts;
}

const finishedPaths = (events: readonly RunEvent[]) =>
  events.flatMap((event) =>
    event.type === "task-finished" && event.state === "SUCCEEDED" ? [event.path] : [],
  );

describe("an engine killed at any instant", () => {
  it(`loses nothing that it reported, and a resume reruns no finished task (${KILLS} kills)`, async () => {
    let kills = 0;
    let wholeMs = 1200;
    while (kills < KILLS) {
      const directory = temporaryDirectory();
      const document = join(directory, "document.json");
      writeFileSync(document, JSON.stringify(crashPipeline(join(directory, "trace"))));
      const store = openStore(join(directory, "store"));
      let finished = new Set<string>();
      let before = new Map<string, number>();
      let known = 0;
      let exists = false;
      const began = performance.now();
      let killedHere = 0;
      for (;;) {
        const { child, ended, reported } = start(exists ? "resume" : "run", directory, document);
        // Up to three kills a run, then it may finish; each run is killed at another instant.
        const kill = kills < KILLS && killedHere < 3;
        if (kill) {
          await Promise.race([ended, sleep(Math.random() * wholeMs)]);
          child.kill("SIGKILL");
        }
        const [code] = await ended;
        const wasKilled = code === null;
        if (wasKilled) {
          kills++;
          killedHere++;
        }
        exists = store.listRuns().length > 0;
        const recorded = exists ? store.readEvents("crashed") : [];
        // What was reported is on the disk, word for word.
        for (const event of reported()) expect(recorded[event.seq - 1]).toEqual(event);
        // What had ended before this process took over was not started again.
        for (const event of recorded.slice(known)) {
          if (event.type === "task-started") expect(finished.has(event.path), event.path).toBe(false);
        }
        const executed = executions(join(directory, "trace"));
        for (const path of finished)
          expect(executed.get(traceOf(path)), path).toBe(before.get(traceOf(path)));
        before = executed;
        known = recorded.length;
        finished = new Set(finishedPaths(recorded));
        if (!wasKilled) expect(code).toBe(0);
        if (recorded.at(-1)?.type === "run-finished") break;
      }
      if (killedHere === 0) wholeMs = Math.min(wholeMs, performance.now() - began);
      checkEnd(store);
      discard(directory);
    }
  }, 1_800_000);

  it("leaves its workers and tasks no life of their own", async () => {
    const directory = temporaryDirectory();
    const document = join(directory, "document.json");
    const pids = join(directory, "pids");
    const pipeline = crashPipeline(join(directory, "trace"));
    const slow = `import os, time\ndef last():\n    open(${JSON.stringify(pids)}, "w").write(f"{os.getpid()} {os.getppid()}")\n    time.sleep(60)\n`;
    const text = JSON.stringify(pipeline, (_, value) =>
      typeof value === "string" && value.includes("def last(") ? slow : value,
    );
    writeFileSync(document, text);
    const { child, ended } = start("run", directory, document);
    const read = () => {
      try {
        return readFileSync(pids, "utf8").split(" ");
      } catch {
        return [];
      }
    };
    while (read().length < 2) await sleep(50);
    child.kill("SIGKILL");
    await ended;
    const alive = (pid: string): boolean => {
      try {
        return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
      } catch {
        return false;
      }
    };
    for (let i = 0; i < 60 && read().some(alive); i++) await sleep(50);
    expect(read().some(alive)).toBe(false);
  });
});

/** Outputs as if nothing had happened, each task there once. */
function checkEnd(store: ReturnType<typeof openStore>): void {
  const run = store.getRun("crashed");
  expect(run).toMatchObject({
    state: "SUCCEEDED",
    outputs: { total: expected.total, doubled: expected.doubled },
  });
  expect(run.tasks).toHaveLength(expected.tasks);
  expect(new Set(run.tasks.map(({ path }) => path)).size).toBe(expected.tasks);
  expect(run.tasks.filter(({ state }) => state === "SKIPPED")).toHaveLength(expected.skipped);
}

describe("the pipeline of the crash test", () => {
  it("gives what is expected when nothing happens", async () => {
    const directory = temporaryDirectory();
    const store = openStore(join(directory, "store"));
    const engine = createEngine({ store, environmentsDirectory: environments });
    await engine.run(crashPipeline(join(directory, "trace")), { runId: "crashed" });
    await engine.close();
    checkEnd(store);
  });
});
