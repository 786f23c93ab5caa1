import { cpSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { LINT_TARGETS, parsePipelineDocument } from "@sealflow/pipeline";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { targets } from "../src/routes/lint.js";
import { cli, type FakeOptions } from "./support/fake-context.js";

const project = fileURLToPath(new URL("testdata/sums", import.meta.url));
let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-run-"));
  cpSync(project, directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const inProject = (options: FakeOptions, ...args: string[]) =>
  cli(args, { cwd: directory, env: process.env, now: Date.now, ...options });
const sealflow = (...args: string[]) => inProject({}, ...args);
const sums = ["pipeline.ts", "--pipeline", "sums"];

describe("sealflow compile", () => {
  it("writes a spec that is read back, the same each time", async () => {
    expect(await sealflow("compile", ...sums, "-o", "out.yaml")).toEqual({
      stdout: "",
      stderr: "",
      exitCode: 0,
    });
    const yaml = readFileSync(join(directory, "out.yaml"), "utf8");
    expect(Object.keys(parsePipelineDocument(yaml).spec.root.dag?.tasks ?? {})).toEqual(["make", "total"]);
    expect((await sealflow("compile", ...sums, "-o", "-")).stdout).toBe(yaml);
  });

  it("writes Kubernetes objects instead, which are read back too", async () => {
    const named = ["--manifest", "--version-name", "sums-2", "--namespace", "team"];
    const { stdout, exitCode } = await sealflow("compile", ...sums, "-o", "-", ...named);
    expect(exitCode).toBe(0);
    expect(stdout.match(/^kind: .*$/gm)).toEqual(["kind: Pipeline", "kind: PipelineVersion"]);
    const { stdout: yaml } = await sealflow("compile", ...sums, "-o", "-");
    expect(parsePipelineDocument(stdout)).toEqual(parsePipelineDocument(yaml));
    expect(await sealflow("compile", ...sums, "-o", "-", "--namespace", "team")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("expected --manifest"),
    });
  });

  it("asks which pipeline is meant when a file exports several", async () => {
    expect(await sealflow("compile", "pipeline.ts", "-o", "-")).toMatchObject({
      exitCode: 2,
      stdout: "",
      stderr: expect.stringContaining(
        "error[CLI_PIPELINE_AMBIGUOUS]: pipeline.ts: expected one exported pipeline, got sums, waiting",
      ),
    });
    expect((await sealflow("compile", "pipeline.ts", "--pipeline", "sum", "-o", "-")).stderr).toContain(
      "did you mean sums?",
    );
  });

  it("says that a file exports no pipeline, is missing, or is no pipeline", async () => {
    writeFileSync(join(directory, "empty.ts"), "export const a = 1;\n");
    writeFileSync(join(directory, "not-ir.yaml"), "a: 1\n");
    const codes = [];
    for (const file of ["empty.ts", "none.ts", "not-ir.yaml", "steps.py"]) {
      const { exitCode, stderr } = await sealflow("compile", file, "-o", "-");
      codes.push([exitCode, /error\[(\w+)\]/.exec(stderr)?.[1]]);
    }
    expect(codes).toEqual([
      [2, "CLI_PIPELINE_MISSING"],
      [2, "CLI_FILE_NOT_FOUND"],
      [2, "PIPELINE_DOCUMENT_NOT_IR"],
      [2, "CLI_FILE_KIND"],
    ]);
  });

  it("names file and line of what is wrong in the graph", async () => {
    const text = readFileSync(join(directory, "pipeline.ts"), "utf8").replace(
      "total({ numbers: made",
      "total({ nombers: made",
    );
    writeFileSync(join(directory, "pipeline.ts"), text);
    const { stderr, exitCode } = await sealflow("compile", ...sums, "-o", "-");
    expect(exitCode).toBe(2);
    expect(stderr).toMatch(/where: .*pipeline\.ts:8/);
  });
});

describe("sealflow components", () => {
  it("leaves alone what is up to date, and finds what is not", async () => {
    expect((await sealflow("components", "generate", "steps.py")).stdout).toBe(
      "unchanged  steps.components.ts\n",
    );
    expect((await sealflow("components", "check", "steps.py")).stdout).toBe("1 up to date\n");
    writeFileSync(join(directory, "more.py"), "def one() -> int:\n    return 1\n");
    expect(await sealflow("components", "check", "steps.py", "more.py")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining(
        "error[CLI_COMPONENTS_STALE]: more.components.ts: expected what more.py declares, got no file",
      ),
    });
    expect((await sealflow("components", "generate", "more.py")).stdout).toBe(
      "wrote      more.components.ts\n",
    );
  });
});

describe("sealflow run", () => {
  it("prints only the result on standard output, and progress on standard error", async () => {
    const { stdout, stderr, exitCode } = await sealflow(
      "run",
      ...sums,
      "-p",
      "count=5",
      "--events",
      "events.jsonl",
    );
    expect(stdout).toMatch(/^Run \S+ SUCCEEDED in [\d.]+ s \(2 tasks\)\n {2}count {2}5\n {2}total {2}10\n$/);
    expect(stderr).toMatch(/succeeded {2}make {2}[\d.]+ s\n/);
    expect(exitCode).toBe(0);
    const events = readFileSync(join(directory, "events.jsonl"), "utf8")
      .trim()
      .split("\n")
      .map((line) => JSON.parse(line).type);
    expect([events[0], events.at(-1)]).toEqual(["run-created", "run-finished"]);
  });

  it("reads a relative path of a parameter from where the command is called", async () => {
    mkdirSync(join(directory, "pipelines"));
    writeFileSync(
      join(directory, "pipelines", "given.ts"),
      `import { dataset, importer, pipeline, string } from "@sealflow/pipeline";
export const given = pipeline({ name: "given", parameters: { path: string() } }, ({ path }) => {
  importer({ uri: path, type: dataset() });
  return {};
});
`,
    );
    writeFileSync(join(directory, "data.csv"), "a\n1\n");
    const { stdout } = await sealflow("run", "pipelines/given.ts", "-p", "path=data.csv", "--json");
    expect(JSON.parse(stdout)).toMatchObject({ state: "SUCCEEDED", tasks: [{ path: "importer" }] });
  });

  it("runs the compiled spec with the same result, and nothing again that ran before", async () => {
    await sealflow("compile", ...sums, "-o", "out.yaml");
    writeFileSync(join(directory, "params.yaml"), "count: 4\n");
    const first = JSON.parse((await sealflow("run", "out.yaml", "--params", "params.yaml", "--json")).stdout);
    expect(first).toMatchObject({ state: "SUCCEEDED", outputs: { total: 6, count: 4 } });
    const again = JSON.parse((await sealflow("run", ...sums, "--param", "count=4", "--json")).stdout);
    expect(again.tasks.map((task: { cached: boolean }) => task.cached)).toEqual([true, true]);
    const anew = JSON.parse((await sealflow("run", "out.yaml", "--no-cache", "--json")).stdout);
    expect(anew.tasks.map((task: { cached: boolean }) => task.cached)).toEqual([false, false]);
  });

  it("ends with 1 when a task fails, names its error, and can be retried", async () => {
    const args = ["run", "pipeline.ts", "--pipeline", "waiting", "-p", "seconds=0"];
    const { stdout, stderr, exitCode } = await sealflow(...args, "--json");
    const summary = JSON.parse(stdout);
    expect(exitCode).toBe(1);
    expect(summary).toMatchObject({ state: "FAILED", tasks: [{ path: "wait", state: "FAILED", error: {} }] });
    expect(stderr).toContain("nothing to wait for: 0");
    const retried = await sealflow("retry", summary.runId);
    expect(retried.exitCode).toBe(1);
    expect(retried.stderr).toContain(`hint: sealflow retry ${summary.runId}`);
    expect((await sealflow("resume", "latest")).exitCode).toBe(1);
  });

  it("answers wrong parameters before anything runs: one JSON object, exit code 2", async () => {
    const { stdout, stderr, exitCode } = await sealflow("run", ...sums, "--param", "cuont=1", "--json");
    expect(exitCode).toBe(2);
    expect(JSON.parse(stdout)).toMatchObject({
      runId: null,
      state: "FAILED",
      tasks: [],
      error: { code: "CLI_PARAMETER_UNKNOWN" },
    });
    expect(stderr).toContain("did you mean count?");
    expect(existsSync(join(directory, ".sealflow"))).toBe(false);
  });

  it("takes the pipeline of the configuration when none is named", async () => {
    expect(await sealflow("run")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("CLI_PIPELINE_UNNAMED"),
    });
    await sealflow("compile", ...sums, "-o", "out.yaml");
    writeFileSync(join(directory, "sealflow.config.json"), '{"pipeline": "out.yaml", "store": "kept"}');
    expect((await sealflow("run", "--json")).exitCode).toBe(0);
    expect(existsSync(join(directory, "kept", "runs"))).toBe(true);
  });

  it("is canceled by the first Ctrl-C, with exit code 130", async () => {
    let interrupt = () => {};
    const running = inProject(
      {
        onContext: (context) => {
          interrupt = context.interrupt;
          const write = context.process.stderr.write;
          context.process.stderr.write = (text: string) => {
            write(text);
            if (text.startsWith("started")) setTimeout(interrupt, 50);
          };
        },
      },
      "run",
      "pipeline.ts",
      "--pipeline",
      "waiting",
      "--json",
    );
    const { stdout, stderr, exitCode } = await running;
    expect(exitCode).toBe(130);
    expect(JSON.parse(stdout)).toMatchObject({
      state: "CANCELED",
      tasks: [{ path: "wait", state: "CANCELED" }],
    });
    expect(stderr).toContain("canceling  ending the running tasks; Ctrl-C again kills them");
  });
});

describe("sealflow lint", () => {
  it("knows every target", () => {
    expect(targets).toEqual(LINT_TARGETS);
  });

  it.each(LINT_TARGETS)("finds no error for %s in what it compiled itself", async (target) => {
    const { stdout, exitCode } = await sealflow("lint", ...sums, "--target", target, "--json");
    expect(JSON.parse(stdout)).toMatchObject({ ok: true, target });
    expect(exitCode).toBe(0);
  });
});
