import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  appendFileSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { RunEvent, RunEventBody } from "../src/events.js";
import { discard, storeContent } from "../src/store/artifacts.js";
import { contentOf } from "../src/store/content-digest.js";
import { openJournal } from "../src/store/journal.js";
import { readJournal } from "../src/store/journal-reader.js";
import { runLayout, storeLayout, taskFileName } from "../src/store/layout.js";
import { announce, lockHolders, takeLock } from "../src/store/locks.js";
import { ensureStore, openStore, runLockName } from "../src/store/store.js";
import { temporaryDirectory } from "./temporary.js";

const created: RunEventBody = {
  type: "run-created",
  formatVersion: 1,
  runId: "r1",
  runName: "first",
  pipelineName: "p",
  specDigest: "sha256:00",
  parameters: {},
  options: {},
};

async function record(
  directory: string,
  runId: string,
  bodies: readonly RunEventBody[],
): Promise<RunEvent[]> {
  const layout = runLayout(storeLayout(directory), runId);
  mkdirSync(layout.directory, { recursive: true });
  const seen: RunEvent[] = [];
  let time = 1_700_000_000_000;
  const journal = openJournal(layout.journal, { now: () => time++, onEvent: (event) => seen.push(event) });
  for (const body of bodies) journal.append(body);
  await journal.close();
  return seen;
}

describe("journal", () => {
  it("reports events in order, numbered without gaps, and reads them back", async () => {
    const directory = temporaryDirectory();
    const bodies = [created, ...Array.from({ length: 500 }, (): RunEventBody => ({ type: "run-canceling" }))];
    const seen = await record(directory, "r1", bodies);
    expect(seen.map(({ seq }) => seq)).toEqual(Array.from({ length: 501 }, (_, i) => i + 1));
    expect(openStore(directory).readEvents("r1")).toEqual(seen);
  });

  it("reports an event only once its file waits were served", async () => {
    const path = join(temporaryDirectory(), "journal.jsonl");
    const seen: string[] = [];
    const journal = openJournal(path, { now: () => 0, onEvent: ({ type }) => seen.push(type) });
    let release = () => {};
    journal.append(
      created,
      new Promise((resolve) => {
        release = resolve;
      }),
    );
    journal.append({ type: "run-canceling" });
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(seen).toEqual([]);
    expect(readFileSync(path, "utf8")).toBe("");
    release();
    await journal.close();
    expect(seen).toEqual(["run-created", "run-canceling"]);
  });

  it("leaves out a torn last line, cuts it off and goes on behind it", async () => {
    const directory = temporaryDirectory();
    await record(directory, "r1", [created, { type: "run-started", pid: 1, resumed: false }]);
    const { journal } = runLayout(storeLayout(directory), "r1");
    const whole = readFileSync(journal);
    await fc.assert(
      fc.asyncProperty(fc.integer({ min: 0, max: whole.length - 1 }), async (cut) => {
        writeFileSync(journal, whole.subarray(0, cut));
        const left = readJournal(journal).events.length;
        expect(left).toBe(whole.subarray(0, cut).filter((byte) => byte === 10).length);
        await record(directory, "r1", left === 0 ? [created] : [{ type: "run-canceling" }]);
        expect(readJournal(journal)).toMatchObject({ torn: false, events: { length: left + 1 } });
      }),
      { numRuns: process.env.SEALFLOW_SLOW ? 500 : 30 },
    );
  });

  it.each([
    ["a line that is not JSON", "hello\n"],
    ["a line that is no event", "[]\n"],
    ["an event out of order", '{"seq":7,"time":0,"type":"run-canceling"}\n'],
    ["bytes that are not UTF-8", Buffer.from([0xff, 0x0a])],
  ])("refuses %s", async (_, bytes) => {
    const directory = temporaryDirectory();
    await record(directory, "r1", [created]);
    appendFileSync(runLayout(storeLayout(directory), "r1").journal, bytes);
    expect(() => openStore(directory).readEvents("r1")).toThrow(
      expect.objectContaining({
        code: "ENGINE_JOURNAL_DAMAGED",
        where: expect.objectContaining({ line: 2 }),
      }),
    );
  });

  it("refuses a journal of a later version", async () => {
    const path = join(temporaryDirectory(), "journal.jsonl");
    writeFileSync(path, '{"seq":1,"time":0,"type":"run-created","formatVersion":2}\n');
    expect(() => readJournal(path)).toThrow(expect.objectContaining({ code: "ENGINE_STORE_FORMAT" }));
  });

  it.skipIf(!existsSync("/dev/full"))("says that the disk is full and keeps saying it", async () => {
    const path = join(temporaryDirectory(), "journal.jsonl");
    symlinkSync("/dev/full", path);
    const seen: RunEvent[] = [];
    // Reading /dev/full never ends, so the journal is opened on a file first and swapped below it.
    discard(path);
    const journal = openJournal(path, { now: () => 0, onEvent: (event) => seen.push(event) });
    const { fd } = journal as unknown as { fd: number };
    const { openSync, closeSync } = await import("node:fs");
    closeSync(fd);
    expect(openSync("/dev/full", "w")).toBe(fd);
    journal.append(created);
    await expect(journal.flush()).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    await expect(journal.broken).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    await expect(journal.close()).rejects.toMatchObject({ code: "ENGINE_STORE_FULL" });
    expect(seen).toEqual([]);
  });
});

describe("locks", () => {
  it("are held by one at a time and free after release", async () => {
    const directory = temporaryDirectory();
    const first = await takeLock(directory, "run-a");
    expect(first.held).toBeDefined();
    expect(await takeLock(directory, "run-a")).toMatchObject({ holder: { pid: process.pid } });
    expect((await takeLock(directory, "run-b")).held).toBeDefined();
    first.held?.release();
    expect((await takeLock(directory, "run-a")).held).toBeDefined();
  });

  it("of a killed process are nobody's", async () => {
    const directory = temporaryDirectory();
    const child = spawn(process.execPath, ["-e", "setInterval(() => {}, 1000)"]);
    const [file] = [announce(directory, "run-a").file];
    discard(join(directory, file));
    await once(child, "spawn");
    const stat = readFileSync(`/proc/${child.pid}/stat`, "utf8");
    const start = stat.slice(stat.lastIndexOf(")") + 2).split(" ")[19];
    const host = /@([^.]+)\./.exec(file)?.[1];
    writeFileSync(join(directory, `run-a@${host}.${child.pid}.${start}.00`), "");
    expect(lockHolders(directory, () => true)).toHaveLength(1);
    child.kill("SIGKILL");
    await once(child, "exit");
    expect(lockHolders(directory, () => true)).toHaveLength(0);
    expect(readdirSync(directory)).toEqual([]);
  });

  it("of a process whose id was given to another one are nobody's", () => {
    const directory = temporaryDirectory();
    const { file } = announce(directory, "run-a");
    discard(join(directory, file));
    writeFileSync(join(directory, file.replace(/\.\d+(\.[0-9a-f]+)$/, ".1$1")), "");
    expect(lockHolders(directory, () => true)).toHaveLength(0);
  });

  it("let in exactly one of many that come at once", async () => {
    const directory = temporaryDirectory();
    let inside = 0;
    const one = async (): Promise<void> => {
      const attempt = await takeLock(directory, "run-a");
      if (attempt.held === undefined) return;
      expect(++inside).toBe(1);
      await new Promise((resolve) => setTimeout(resolve, 5));
      inside--;
      attempt.held.release();
    };
    await Promise.all(Array.from({ length: 12 }, one));
  });
});

describe("content", () => {
  it("is stored once, read-only, under its digest", async () => {
    const directory = temporaryDirectory();
    const layout = storeLayout(join(directory, "store"));
    for (const name of ["a", "b"]) writeFileSync(join(directory, name), "same");
    const first = await storeContent(layout, join(directory, "a"));
    const second = await storeContent(layout, join(directory, "b"));
    expect(second.uri).toBe(first.uri);
    const path = fileURLToPath(first.uri);
    expect(readFileSync(path, "utf8")).toBe("same");
    expect(statSync(path).mode & 0o222).toBe(0);
    expect(existsSync(join(directory, "a")) || existsSync(join(directory, "b"))).toBe(false);
    await first.durable;
  });

  it("of a directory depends on names, bytes and links, and on nothing else", async () => {
    const directory = temporaryDirectory();
    const tree = (name: string, change: (root: string) => void = () => {}): Promise<string> => {
      const root = join(directory, name);
      mkdirSync(join(root, "sub"), { recursive: true });
      writeFileSync(join(root, "sub", "x"), "1");
      symlinkSync("sub/x", join(root, "link"));
      change(root);
      return contentOf(root).then(({ digest }) => digest);
    };
    const base = await tree("base");
    expect(await tree("again")).toBe(base);
    const different = await Promise.all([
      tree("byte", (root) => writeFileSync(join(root, "sub", "x"), "2")),
      tree("more", (root) => writeFileSync(join(root, "y"), "")),
      tree("empty-directory", (root) => mkdirSync(join(root, "z"))),
      tree("renamed", (root) => {
        discard(join(root, "link"));
        symlinkSync("sub/x", join(root, "link2"));
      }),
    ]);
    expect(new Set([base, ...different]).size).toBe(5);
  });

  it("of a directory is moved whole and made read-only", async () => {
    const directory = temporaryDirectory();
    const root = join(directory, "model");
    mkdirSync(join(root, "sub"), { recursive: true });
    writeFileSync(join(root, "sub", "x"), "1");
    const { uri } = await storeContent(storeLayout(join(directory, "store")), root);
    const path = fileURLToPath(uri);
    expect(readFileSync(join(path, "sub", "x"), "utf8")).toBe("1");
    expect(statSync(path).mode & 0o222).toBe(0);
    expect(statSync(join(path, "sub")).mode & 0o222).toBe(0);
  });
});

describe("store", () => {
  it("is not created by looking into it", () => {
    const directory = join(temporaryDirectory(), "store");
    const store = openStore(directory);
    expect(store.listRuns()).toEqual([]);
    expect(() => store.getRun("nope")).toThrow(expect.objectContaining({ code: "ENGINE_RUN_UNKNOWN" }));
    expect(existsSync(directory)).toBe(false);
  });

  it.each(["../x", "", ".", "a/b", "x".repeat(200)])("refuses the run id %j", (runId) => {
    expect(() => openStore(temporaryDirectory()).getRun(runId)).toThrow(
      expect.objectContaining({ code: "ENGINE_RUN_UNKNOWN" }),
    );
  });

  it("tells running, interrupted and ended runs apart", async () => {
    const directory = temporaryDirectory();
    const store = openStore(directory);
    await record(directory, "r1", [created, { type: "run-started", pid: 1, resumed: false }]);
    expect(store.listRuns()).toMatchObject([{ runId: "r1", state: "INTERRUPTED", endTime: null }]);
    const lock = announce(store.layout.locks, runLockName("r1"));
    expect(store.listRuns()).toMatchObject([{ state: "RUNNING" }]);
    expect(() => store.deleteRun("r1")).toThrow(expect.objectContaining({ code: "ENGINE_RUN_BUSY" }));
    store.requestCancel("r1");
    lock.release();
    expect(() => store.requestCancel("r1")).toThrow(
      expect.objectContaining({ code: "ENGINE_RUN_NOT_RUNNING" }),
    );
    await record(directory, "r1", [{ type: "run-finished", state: "SUCCEEDED", outputs: {}, artifacts: {} }]);
    expect(store.getRun("r1")).toMatchObject({ state: "SUCCEEDED", name: "first", tasks: [] });
    store.deleteRun("r1");
    expect(store.listRuns()).toEqual([]);
  });

  it("says clearly that it can't be written", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "file"), "");
    expect(() => ensureStore(storeLayout(join(directory, "file", "store")))).toThrow(
      expect.objectContaining({ code: "ENGINE_STORE_UNWRITABLE", hint: expect.stringContaining("--store") }),
    );
  });

  it("of a later version is refused", () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "store.json"), '{"formatVersion":2}');
    expect(() => openStore(directory)).toThrow(expect.objectContaining({ code: "ENGINE_STORE_FORMAT" }));
  });

  it("removes old runs and the content that only they needed", async () => {
    const directory = temporaryDirectory();
    const store = openStore(directory);
    ensureStore(store.layout);
    const content = async (text: string) => {
      writeFileSync(join(directory, "x"), text);
      const { digest, uri } = await storeContent(store.layout, join(directory, "x"));
      return { name: "x", type: {}, metadata: {}, digest, uri };
    };
    const [old, kept] = [await content("old"), await content("kept")];
    const finished = (artifact: typeof old): RunEventBody => ({
      type: "task-finished",
      path: "t",
      state: "SUCCEEDED",
      cached: false,
      startTime: 0,
      outputs: { parameters: {}, artifacts: { x: [artifact] } },
    });
    await record(directory, "r1", [created, finished(old)]);
    await new Promise((resolve) => setTimeout(resolve, 5));
    await record(directory, "r2", [{ ...created, runId: "r2" }, finished(kept)]);
    const lock = announce(store.layout.locks, runLockName("r2"));
    expect(store.gc({})).toMatchObject({ postponed: true, artifacts: 0 });
    lock.release();
    expect(store.gc({ olderThanMs: 1000, now: 0 })).toMatchObject({ runs: [], artifacts: 0 });
    store.deleteRun("r1");
    expect(store.gc({ keep: 1 })).toMatchObject({ runs: [], artifacts: 1, bytes: 3, postponed: false });
    expect(existsSync(fileURLToPath(old.uri))).toBe(false);
    expect(existsSync(fileURLToPath(kept.uri))).toBe(true);
  });
});

describe("task file names", () => {
  it("differ for different paths and fit a directory entry", () => {
    const part = fc.stringMatching(/^[a-z0-9~%.[\]é-]{1,12}$/);
    const path = fc.array(part, { minLength: 1, maxLength: 40 }).map((parts) => parts.join("/"));
    fc.assert(
      fc.property(path, path, (a, b) => {
        expect(taskFileName(a) === taskFileName(b)).toBe(a === b);
        expect(taskFileName(a).length).toBeLessThanOrEqual(180);
        expect(taskFileName(a)).not.toContain("/");
      }),
    );
  });
});
