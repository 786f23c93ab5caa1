import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
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
    expect(name).toBe("my-project");
    // Tests run from a checkout, whose version no registry has: the project is linked to it.
    for (const dependency of ["sealflow", "@sealflow/pipeline"]) {
      const room = String(devDependencies[dependency]).replace(/^file:/, "");
      expect(JSON.parse(readFileSync(join(room, "package.json"), "utf8")).name).toBe(dependency);
    }
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

  const component = async (name: string, ...args: string[]) => {
    await sealflow(directory, "init", ".");
    return sealflow(directory, "component", "run", `steps.py:${name}`, ...args);
  };

  it("shows outputs and artifacts, and says what was printed on standard error", async () => {
    const { stdout, exitCode } = await component("make_data", "--input", "rows=3", "--input", "seed=1");
    expect(exitCode).toBe(0);
    expect(stdout).toMatch(/^Output = 3\ntable: \S+\/table\n$/);
  });

  it.each([
    ["make_data", ["--input", "rows=x"], "parameter rows: expected a whole number, got 'x'"],
    ["make_data", ["--input", "rows=1"], "parameter seed of make_data: expected a value, got none"],
    ["make_data", ["--input", "rows"], "option: expected NAME=VALUE, got rows"],
    ["nope", [], "expected a function nope, got fit_line, make_data"],
  ])("ends with 2 and one error when %s can't be called with %j", async (name, args, message) => {
    const { stdout, stderr, exitCode } = await component(name, ...args);
    expect([stdout, exitCode]).toEqual(["", 2]);
    expect(stderr).toContain("error[CLI_COMPONENT_INVALID]: ");
    expect(stderr).toContain(message);
    expect(stderr).not.toContain("Traceback");
  });

  it("ends with 1 and shows the traceback when the component fails", async () => {
    const args = ["--artifact", `table=${join(directory, "steps.py")}`, "--json"];
    const { stdout, stderr, exitCode } = await component("fit_line", ...args);
    expect(exitCode).toBe(1);
    expect(stderr).toContain("Traceback");
    expect(stderr).toContain("error[CLI_COMPONENT_FAILED]: steps.py:fit_line: KeyError: 'x'");
    expect(JSON.parse(stdout).error.code).toBe("CLI_COMPONENT_FAILED");
  });

  it("runs a component that requires packages in an environment that has them", async () => {
    const file = join(directory, "needy.py");
    const head = '# /// script\n# dependencies = ["typing-extensions==4.15.0"]\n# ///\n';
    writeFileSync(
      file,
      `${head}def version() -> str:\n    import importlib.metadata as m\n    return m.version("typing-extensions")\n`,
    );
    const { stdout, stderr, exitCode } = await cli(["component", "run", "needy.py:version"], {
      cwd: directory,
      env: { ...process.env, SEALFLOW_ENV_DIR: join(directory, "envs") },
      now: Date.now,
    });
    expect(exitCode, stderr).toBe(0);
    expect(stdout).toBe('Output = "4.15.0"\n');
    expect(stderr).toContain("building a Python environment: typing-extensions==4.15.0");
  });
});
