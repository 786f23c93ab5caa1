import { existsSync, mkdirSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { EngineOptions, RunOptions } from "../src/api.js";
import { createEngine } from "../src/engine.js";
import type { LogChunk, RunEvent } from "../src/events.js";
import type { RunSummary } from "../src/result.js";
import { discard } from "../src/store/artifacts.js";
import { openStore } from "../src/store/store.js";
import { documentOf, type TestComponent, type TestPipeline, task } from "./pipelines.js";
import { keptDirectory, temporaryDirectory } from "./temporary.js";

const environmentsDirectory = keptDirectory("envs");
afterAll(() => discard(environmentsDirectory));

const add: TestComponent = {
  source: "def add(a: int, b: int) -> int:\n    print(f'adding {a} and {b}')\n    return a + b\n",
  inputs: { a: "NUMBER_INTEGER", b: "NUMBER_INTEGER" },
  outputs: { Output: "NUMBER_INTEGER" },
};

const write: TestComponent = {
  source: `from kfp.dsl import Dataset, Output
def write(text: str, data: Output[Dataset]):
    with open(data.path, "w") as f:
        f.write(text)
    data.metadata["length"] = len(text)
`,
  inputs: { text: "STRING" },
  outputArtifacts: ["data"],
};

const read: TestComponent = {
  source: `from kfp.dsl import Dataset, Input
def read(data: Input[Dataset]) -> str:
    return open(data.path).read() + str(data.metadata.get("length", ""))
`,
  outputs: { Output: "STRING" },
  inputArtifacts: ["data"],
};

const sourceOf = (body: string) =>
  `import os, sys, time, signal\ndef step():\n    ${body.replaceAll("\n", "\n    ")}\n`;

/** An engine of its own over a store of its own. */
function setUp(options: Partial<EngineOptions> = {}) {
  const directory = temporaryDirectory();
  const store = options.store ?? openStore(join(directory, "store"));
  const engine = createEngine({ environmentsDirectory, ...options, store });
  engines.push(engine);
  const events: RunEvent[] = [];
  const run = (pipeline: TestPipeline, more: RunOptions = {}) =>
    engine.run(documentOf(pipeline), { onEvent: (event) => events.push(event), ...more });
  return { directory, store, engine, events, run };
}

const engines: { close(): Promise<void> }[] = [];
afterAll(() => Promise.all(engines.map((engine) => engine.close())));

const states = (summary: RunSummary) =>
  Object.fromEntries(summary.tasks.map(({ path, state }) => [path, state]));
const cachedTasks = ({ tasks }: RunSummary) =>
  tasks
    .filter(({ cached }) => cached)
    .map(({ path }) => path)
    .sort();
const errorOf = ({ tasks }: RunSummary, path: string) => tasks.find((each) => each.path === path)?.error;

const chain: TestPipeline = {
  components: { add, write, read },
  inputs: { start: "NUMBER_INTEGER" },
  tasks: {
    one: task("add", { parameters: { a: { input: "start" }, b: { constant: 1 } } }),
    two: task("add", { parameters: { a: { task: "one.Output" }, b: { task: "one.Output" } } }),
    text: task("write", { parameters: { text: { task: "two.Output" } } }),
    back: task("read", { artifacts: { data: "text.data" } }),
  },
  outputs: { number: ["two.Output", "NUMBER_INTEGER"], text: ["back.Output", "STRING"] },
};

describe("a run", () => {
  it("passes parameters and artifacts from task to task", async () => {
    const { run, store, events } = setUp();
    const summary = await run(chain, { parameters: { start: 4 }, name: "mine" });
    expect(summary.error).toBeUndefined();
    expect(summary).toMatchObject({ state: "SUCCEEDED", outputs: { number: 10, text: "102" } });
    expect(states(summary)).toEqual({
      one: "SUCCEEDED",
      two: "SUCCEEDED",
      text: "SUCCEEDED",
      back: "SUCCEEDED",
    });
    const [artifact] = summary.tasks.find(({ path }) => path === "text")?.artifacts.data ?? [];
    expect(artifact).toMatchObject({ metadata: { length: 2 }, type: { schemaTitle: "system.Dataset" } });
    expect(readFileSync(fileURLToPath(artifact?.uri ?? ""), "utf8")).toBe("10");
    expect(store.listRuns()).toMatchObject([{ runId: summary.runId, name: "mine", state: "SUCCEEDED" }]);
    expect(store.readEvents(summary.runId)).toEqual(events);
    expect(store.getRun(summary.runId)).toMatchObject({ ...summary, running: [] });
    expect(readFileSync(store.logPath(summary.runId, "one", 1), "utf8")).toBe("adding 4 and 1\n");
    expect(readdirSync(join(store.directory, "runs", summary.runId)).sort()).toEqual([
      "document.json",
      "journal.jsonl",
      "logs",
      "run.json",
    ]);
    expect(readdirSync(join(store.directory, "locks"))).toEqual([]);
  });

  it("with parameters that do not fit is refused before anything is written", async () => {
    const { run, store } = setUp();
    await expect(run(chain, { parameters: { start: "four" } })).rejects.toMatchObject({
      code: expect.stringMatching(/^PIPELINE_PARAMETER_/),
    });
    await expect(run(chain, {})).rejects.toMatchObject({
      code: expect.stringMatching(/^PIPELINE_PARAMETER_/),
    });
    expect(existsSync(store.directory)).toBe(false);
  });

  it("gives live output while a task runs", async () => {
    const { run } = setUp();
    const chunks: LogChunk[] = [];
    const slow = { source: sourceOf("print('first', flush=True)\ntime.sleep(0.6)\nprint('läst')") };
    const order: string[] = [];
    await run(
      { components: { slow }, tasks: { slow: task("slow") } },
      {
        onLog: (chunk) => {
          chunks.push(chunk);
          order.push("log");
        },
        onEvent: ({ type }) => order.push(type),
      },
    );
    expect(chunks.map(({ text }) => text).join("")).toBe("first\nläst\n");
    expect(order.indexOf("log")).toBeLessThan(order.indexOf("task-finished"));
    expect(chunks.length).toBeGreaterThan(1);
  });

  it("goes on with independent tasks after a failure and skips what depends on it", async () => {
    const { run } = setUp();
    const fails = { source: sourceOf("raise ValueError('no luck')") };
    const works = { source: sourceOf("pass") };
    const summary = await run({
      components: { fails, works },
      tasks: { bad: task("fails"), after: task("works", { after: ["bad"] }), other: task("works") },
    });
    expect(summary.state).toBe("FAILED");
    expect(states(summary)).toEqual({ bad: "FAILED", after: "SKIPPED", other: "SUCCEEDED" });
    expect(errorOf(summary, "bad")).toMatchObject({
      code: "ENGINE_TASK_FAILED",
      message: expect.stringMatching(/ValueError: no luck.*line 3/),
      data: {
        exitCode: 1,
        lastLines: expect.stringContaining("ValueError: no luck"),
        log: expect.any(String),
      },
    });
  });

  it("that shall fail fast starts nothing more after a failure", async () => {
    const { run } = setUp({ concurrency: 1 });
    const fails = { source: sourceOf("sys.exit(3)") };
    const works = { source: sourceOf("pass") };
    const pipeline = { components: { fails, works }, tasks: { a: task("fails"), b: task("works") } };
    const summary = await run(pipeline, { failFast: true });
    expect(summary.state).toBe("FAILED");
    expect(states(summary)).toEqual({ a: "FAILED", b: "CANCELED" });
    expect(errorOf(summary, "a")).toMatchObject({ data: { exitCode: 3 } });
  });

  it("never has more tasks at once than it may, and gives each its share of threads", async () => {
    const { run, directory } = setUp({ concurrency: 3, threads: 6 });
    const body = `name = os.path.join(${JSON.stringify(directory)}, str(os.getpid()))
open(name, "w").close()
time.sleep(0.05)
others = [f for f in os.listdir(${JSON.stringify(directory)}) if f.isdigit()]
os.unlink(name)
assert len(others) <= 3, others
assert os.environ["OMP_NUM_THREADS"] == "2", os.environ["OMP_NUM_THREADS"]`;
    const tasks = Object.fromEntries(Array.from({ length: 10 }, (_, i) => [`t${i}`, task("step")]));
    // The last tasks have the machine to themselves: they may use more threads than the first.
    const source = sourceOf(body).replace('== "2"', 'in ("2", "3", "6")');
    const summary = await run({ components: { step: { source } }, tasks }, { caching: false });
    expect(summary.error).toBeUndefined();
    expect(summary.state).toBe("SUCCEEDED");
  });
});

describe("the cache", () => {
  const pipeline = (change: { text?: string; readSource?: string } = {}): TestPipeline => ({
    components: { write, read: { ...read, source: change.readSource ?? read.source } },
    tasks: {
      text: task("write", { parameters: { text: { constant: change.text ?? "abc" } } }),
      back: task("read", { artifacts: { data: "text.data" } }),
      again: task("write", { parameters: { text: { task: "back.Output" } } }),
    },
  });

  it("lets the same run execute nothing and gives the same outputs and metadata", async () => {
    const { run } = setUp();
    const first = await run(pipeline());
    const second = await run(pipeline());
    expect(cachedTasks(first)).toEqual([]);
    expect(cachedTasks(second)).toEqual(["again", "back", "text"]);
    const outputs = ({ tasks }: RunSummary) =>
      tasks.map(({ path, outputs, artifacts }) => ({ path, outputs, artifacts }));
    expect(outputs(second)).toEqual(outputs(first));
  });

  it("reruns exactly what depends on a change", async () => {
    const { run } = setUp();
    await run(pipeline());
    // Another text changes everything; another source of `read` with the same result changes only itself.
    expect(cachedTasks(await run(pipeline({ text: "abd" })))).toEqual([]);
    const readSource = `${read.source}# a comment\n`;
    expect(cachedTasks(await run(pipeline({ readSource })))).toEqual(["again", "text"]);
    expect(cachedTasks(await run(pipeline()))).toEqual(["again", "back", "text"]);
  });

  it("notices one changed byte of imported data, and only that", async () => {
    const { run, directory } = setUp();
    const file = join(directory, "data.csv");
    const importer: TestComponent = {
      source: "",
      inputs: { uri: "STRING" },
      outputArtifacts: ["artifact"],
      executor: {
        importer: {
          artifactUri: { runtimeParameter: "uri" },
          typeSchema: { schemaTitle: "system.Dataset" },
          metadata: {},
        },
      },
    };
    const imported: TestPipeline = {
      components: { importer, read, write },
      tasks: {
        importer: task("importer", { parameters: { uri: { constant: "data.csv" } } }),
        back: task("read", { artifacts: { data: "importer.artifact" } }),
        text: task("write", { parameters: { text: { constant: "x" } } }),
      },
      outputs: { text: ["back.Output", "STRING"] },
    };
    writeFileSync(file, "1");
    expect(await run(imported, { baseDirectory: directory })).toMatchObject({ outputs: { text: "1" } });
    writeFileSync(file, "1");
    expect(cachedTasks(await run(imported, { baseDirectory: directory }))).toEqual([
      "back",
      "importer",
      "text",
    ]);
    writeFileSync(file, "2");
    const changed = await run(imported, { baseDirectory: directory });
    expect(changed).toMatchObject({ outputs: { text: "2" } });
    expect(cachedTasks(changed)).toEqual(["text"]);
  });

  it("is not used when switched off for the run or the task, and follows the author's key", async () => {
    const { run } = setUp();
    await run(pipeline());
    expect(cachedTasks(await run(pipeline(), { caching: false }))).toEqual([]);
    const with_ = (options: object): TestPipeline => ({
      ...pipeline(),
      tasks: {
        ...pipeline().tasks,
        text: { ...task("write", { parameters: { text: { constant: "abc" } } }), ...options },
      },
    });
    expect(cachedTasks(await run(with_({ cachingOptions: { enableCache: false } })))).toEqual([
      "again",
      "back",
    ]);
    const keyed = { cachingOptions: { enableCache: true, cacheKey: "mine" } };
    expect(cachedTasks(await run(with_(keyed)))).toEqual(["again", "back"]);
    const other = with_({
      ...keyed,
      inputs: { parameters: { text: { runtimeValue: { constant: "other" } } } },
    });
    expect(cachedTasks(await run(other))).toEqual(["again", "back", "text"]);
  });

  it("counts an entry only while its content exists", async () => {
    const { run } = setUp();
    const first = await run(pipeline());
    const [artifact] = first.tasks.find(({ path }) => path === "text")?.artifacts.data ?? [];
    discard(fileURLToPath(artifact?.uri ?? ""));
    expect(cachedTasks(await run(pipeline()))).toEqual(["again", "back"]);
  });

  it("keeps failures and environment variables apart", async () => {
    const { run } = setUp();
    const step = (env: string): TestPipeline => ({
      components: { step: { source: sourceOf("assert os.environ['MODE'] == 'good'"), env: { MODE: env } } },
      tasks: { step: task("step") },
    });
    expect((await run(step("bad"))).state).toBe("FAILED");
    expect((await run(step("bad"))).state).toBe("FAILED");
    expect((await run(step("good"))).state).toBe("SUCCEEDED");
    expect(cachedTasks(await run(step("good")))).toEqual(["step"]);
  });
});

describe("a lock", () => {
  const digest = "a".repeat(64);
  const step = (requirement: string): TestPipeline => ({
    components: { step: { source: sourceOf("pass"), env: { SEALFLOW_LOCK_SHA256: digest }, requirement } },
    tasks: { step: task("step") },
  });

  it("that is not at hand leaves the requirements of the spec, and a notice", async () => {
    const { run, events } = setUp();
    const summary = await run(step("/nowhere/missing-1.0-py3-none-any.whl"));
    expect(errorOf(summary, "step")).toMatchObject({ code: "ENGINE_ENVIRONMENT_FAILED" });
    expect(events).toContainEqual(expect.objectContaining({ type: "notice", code: "ENGINE_LOCK_UNUSED" }));
  });

  it("that is another one than the component names is refused", async () => {
    const { run } = setUp();
    const summary = await run(step("x"), { locks: { [`sha256:${digest}`]: "other==1.0\n" } });
    expect(errorOf(summary, "step")).toMatchObject({ code: "ENGINE_LOCK_MISMATCH" });
  });

  it("that is not at hand is an error when the spec has no requirements", async () => {
    const { run } = setUp();
    expect(errorOf(await run(step("")), "step")).toMatchObject({ code: "ENGINE_LOCK_MISSING" });
  });
});

describe("isolation", () => {
  it.each([
    ["a segmentation fault", "import ctypes\nctypes.string_at(0)", /segmentation fault \(SIGSEGV\)/],
    [
      "a kill from outside",
      "os.kill(os.getpid(), signal.SIGKILL)",
      /was killed from outside \(SIGKILL\), peak \d+ MiB/,
    ],
    ["an exit code", "os._exit(7)", /exited with code 7/],
  ])("%s fails its task alone, with a clear message", async (_, body, message) => {
    const { run } = setUp();
    const summary = await run({
      components: { bad: { source: sourceOf(body) }, good: { source: sourceOf("time.sleep(0.2)") } },
      tasks: { bad: task("bad"), good: task("good"), later: task("good", { after: ["good"] }) },
    });
    expect(states(summary)).toEqual({ bad: "FAILED", good: "SUCCEEDED", later: "SUCCEEDED" });
    expect(errorOf(summary, "bad")?.message).toMatch(message);
  });

  it("a memory limit ends its task alone", async () => {
    const { run } = setUp();
    const source = sourceOf("x = bytearray(800 * 2**20)\nx[::4096] = b'1' * len(x[::4096])");
    const summary = await run({
      components: { hungry: { source, memory: "256Mi" }, good: { source: sourceOf("pass") } },
      tasks: { hungry: task("hungry"), good: task("good") },
    });
    expect(states(summary)).toEqual({ hungry: "FAILED", good: "SUCCEEDED" });
    expect(errorOf(summary, "hungry")).toMatchObject({
      code: "ENGINE_TASK_OUT_OF_MEMORY",
      message: expect.stringContaining("256 MiB"),
    });
  });

  it("a worker's death costs its tasks one more attempt, not the run", async () => {
    const { run, directory, events } = setUp({ concurrency: 2 });
    const flag = join(directory, "killed");
    const body = `flag = ${JSON.stringify(flag)}
if not os.path.exists(flag):
    open(flag, "w").close()
    os.kill(os.getppid(), signal.SIGKILL)
    time.sleep(60)`;
    const summary = await run({
      components: { step: { source: sourceOf(body) } },
      tasks: { step: task("step") },
    });
    expect(summary.state).toBe("SUCCEEDED");
    expect(events.filter(({ type }) => type === "task-retrying")).toMatchObject([
      { error: { code: "ENGINE_WORKER_LOST" } },
    ]);
  });
});

describe("retries and deadlines", () => {
  const flaky = (directory: string, failures: number): TestComponent => ({
    source: sourceOf(
      `with open(${JSON.stringify(join(directory, "tries"))}, "a+") as f:
    f.write("x")
    f.seek(0)
    assert len(f.read()) > ${failures}`,
    ),
  });

  it("retry with the policy's waits, doubled up to the maximum", async () => {
    const waits: number[] = [];
    const { run, directory, store } = setUp({ sleep: async (ms) => void waits.push(ms) });
    const retryPolicy = {
      maxRetryCount: 4,
      backoffDuration: "2s",
      backoffFactor: 3,
      backoffMaxDuration: "10s",
    };
    const pipeline = {
      components: { step: flaky(directory, 3) },
      tasks: { step: task("step", {}, { retryPolicy }) },
    };
    const summary = await run(pipeline);
    expect(summary.state).toBe("SUCCEEDED");
    expect(waits).toEqual([2000, 6000, 10000]);
    expect(
      [1, 2, 3].every((attempt) => readFileSync(store.logPath(summary.runId, "step", attempt), "utf8")),
    ).toBeTruthy();
  });

  it("give up when the policy is used up", async () => {
    const { run, directory, events } = setUp();
    const retryPolicy = { maxRetryCount: 1, backoffDuration: "0s" };
    const pipeline = {
      components: { step: flaky(directory, 5) },
      tasks: { step: task("step", {}, { retryPolicy }) },
    };
    expect((await run(pipeline)).state).toBe("FAILED");
    expect(events.filter(({ type }) => type === "task-started")).toHaveLength(2);
  });

  it("end a task that takes too long, its children too", async () => {
    const { run, directory } = setUp({ graceMs: 200 });
    const pids = join(directory, "pids");
    const body = `import subprocess
signal.signal(signal.SIGTERM, signal.SIG_IGN)
child = subprocess.Popen(["sleep", "60"])
open(${JSON.stringify(pids)}, "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)`;
    const pipeline = {
      components: { slow: { source: sourceOf(body) } },
      tasks: { slow: task("slow") },
      platform: { "exec-slow": { activeDeadlineSeconds: 1 } },
    };
    const summary = await run(pipeline);
    expect(errorOf(summary, "slow")).toMatchObject({
      code: "ENGINE_TASK_TIMEOUT",
      message: expect.stringContaining("1 s"),
    });
    expect(await gone(readFileSync(pids, "utf8"))).toBe(true);
  });
});

/** True when none of the processes is left, given a moment to go. */
async function gone(pids: string): Promise<boolean> {
  for (let i = 0; i < 40; i++) {
    const left = pids.split(" ").filter((pid) => {
      // A task that was ended before it could write its id left an empty file.
      if (pid === "") return false;
      if (!existsSync(`/proc/${pid}/stat`)) return false;
      return !readFileSync(`/proc/${pid}/stat`, "utf8").includes(") Z");
    });
    if (left.length === 0) return true;
    await sleep(50);
  }
  return false;
}

describe("cancellation", () => {
  const slow = (directory: string): TestPipeline => ({
    components: {
      slow: {
        source: sourceOf(`import subprocess
child = subprocess.Popen(["sleep", "60"])
open(os.path.join(${JSON.stringify(directory)}, "pids"), "w").write(f"{os.getpid()} {child.pid}")
time.sleep(60)`),
      },
    },
    tasks: { slow: task("slow"), later: task("slow", { after: ["slow"] }) },
  });

  async function started(directory: string): Promise<string> {
    const file = join(directory, "pids");
    while (!existsSync(file) || readFileSync(file, "utf8") === "") await sleep(20);
    return readFileSync(file, "utf8");
  }

  it("ends what runs, starts nothing more, and can be retried", async () => {
    const { run, directory, engine, store } = setUp();
    const abort = new AbortController();
    const running = run(slow(directory), { signal: abort.signal });
    const pids = await started(directory);
    abort.abort();
    const summary = await running;
    expect(summary.state).toBe("CANCELED");
    expect(states(summary)).toEqual({ slow: "CANCELED", later: "SKIPPED" });
    expect(await gone(pids)).toBe(true);
    expect(store.listRuns()).toMatchObject([{ state: "CANCELED" }]);
    await expect(engine.resume(summary.runId)).rejects.toMatchObject({ code: "ENGINE_RUN_FINISHED" });
  });

  it("may be asked for by another process", async () => {
    const { run, directory, store } = setUp();
    const running = run(slow(directory), { runId: "mine" });
    const pids = await started(directory);
    openStore(store.directory).requestCancel("mine");
    expect((await running).state).toBe("CANCELED");
    expect(await gone(pids)).toBe(true);
  });

  it("before the start runs nothing", async () => {
    const { run, directory } = setUp();
    const summary = await run(slow(directory), { signal: AbortSignal.abort() });
    expect(summary.state).toBe("CANCELED");
    expect(existsSync(join(directory, "pids"))).toBe(false);
  });

  it("comes with closing the engine", async () => {
    const { run, directory, engine } = setUp();
    const running = run(slow(directory));
    const pids = await started(directory);
    await engine.close();
    expect((await running).state).toBe("CANCELED");
    expect(await gone(pids)).toBe(true);
  });
});

describe("retry", () => {
  it("runs failed tasks again and what depends on them, and nothing else", async () => {
    const { run, engine, store, directory } = setUp();
    const flag = join(directory, "flag");
    const picky = { source: sourceOf(`assert os.path.exists(${JSON.stringify(flag)})`) };
    const count = { source: sourceOf(`open(${JSON.stringify(join(directory, "count"))}, "a").write("x")`) };
    const first = await run(
      {
        components: { picky, count },
        tasks: {
          before: task("count"),
          picky: task("picky", { after: ["before"] }),
          after: task("count", { after: ["picky"] }),
          cleanup: task(
            "count",
            { after: ["picky"] },
            { triggerPolicy: { strategy: "ALL_UPSTREAM_TASKS_COMPLETED" } },
          ),
        },
      },
      { caching: false },
    );
    expect(states(first)).toEqual({
      before: "SUCCEEDED",
      picky: "FAILED",
      after: "SKIPPED",
      cleanup: "SUCCEEDED",
    });
    writeFileSync(flag, "");
    const second = await engine.retry(first.runId);
    expect(second.state).toBe("SUCCEEDED");
    expect(states(second)).toEqual({
      before: "SUCCEEDED",
      picky: "SUCCEEDED",
      after: "SUCCEEDED",
      cleanup: "SUCCEEDED",
    });
    expect(readFileSync(join(directory, "count"), "utf8")).toBe("xxxx");
    expect(store.getRun(first.runId)).toMatchObject(second);
    await expect(engine.retry(first.runId)).rejects.toMatchObject({ code: "ENGINE_RUN_SUCCEEDED" });
    await expect(engine.retry("nope")).rejects.toMatchObject({ code: "ENGINE_RUN_UNKNOWN" });
    expect(existsSync(store.logPath(first.runId, "picky", 2))).toBe(true);
  });
});

describe("two runs at once", () => {
  it("do not disturb each other, in one engine and in two over one store", async () => {
    const { run, store } = setUp({ concurrency: 2 });
    const other = setUp({ store, concurrency: 2 });
    const runs = await Promise.all(
      [run, other.run, run, other.run].map((start, i) => start(chain, { parameters: { start: i } })),
    );
    expect(runs.map(({ outputs }) => outputs.number)).toEqual([2, 4, 6, 8]);
    expect(runs.map(({ state }) => state)).toEqual(Array(4).fill("SUCCEEDED"));
    expect(store.listRuns()).toHaveLength(4);
  });

  it("of one id are refused", async () => {
    const { run, store } = setUp();
    const slow = {
      components: { slow: { source: sourceOf("time.sleep(1)") } },
      tasks: { slow: task("slow") },
    };
    const first = run(slow, { runId: "same" });
    while (!store.isRunning("same")) await sleep(10);
    await expect(run(slow, { runId: "same" })).rejects.toMatchObject({ code: "ENGINE_RUN_BUSY" });
    expect((await first).state).toBe("SUCCEEDED");
  });
});

describe("a store that can't be written", () => {
  it("is a clear error before anything runs", async () => {
    const directory = temporaryDirectory();
    writeFileSync(join(directory, "file"), "");
    const { run } = setUp({ store: openStore(join(directory, "file", "store")) });
    await expect(run(chain, { parameters: { start: 1 } })).rejects.toMatchObject({
      code: "ENGINE_STORE_UNWRITABLE",
    });
  });

  it("in the middle of a run ends the run and its processes", async () => {
    const { run, directory, store } = setUp();
    const artifacts = join(store.directory, "artifacts");
    mkdirSync(store.directory, { recursive: true });
    writeFileSync(artifacts, "a file where a directory is needed");
    const summary = run({
      components: {
        write,
        slow: {
          source: sourceOf(
            `open(${JSON.stringify(join(directory, "pid"))}, "w").write(str(os.getpid()))\ntime.sleep(60)`,
          ),
        },
      },
      tasks: { slow: task("slow"), text: task("write", { parameters: { text: { constant: "x" } } }) },
    });
    await expect(summary).rejects.toMatchObject({ code: "ENGINE_STORE_UNWRITABLE" });
    const pid = join(directory, "pid");
    if (existsSync(pid)) expect(await gone(readFileSync(pid, "utf8"))).toBe(true);
    expect(store.listRuns()).toMatchObject([{ state: "INTERRUPTED" }]);
  });
});

describe("container components", () => {
  const echo: TestComponent = {
    source: "",
    inputs: { text: "STRING" },
    outputs: { out: "STRING" },
    executor: {
      container: {
        image: "alpine",
        command: ["sh", "-c", 'echo "said $0"; printf "%s" "$0" > "$1"'],
        args: ["{{$.inputs.parameters['text']}}", "{{$.outputs.parameters['out'].output_file}}"],
      },
    },
  };
  const pipeline: TestPipeline = {
    components: { echo },
    tasks: { echo: task("echo", { parameters: { text: { constant: "a 'quoted' $(word)" } } }) },
    outputs: { out: ["echo.out", "STRING"] },
  };

  it("run as processes of this machine when that is allowed", async () => {
    const { run, store } = setUp({ containers: "host" });
    const summary = await run(pipeline);
    expect(summary).toMatchObject({ state: "SUCCEEDED", outputs: { out: "a 'quoted' $(word)" } });
    expect(readFileSync(store.logPath(summary.runId, "echo", 1), "utf8")).toBe("said a 'quoted' $(word)\n");
    expect(cachedTasks(await run(pipeline))).toEqual(["echo"]);
  });

  it("are refused otherwise, with a code and what to do", async () => {
    const { run } = setUp({ containers: "refuse" });
    const summary = await run(pipeline);
    expect(errorOf(summary, "echo")).toMatchObject({
      code: "ENGINE_CONTAINERS_REFUSED",
      hint: expect.stringContaining("podman"),
    });
  });

  it("whose command is missing on this machine fail with its name", async () => {
    const { run } = setUp({ containers: "host" });
    const executor = { container: { image: "x", command: ["surely-no-such-command"] } };
    const summary = await run({
      components: { step: { source: "", executor } },
      tasks: { step: task("step") },
    });
    expect(errorOf(summary, "step")?.message).toContain("surely-no-such-command");
    expect(summary.state).toBe("FAILED");
  });

  it("fail with their exit code and last lines", async () => {
    const { run } = setUp({ containers: "host" });
    const executor = { container: { image: "x", command: ["sh", "-c", "echo out; echo err >&2; exit 9"] } };
    const summary = await run({
      components: { step: { source: "", executor } },
      tasks: { step: task("step") },
    });
    expect(errorOf(summary, "step")).toMatchObject({ data: { exitCode: 9, lastLines: "out\nerr" } });
  });
});

beforeAll(() => mkdirSync(environmentsDirectory, { recursive: true }));
