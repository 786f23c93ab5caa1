/** The built program as a process: what the in-process tests can't see. */
import { spawn, spawnSync } from "node:child_process";
import { cpSync, existsSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterEach, beforeEach, describe, expect, it } from "vitest";

const program = fileURLToPath(new URL("../bin/sealflow.js", import.meta.url));
const built = existsSync(fileURLToPath(new URL("../dist/bundle/bin.js", import.meta.url)));

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-program-"));
  cpSync(fileURLToPath(new URL("testdata/sums", import.meta.url)), directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const sealflow = (...args: string[]) =>
  spawnSync(process.execPath, [program, ...args], { cwd: directory, encoding: "utf8" });

describe.skipIf(!built)("the built program", () => {
  it("turns the parser's exit codes into those that are documented", () => {
    expect(sealflow("--help").status).toBe(0);
    expect(sealflow("nothing").status).toBe(2);
    expect(sealflow("run", "--nothing").status).toBe(2);
    expect(sealflow("run").status).toBe(2);
  });

  it("prints the whole of a large answer into a pipe", () => {
    const { stdout, status } = sealflow("compile", "pipeline.ts", "--pipeline", "sums", "-o", "-");
    expect(status).toBe(0);
    expect(stdout.endsWith("\n")).toBe(true);
    expect(stdout).toMatch(/^schemaVersion: '?2.1.0/m);
  });

  it("cancels its run on SIGINT, leaves no child behind, and ends with 130", async () => {
    const args = [program, "run", "pipeline.ts", "--pipeline", "waiting", "--json"];
    const child = spawn(process.execPath, args, { cwd: directory });
    let stdout = "";
    child.stdout.on("data", (chunk) => {
      stdout += chunk;
    });
    child.stderr.on("data", (chunk) => {
      if (String(chunk).includes("started")) child.kill("SIGINT");
    });
    const code = await new Promise((resolve) => child.on("close", resolve));
    expect(code).toBe(130);
    expect(JSON.parse(stdout).state).toBe("CANCELED");
  });
});
