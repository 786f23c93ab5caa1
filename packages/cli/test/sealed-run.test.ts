import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { runCli } from "../src/app.js";
import { cli, fakeContext } from "./support/fake-context.js";

const project = fileURLToPath(new URL("testdata/sealed", import.meta.url));
/** Of this process alone: shared memory is searched for it, where other runs have theirs. */
const own = `marker-row-${process.pid}-${Date.now()}`;
const rows = ["id,name,income", `1,${own},471147114711`, "2,marker-row-two,471247124712"].join("\n");
/** A metric, as JSON has it. */
const loss = "0.47114711";
/** What must be nowhere but in memory: rows, Parquet's magic, the model's JSON, and values made of them. */
const secrets = [
  "marker-row",
  "471147114711",
  "PAR1id,name",
  "gradient_booster",
  "secret-weights",
  "0.875",
  loss,
];

let directory: string;
let scratch: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-sealed-"));
  scratch = mkdtempSync(join(tmpdir(), "sealflow-sealed-tmp-"));
  cpSync(project, directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
  writeFileSync(join(directory, "rows.csv"), rows);
});
afterEach(() => {
  rmSync(directory, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

const sealflow = (...args: string[]) =>
  cli(args, { cwd: directory, env: { ...process.env, TMPDIR: scratch }, now: Date.now });
const declassified = ["--declassify", "train/Output"];
const run = (...args: string[]) =>
  sealflow("run", "pipeline.ts", "--sealed", "--json", ...declassified, ...args);
const summaryOf = ({ stdout }: { stdout: string }) => JSON.parse(stdout);

function files(root: string): string[] {
  if (!existsSync(root)) return [];
  return readdirSync(root, { recursive: true, encoding: "utf8" })
    .map((name) => join(root, name))
    .filter((path) => statSync(path, { throwIfNoEntry: false })?.isFile());
}

/** Files of the store, the temporary directory and shared memory that hold a secret, with which. */
function leaks(allowed: readonly string[] = []): string[] {
  const ours = secrets.filter((secret) => !allowed.includes(secret));
  return [
    ...[join(directory, ".sealflow"), scratch].flatMap(files).flatMap((path) => found(path, ours)),
    ...files("/dev/shm").flatMap((path) => found(path, [own])),
  ];
}

/** What of the texts a file holds; a file of another run may be gone by now. */
function found(path: string, texts: readonly string[]): string[] {
  try {
    const content = readFileSync(path);
    return texts.filter((text) => content.includes(text)).map((text) => `${path}: ${text}`);
  } catch {
    return [];
  }
}

interface LoopEnd {
  readonly outputs: { readonly parameters: Record<string, unknown> };
}

function eventsOf(text: string): Record<string, unknown>[] {
  return text
    .trim()
    .split("\n")
    .map((line) => JSON.parse(line));
}

describe("a sealed run", () => {
  it("leaves nothing but ciphertext, and what it was told to show", async () => {
    const outcome = await run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = summaryOf(outcome);
    expect(summary.state).toBe("SUCCEEDED");
    // The accuracy orders the tasks, so that it is seen here; the number of rows is not.
    expect(summary.outputs).toEqual({ rows: "(sealed)", accuracy: 0.875 });
    expect(leaks(["0.875"])).toEqual([]);
    const paths = summary.tasks.map(({ path }: { path: string }) => path);
    expect(paths).toContain("condition-1/join");
    expect(summary.sealed).toEqual({ enclaves: "simulated" });
    expect((await sealflow("runs", "show", "latest")).stdout).toContain("SIMULATED enclaves");
    expect((await sealflow("report", "latest", "-o", join(directory, "report.html"))).exitCode).toBe(0);
    const report = readFileSync(join(directory, "report.html"), "utf8");
    expect(report).toContain("SIMULATED enclaves");
    expect(report).not.toContain("SEALFLOW\u0000");
    const logs = await sealflow("runs", "logs", "latest", "load");
    expect(logs.stdout).toContain("marker-row-two");
    const artifact = summary.tasks.find(({ path }: { path: string }) => path === "train").artifacts.model[0];
    const opened = await sealflow("open", fileURLToPath(artifact.uri), "-o", join(directory, "model"));
    expect(opened.exitCode).toBe(0);
    expect(readFileSync(join(directory, "model/model.json"), "utf8")).toContain("secret-weights");
  });

  it("leaves nothing when results are taken from an earlier run, nor in what serves its pages", async () => {
    await run();
    const again = summaryOf(await run());
    expect(again.tasks.filter(({ cached }: { cached: boolean }) => cached)).not.toEqual([]);
    const { context, written } = fakeContext({
      cwd: directory,
      env: { ...process.env, TMPDIR: scratch },
      now: Date.now,
    });
    const ended = runCli(["serve", "--port", "0", "--json"], context);
    while (!written.stdout.includes("\n")) await Promise.race([sleep(10), ended]);
    const { url } = JSON.parse(written.stdout);
    const { runId } = again;
    for (const path of [
      "/apis/v2beta1/runs",
      `/apis/v2beta1/runs/${runId}`,
      `/apis/v1alpha1/runs/${runId}/nodes/load/log`,
    ]) {
      const text = await (await fetch(`${url}${path}`)).text();
      expect(secrets.filter((secret) => secret !== "0.875" && text.includes(secret))).toEqual([]);
    }
    context.interrupt();
    await ended;
    expect((await sealflow("report", "latest", "-o", "report.html")).exitCode).toBe(0);
    const report = readFileSync(join(directory, "report.html"), "utf8");
    expect(secrets.filter((secret) => secret !== "0.875" && report.includes(secret))).toEqual([]);
    expect(leaks(["0.875"])).toEqual([]);
  });

  it("shows what is released, and writes the project's anchors once", async () => {
    writeFileSync(join(directory, "sealflow.config.json"), JSON.stringify({ release: ["train/metrics"] }));
    const first = summaryOf(await run("--release", "load/Output"));
    expect(first.outputs).toEqual({ rows: 3, accuracy: 0.875 });
    const train = first.tasks.find(({ path }: { path: string }) => path === "train");
    expect(train.artifacts.metrics[0].metadata).toEqual({ accuracy: 0.875, loss: 0.47114711 });
    const anchors = readFileSync(join(directory, "trust.yaml"), "utf8");
    expect(anchors).toMatch(/^brokerKey: "[0-9a-f]{64}"$/m);
    expect(anchors).toContain("simulated:");
    const second = await run("--release", "load/Output");
    const computed = summaryOf(second).tasks.filter(({ cached }: { cached: boolean }) => !cached);
    expect(computed.map(({ path }: { path: string }) => path)).toEqual(["importer"]);
    expect(summaryOf(second).outputs).toEqual({ rows: 3, accuracy: 0.875 });
    expect(readFileSync(join(directory, "trust.yaml"), "utf8")).toBe(anchors);
  });

  it("marks what a task is given as sealed where it depends on sealed values, whatever its type", async () => {
    const outcome = await run("--events", "events.jsonl");
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const told = eventsOf(readFileSync(join(directory, "events.jsonl"), "utf8"));
    const joined = told.find(({ type, path }) => type === "task-started" && path === "condition-1/join");
    expect(joined).toMatchObject({
      inputs: { parameters: { texts: "(sealed)", rows: "(sealed)" } },
      hidden: ["rows", "texts"],
    });
    const described = told.find(
      ({ type, path }) => type === "task-started" && /\[0\]\/describe$/.test(`${path}`),
    );
    expect(described).toMatchObject({ inputs: { parameters: { index: 1, pause: 0 } } });
    expect(described).not.toHaveProperty("hidden");
    const loop = told.find(({ type, path }) => type === "dag-finished" && /for-loop-\d+$/.test(`${path}`));
    expect(Object.values((loop as unknown as LoopEnd).outputs.parameters)).toEqual(["(sealed)"]);
    expect(outcome.stdout).not.toContain("sealed:sha256");
  });

  it("takes the lists of the pipeline's own project, wherever it is called, and says so", async () => {
    const inner = join(directory, "models/loans");
    mkdirSync(inner, { recursive: true });
    for (const name of ["pipeline.ts", "steps.components.ts", "steps.py"])
      renameSync(join(directory, name), join(inner, name));
    const lists = { release: ["load/Output"], declassify: ["train/Output"] };
    writeFileSync(join(directory, "sealflow.config.json"), JSON.stringify({ release: ["train/metrics"] }));
    writeFileSync(join(inner, "sealflow.config.json"), JSON.stringify(lists));
    const outcome = await sealflow("run", "models/loans/pipeline.ts", "--sealed", "--json");
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    expect(outcome.stderr).toContain(
      "leaves in the clear: load/Output, train/Output (to whoever orders the tasks) [lists of models/loans/sealflow.config.json]",
    );
    const summary = summaryOf(outcome);
    expect(summary.outputs).toEqual({ rows: 3, accuracy: 0.875 });
    const train = summary.tasks.find(({ path }: { path: string }) => path === "train");
    expect(train.artifacts.metrics[0].metadata).toEqual({});
    // Runs stay where the command was called.
    expect(existsSync(join(directory, ".sealflow/runs"))).toBe(true);
    expect(existsSync(join(inner, ".sealflow"))).toBe(false);
    // Without a list of its own, the next one above counts.
    rmSync(join(inner, "sealflow.config.json"));
    const above = await sealflow("run", "models/loans/pipeline.ts", "--sealed", "--json", ...declassified);
    expect(above.stderr).toContain(
      "train/metrics, train/Output (to whoever orders the tasks) [lists of sealflow.config.json]",
    );
    expect(summaryOf(above).outputs).toEqual({ rows: "(sealed)", accuracy: 0.875 });
  });

  it("is refused where its order depends on what is not declassified", async () => {
    const outcome = await sealflow("run", "pipeline.ts", "--sealed");
    expect(outcome.stderr).toContain("error[TRUST_REGISTRATION_DECLASSIFY]");
    expect(outcome.stderr).toContain("train/Output");
    expect(outcome.exitCode).toBe(4);
  });

  it("says no more of a failure than its code; the traceback is sealed", async () => {
    const outcome = await run("--param", "broken=true");
    expect(outcome.exitCode).toBe(1);
    expect(outcome.stdout + outcome.stderr).not.toContain("marker-row");
    const failed = summaryOf(outcome).tasks.find(({ state }: { state: string }) => state === "FAILED");
    expect(failed.error).toMatchObject({
      code: "ENGINE_SEALED_TASK_FAILED",
      data: { reason: "TASK_RAISED" },
    });
    expect(leaks()).toEqual([]);
    const logs = await sealflow("runs", "logs", "latest", "load");
    expect(logs.stdout).toContain("ValueError: a row that is wrong");
    const again = await sealflow("retry", "latest");
    expect(again.stderr).toContain("error[ENGINE_SEALED_RETRY]");
  });

  it("takes data that its owner has sealed, and no other", async () => {
    await sealflow("keys", "new");
    await sealflow("seal", "rows.csv");
    rmSync(join(directory, "rows.csv"));
    const outcome = await run("--param", "path=rows.csv.sealed");
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    expect(leaks(["0.875"])).toEqual([]);
    await sealflow("keys", "new", "other");
    writeFileSync(join(directory, "others.csv"), rows);
    await sealflow("seal", "others.csv", "--to", "other");
    const refused = await run("--param", "path=others.csv.sealed");
    expect(refused.stderr).toContain("error[SEAL_RECIPIENT_NONE]");
  });

  it("goes on under a newer policy that still allows it, and says when none does", async () => {
    const { runId } = summaryOf(await interruptedRun(4));
    // Another release list is another flow: the policy's epoch grows.
    expect((await run("--release", "load/Output")).exitCode).toBe(0);
    // Another release of Sealflow: other components than were registered.
    const sources = join(directory, "other-release");
    cpSync(fileURLToPath(new URL("../../../python/src", import.meta.url)), sources, { recursive: true });
    writeFileSync(join(sources, "sealflow/added.py"), "");
    vi.stubEnv("SEALFLOW_PYTHON_SOURCES", sources);
    const stale = await sealflow("retry", runId, "--json");
    vi.unstubAllEnvs();
    expect(stale.stderr).toContain("error[ENGINE_SEALED_STALE]");
    expect(stale.stderr).toContain("start it again with sealflow run --sealed");
    expect(stale.exitCode).toBe(4);
    // The run was left as it was.
    const resumed = await sealflow("retry", runId, "--json");
    expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
    expect(summaryOf(resumed).state).toBe("SUCCEEDED");
    expect(leaks(["0.875"])).toEqual([]);
  });

  it("refuses to go on with a store that was changed, and says which artifact", async () => {
    const interrupted = await interruptedRun(30);
    const model = artifactOf(summaryOf(interrupted), "train", "model");
    const content = readFileSync(model);
    const at = content.length - 20;
    content[at] = (content[at] ?? 0) ^ 1;
    rmSync(model);
    writeFileSync(model, content);
    const outcome = await sealflow("retry", "latest", "--json");
    expect(outcome.exitCode).toBe(4);
    expect(outcome.stderr).toContain("error[SEAL_ARTIFACT_CORRUPT]: input model");
  });
});

/** A run that Ctrl-C ended while `describe` slept. */
async function interruptedRun(seconds: number) {
  const args = ["run", "pipeline.ts", "--sealed", "--json", ...declassified, "--param", `pause=${seconds}`];
  const outcome = await cli(args, {
    cwd: directory,
    env: { ...process.env, TMPDIR: scratch },
    now: Date.now,
    onContext: (context) => {
      const { write } = context.process.stderr;
      let asked = false;
      context.process.stderr.write = (text: string) => {
        write(text);
        if (asked || !/started .*describe/.test(text)) return;
        asked = true;
        setTimeout(() => context.interrupt(), 500);
      };
    },
  });
  expect(outcome.exitCode, outcome.stderr).toBe(130);
  return outcome;
}

function artifactOf(
  summary: { tasks: { path: string; artifacts: Record<string, { uri: string }[]> }[] },
  task: string,
  output: string,
) {
  const found = summary.tasks.find(({ path }) => path === task)?.artifacts[output]?.[0];
  if (found === undefined) throw new Error(`${task} has no ${output}`);
  return fileURLToPath(found.uri);
}

describe("a sealed run's bundle", () => {
  const flips = process.env.SEALFLOW_SLOW ? 2000 : 40;

  it("is trusted under the project's anchors, and refused after any change", {
    timeout: 600_000,
  }, async () => {
    const summary = summaryOf(await run("--release", "train/metrics"));
    const model = artifactOf(summary, "train", "model");
    expect((await sealflow("bundle", "latest", "-o", "run.bundle")).exitCode).toBe(0);
    const file = join(directory, "run.bundle");
    const whole = readFileSync(file);
    for (const secret of ["marker-row", "471147114711", "secret-weights"])
      expect(whole.includes(secret)).toBe(false);
    const trusted = await sealflow("verify", "run.bundle", "--artifact", model, "--json");
    expect(trusted.exitCode, trusted.stdout).toBe(0);
    expect(JSON.parse(trusted.stdout).verdict).toBe("trusted");
    // Another artifact than the run made.
    const other = await sealflow(
      "verify",
      "run.bundle",
      "--artifact",
      join(directory, ".sealflow/trust/root.sealed"),
    );
    expect(other.exitCode).toBe(4);
    // Another project's anchors, and none.
    rmSync(join(directory, ".sealflow"), { recursive: true });
    const anchors = readFileSync(join(directory, "trust.yaml"), "utf8");
    rmSync(join(directory, "trust.yaml"));
    const without = await sealflow("verify", "run.bundle");
    expect(without.exitCode).toBe(4);
    expect(without.stdout).toContain("not trusted");
    writeFileSync(join(directory, "trust.yaml"), anchors);
    expect((await run()).stderr).toContain("trust.yaml does not name the broker of this store");
    rmSync(join(directory, "trust.yaml"));
    await run();
    expect((await sealflow("verify", "run.bundle")).exitCode).toBe(4);
    writeFileSync(join(directory, "anchors.yaml"), anchors);
    expect((await sealflow("verify", "run.bundle", "--trust", "anchors.yaml")).exitCode).toBe(0);
    for (let i = 0; i < flips; i++) {
      const changed = Buffer.from(whole);
      const at = Math.floor(((i + Math.random()) / flips) * changed.length);
      changed[at] = (changed[at] ?? 0) ^ (1 << Math.floor(Math.random() * 8));
      writeFileSync(file, changed);
      const { exitCode } = await sealflow("verify", "run.bundle", "--trust", "anchors.yaml");
      expect(exitCode, `bit of byte ${at}`).not.toBe(0);
    }
  });

  it("exists for sealed runs only", async () => {
    expect((await sealflow("run", "pipeline.ts", "--json")).exitCode).toBe(0);
    const outcome = await sealflow("bundle", "latest", "-o", "run.bundle");
    expect(outcome.stderr).toContain("error[CLI_RUN_UNSEALED]");
    expect(outcome.exitCode).not.toBe(0);
  });
});
