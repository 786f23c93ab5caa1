import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

const project = fileURLToPath(new URL("testdata/sealed", import.meta.url));
let directory: string;
let scratch: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-bundle-"));
  scratch = mkdtempSync(join(tmpdir(), "sealflow-bundle-tmp-"));
  cpSync(project, directory, { recursive: true });
  writeFileSync(join(directory, "package.json"), "{}");
  writeFileSync(join(directory, "rows.csv"), "id,name,income\n1,marker-row-one,4711\n2,marker-row-two,4712");
});
afterAll(() => {
  rmSync(directory, { recursive: true, force: true });
  rmSync(scratch, { recursive: true, force: true });
});

const sealflow = (...args: string[]) =>
  cli(args, { cwd: directory, env: { ...process.env, TMPDIR: scratch }, now: Date.now });

describe("a sealed run of a project", () => {
  it("is bundled, and verified under the project's anchors back to its data", async () => {
    const run = await sealflow("run", "pipeline.ts", "--sealed", "--json", "--declassify", "train/Output");
    expect(run, run.stderr).toMatchObject({ exitCode: 0 });
    const { runId, tasks } = JSON.parse(run.stdout);
    const bundled = await sealflow("bundle", "latest", "-o", "run.bundle", "--json");
    expect(bundled, bundled.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(bundled.stdout)).toMatchObject({ runId, file: "run.bundle" });

    const model = tasks.find(({ path }: { path: string }) => path === "train").artifacts.model[0].uri;
    const verified = await sealflow("verify", "run.bundle", "--json", "--artifact", fileURLToPath(model));
    expect(verified, verified.stdout).toMatchObject({ exitCode: 0 });
    const verdict = JSON.parse(verified.stdout);
    expect(verdict).toMatchObject({
      verdict: "trusted",
      trustFile: "trust.yaml",
      artifacts: [{ as: "train/model" }],
      run: { runId, state: "SUCCEEDED", simulated: true },
    });
    expect(verdict.run.tasks.map(({ path }: { path: string }) => path)).toContain("train");
    const text = readFileSync(join(directory, "run.bundle"), "utf8");
    for (const secret of ["marker-row", "secret-weights"]) expect(text).not.toContain(secret);

    rmSync(join(directory, "trust.yaml"));
    const alone = await sealflow("verify", "run.bundle");
    expect(alone.exitCode).toBe(4);
    expect(alone.stdout).toContain("consistent, not trusted");
    const unsealed = await sealflow("run", "pipeline.ts", "--json");
    expect(unsealed, unsealed.stderr).toMatchObject({ exitCode: 0 });
    const refused = await sealflow("bundle", "latest", "-o", "other.bundle");
    expect(refused.stderr).toContain("CLI_RUN_UNSEALED");
  });
});
