import {
  cpSync,
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

const project = fileURLToPath(new URL("testdata/sealed", import.meta.url));
const rows = ["id,name,income", "1,marker-row-one,4711", "2,marker-row-two,4712"].join("\n");
/** What must be nowhere but in memory: rows, Parquet's magic, the model's JSON, and values made of them. */
const secrets = ["marker-row", "4711", "PAR1", "gradient_booster", "secret-weights", "0.875"];

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
    .filter((path) => statSync(path).isFile());
}

/** Files of the store, the temporary directory and shared memory that hold a secret, with which. */
function leaks(allowed: readonly string[] = []): string[] {
  const everywhere = [join(directory, ".sealflow"), scratch, "/dev/shm"].flatMap(files);
  return everywhere.flatMap((path) => {
    const content = readFileSync(path);
    return secrets
      .filter((secret) => !allowed.includes(secret) && content.includes(secret))
      .map((secret) => `${path}: ${secret}`);
  });
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
    const logs = await sealflow("runs", "logs", "latest", "load");
    expect(logs.stdout).toContain("marker-row-two");
    const artifact = summary.tasks.find(({ path }: { path: string }) => path === "train").artifacts.model[0];
    const opened = await sealflow("open", fileURLToPath(artifact.uri), "-o", join(directory, "model"));
    expect(opened.exitCode).toBe(0);
    expect(readFileSync(join(directory, "model/model.json"), "utf8")).toContain("secret-weights");
  });

  it("shows what is released, and writes the project's anchors once", async () => {
    writeFileSync(join(directory, "sealflow.config.json"), JSON.stringify({ release: ["train/metrics"] }));
    const first = summaryOf(await run("--release", "load/Output"));
    expect(first.outputs).toEqual({ rows: 3, accuracy: 0.875 });
    const train = first.tasks.find(({ path }: { path: string }) => path === "train");
    expect(train.artifacts.metrics[0].metadata).toEqual({ accuracy: 0.875 });
    const anchors = readFileSync(join(directory, "trust.yaml"), "utf8");
    expect(anchors).toMatch(/^brokerKey: "[0-9a-f]{64}"$/m);
    expect(anchors).toContain("simulated:");
    const second = await run("--release", "load/Output");
    const computed = summaryOf(second).tasks.filter(({ cached }: { cached: boolean }) => !cached);
    expect(computed.map(({ path }: { path: string }) => path)).toEqual(["importer"]);
    expect(readFileSync(join(directory, "trust.yaml"), "utf8")).toBe(anchors);
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

  it("notices a store that was changed", async () => {
    const first = summaryOf(await run());
    const { digest, uri } = first.tasks.find(({ path }: { path: string }) => path === "train").artifacts
      .model[0];
    const path = fileURLToPath(uri);
    const content = readFileSync(path);
    content[content.length - 20] = (content[content.length - 20] ?? 0) ^ 1;
    rmSync(path);
    writeFileSync(path, content);
    // Another parameter of a later task would be reused as it is; a new index makes the readers run again.
    writeFileSync(
      join(directory, "pipeline.ts"),
      readFileSync(join(directory, "pipeline.ts"), "utf8").replace("[1, 2]", "[3]"),
    );
    const outcome = await run();
    // The pipeline is another one, so that nothing is reused and the model is made anew: the run succeeds untouched.
    expect(outcome.exitCode).toBe(0);
    expect(
      summaryOf(outcome).tasks.find(({ path: at }: { path: string }) => at === "train").artifacts.model[0]
        .digest,
    ).not.toBe(digest);
    const opened = await sealflow("open", path, "-o", join(directory, "model"));
    expect(opened.stderr).toContain("error[SEAL_ARTIFACT_CORRUPT]");
  });
});
