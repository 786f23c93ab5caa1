import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-init-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sealflow = (cwd: string, ...args: string[]) => cli(args, { cwd, env: process.env, now: Date.now });

describe("sealflow init", () => {
  it("makes a project that runs, with generated components that are up to date", async () => {
    const { stdout, exitCode } = await sealflow(directory, "init", "My Project");
    expect(exitCode).toBe(0);
    expect(stdout).toContain("wrote  My Project/.gitignore\n");
    const project = join(directory, "My Project");
    const { name, devDependencies } = JSON.parse(readFileSync(join(project, "package.json"), "utf8"));
    expect([name, devDependencies.sealflow]).toEqual(["my-project", "0.1.0"]);
    expect((await sealflow(project, "components", "check", "steps.py")).stdout).toBe("1 up to date\n");
    const { state, outputs } = JSON.parse((await sealflow(project, "run", "--json")).stdout);
    expect(state).toBe("SUCCEEDED");
    expect(outputs).toEqual({ rows: 1000, slope: expect.closeTo(2, 1) });
  });

  it("never writes over a project", async () => {
    await sealflow(directory, "init", "p");
    expect(await sealflow(directory, "init", "p")).toMatchObject({
      stdout: "",
      exitCode: 2,
      stderr: expect.stringContaining("error[CLI_PROJECT_EXISTS]: p: expected a directory without a project"),
    });
  });
});

describe("sealflow component run", () => {
  it("runs one component alone with the inputs given", async () => {
    await sealflow(directory, "init", ".");
    const args = ["component", "run", "steps.py:make_data", "--input", "rows=3", "--input", "seed=1"];
    const { stdout, exitCode } = await sealflow(directory, ...args, "--output-directory", "out", "--json");
    expect(exitCode).toBe(0);
    expect(JSON.parse(stdout)).toMatchObject({ outputs: { Output: 3 } });
    expect(
      readFileSync(join(directory, "out", "table"), "utf8")
        .trim()
        .split("\n"),
    ).toHaveLength(4);
  });

  it("ends with 2 when the inputs do not fit", async () => {
    await sealflow(directory, "init", ".");
    const { exitCode } = await sealflow(
      directory,
      "component",
      "run",
      "steps.py:make_data",
      "--input",
      "rows=x",
      "--json",
    );
    expect(exitCode).toBe(2);
  });
});
