import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";
import { recordLog, recordRun, twoTasks } from "./support/recorded-run.js";

const first = "018bcfe5-6800-7000-8000-0000000000aa";
const second = "018bcfe6-52a8-7000-8000-0000000000bb";
const now = 1_700_000_100_000;

let store: string;
beforeEach(() => {
  store = join(mkdtempSync(join(tmpdir(), "sealflow-runs-")), ".sealflow");
  recordRun(store, first, twoTasks(first));
  recordRun(store, second, twoTasks(second, { seed: 1, fails: true }), 1_700_000_060_000);
});
afterEach(() => rmSync(join(store, ".."), { recursive: true, force: true }));

const runs = (...args: string[]) => cli(["runs", ...args], { cwd: join(store, ".."), now: () => now });
const json = async (...args: string[]) => JSON.parse((await runs(...args, "--json")).stdout);

describe("runs list", () => {
  it("is the default and shows the newest run first", async () => {
    expect(await runs()).toMatchInlineSnapshot(`
      {
        "exitCode": 0,
        "stderr": "",
        "stdout": "RUN                                   STATE      CREATED (UTC)        TOOK    NAME
      018bcfe6-52a8-7000-8000-0000000000bb  FAILED     2023-11-14 22:14:20  6.00 s  loan 1
      018bcfe5-6800-7000-8000-0000000000aa  SUCCEEDED  2023-11-14 22:13:20  6.00 s  loan 0
      ",
      }
    `);
  });

  it("says how many more there are than it shows", async () => {
    const { stdout, stderr } = await runs("list", "-n", "1");
    expect(stdout.trimEnd().split("\n")).toHaveLength(2);
    expect(stderr).toBe("1 older runs: --limit shows more\n");
  });

  it("prints one JSON object", async () => {
    const { runs: listed } = await json("list");
    expect(listed.map((run: { runId: string }) => run.runId)).toEqual([second, first]);
  });

  it("says when a store is empty", async () => {
    const { stdout, stderr, exitCode } = await runs("list", "--store", "elsewhere");
    expect([stdout, exitCode]).toEqual(["", 0]);
    expect(stderr).toMatch(/^no runs in .*elsewhere\n$/);
  });
});

describe("runs show", () => {
  it("shows a run whole", async () => {
    expect((await runs("show", "aa-none").catch(String)) as unknown).toMatchObject({ exitCode: 2 });
    expect((await runs("show", "00aa")).stdout).toMatchInlineSnapshot(`
      "loan 0  SUCCEEDED
      run       018bcfe5-6800-7000-8000-0000000000aa
      pipeline  loan  sha256:aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa
      created   2023-11-14T22:13:20.000Z
      ended     2023-11-14T22:13:26.000Z

      Parameters
        seed  0

      Tasks
        SUCCEEDED  load   1.00 s
        SUCCEEDED  train  1.00 s

      Artifacts
        train / model  /store/m

      Outputs
        auc  0.9466
      "
    `);
  });

  it("shows what failed, with the error", async () => {
    const { stdout } = await runs("show", "latest");
    expect(stdout).toContain("FAILED     train");
    expect(stdout).toContain("error[TASK_FAILED]: train: exit code 1\nhint: read its log\n");
  });

  it("prints one JSON object with outputs and tasks", async () => {
    expect(await json("show", first)).toMatchObject({
      runId: first,
      state: "SUCCEEDED",
      outputs: { auc: 0.9466 },
      tasks: [{ path: "load" }, { path: "train" }],
    });
  });

  it("takes the start or the end of an id, when only one run fits", async () => {
    expect((await json("show", "018bcfe6")).runId).toBe(second);
    expect((await json("show", "0aa")).runId).toBe(first);
    expect(await runs("show", "018b")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("CLI_RUN_AMBIGUOUS"),
    });
  });

  it("reports an unknown run as JSON too", async () => {
    const { stdout, stderr, exitCode } = await runs("show", "ffff", "--json");
    expect(JSON.parse(stdout).error.code).toBe("CLI_RUN_UNKNOWN");
    expect(stderr).toContain("error[CLI_RUN_UNKNOWN]: run ffff");
    expect(exitCode).toBe(2);
  });
});

describe("runs logs", () => {
  it("names the task of each line when it shows several", async () => {
    recordLog(store, first, "load", 1, "read ä\nwrote\n");
    recordLog(store, first, "train", 1, "no end of line");
    expect((await runs("logs", first)).stdout).toBe("load | read ä\nload | wrote\ntrain | no end of line\n");
  });

  it("shows one task's output as it was written", async () => {
    recordLog(store, first, "load", 1, "a\n\nb\n");
    expect((await runs("logs", first, "load")).stdout).toBe("a\n\nb\n");
    expect((await runs("logs", first, "load", "--attempt", "2")).exitCode).toBe(2);
  });

  it("suggests the task that was meant", async () => {
    expect(await runs("logs", first, "trian")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("hint: did you mean train?"),
    });
  });

  it("ends at once when asked to follow a run that has ended", async () => {
    recordLog(store, first, "load", 1, "done\n");
    expect((await runs("logs", "-f", first, "load")).stdout).toBe("done\n");
  });
});

describe("runs diff", () => {
  it("shows parameters, outputs, states and artifacts that differ", async () => {
    expect((await runs("diff", first, second)).stdout).toMatchInlineSnapshot(`
      "The same pipeline

      Parameters
        seed  0  →  1

      Outputs
        auc  0.9466  →  –

      Tasks
        train        SUCCEEDED                                                                →  FAILED
        train.auc    0.9466                                                                   →  –
        train.model  sha256:0000000000000000000000000000000000000000000000000000000000000000  →  –
      "
    `);
  });

  it("finds nothing between a run and itself", async () => {
    expect(await json("diff", first, first)).toEqual({
      a: first,
      b: first,
      samePipeline: true,
      parameters: [],
      outputs: [],
      tasks: [],
    });
  });
});

describe("runs delete and gc", () => {
  it("deletes the runs named", async () => {
    expect((await runs("delete", first, "00aa")).stdout).toBe(`Deleted run ${first}\n`);
    expect((await json("list")).runs).toHaveLength(1);
  });

  it("keeps the newest runs", async () => {
    expect((await runs("gc", "--keep", "1")).stdout).toBe(
      "Removed 1 runs, 0 artifacts (0 B) and 0 cache entries\n",
    );
    expect((await json("list")).runs).toMatchObject([{ runId: second }]);
  });

  it("deletes runs older than an age", async () => {
    expect((await json("gc", "--older-than", "80s")).runs).toEqual([first]);
    expect((await runs("gc", "--older-than", "soon")).exitCode).toBe(2);
  });

  it("refuses to cancel a run that nobody runs", async () => {
    expect(await runs("cancel", first)).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("error[ENGINE_RUN_NOT_RUNNING]"),
    });
  });
});
