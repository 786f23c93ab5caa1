import { readFileSync } from "node:fs";
import { describe, expect, it } from "vitest";
import { durationMs, integerFrom } from "../src/routes/flags.js";
import { cli } from "./support/fake-context.js";

describe("the command line", () => {
  it("prints the version of its package", async () => {
    const { version } = JSON.parse(readFileSync(new URL("../package.json", import.meta.url), "utf8"));
    expect(await cli(["--version"])).toEqual({ stdout: `${version}\n`, stderr: "", exitCode: 0 });
  });

  it("lists its commands, without those that only scripts call", async () => {
    const { stdout, exitCode } = await cli(["--help"]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("sealflow doctor [--cloud] [--json]");
    expect(stdout).not.toContain("__complete");
  });

  it("answers an unknown command with exit code 2 and a suggestion", async () => {
    expect(await cli(["doctr"])).toEqual({
      stdout: "",
      stderr: "error[CLI_UNKNOWN_COMMAND]: unknown command doctr\nhint: did you mean `doctor`?\n",
      exitCode: 2,
    });
  });

  it("answers an unknown flag with exit code 2 and a suggestion spelt as it is typed", async () => {
    expect(await cli(["doctor", "--cluod"])).toEqual({
      stdout: "",
      stderr:
        "error[CLI_USAGE]: unknown flag --cluod, did you mean --cloud?\nhint: see the command's --help\n",
      exitCode: 2,
    });
  });

  it("undoes the parser's colour around an error on a terminal", async () => {
    const { stderr } = await cli(["doctr"], { tty: true });
    expect(stderr).toContain("\u001b[39m\u001b[22merror[CLI_UNKNOWN_COMMAND]");
  });
});

describe("completion", () => {
  it.each(["bash", "zsh", "fish"])("prints a script for %s that asks the program", async (shell) => {
    const { stdout, exitCode } = await cli(["completion", shell]);
    expect(exitCode).toBe(0);
    expect(stdout).toContain("sealflow __complete --");
  });

  it("refuses a shell that it does not know", async () => {
    const { stderr, exitCode } = await cli(["completion", "tcsh"]);
    expect(exitCode).toBe(2);
    expect(stderr).toContain('shell: expected one of bash, zsh, fish, got "tcsh"');
  });

  it("proposes commands and flags for the word being typed", async () => {
    expect((await cli(["__complete", "--", "doc"])).stdout).toBe("doctor\n");
    expect((await cli(["__complete", "--", "doctor", "--c"])).stdout).toBe("--cloud\n");
  });
});

describe("flag values", () => {
  it("reads durations with a unit", () => {
    expect([durationMs("45s"), durationMs("30m"), durationMs("12h"), durationMs("7d")]).toEqual([
      45_000, 1_800_000, 43_200_000, 604_800_000,
    ]);
  });

  it.each(["", "7", "d", "-1d", "1.5h", "7 d", "1w"])("refuses %j as a duration", (text) => {
    expect(() => durationMs(text)).toThrow("expected a duration");
  });

  it.each(["", "0", "-1", "1.5", "1e3", "0x1", "99999999999999999"])("refuses %j as a count", (text) => {
    expect(() => integerFrom(1)(text)).toThrow("expected a whole number of at least 1");
  });
});
