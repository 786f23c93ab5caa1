import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

const readme = readFileSync(new URL("../../../README.md", import.meta.url), "utf8");

function block(language: string): string {
  const text = new RegExp(`\`\`\`${language}\n([\\s\\S]*?)\`\`\``).exec(readme)?.[1];
  if (text === undefined) throw new Error(`the README has no ${language} block`);
  return text;
}

it("the README's example does what it says", async () => {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-readme-"));
  const sealflow = (...args: string[]) => cli(args, { cwd: directory, env: process.env, now: Date.now });
  try {
    writeFileSync(join(directory, "package.json"), "{}");
    writeFileSync(join(directory, "steps.py"), block("python"));
    writeFileSync(join(directory, "pipeline.ts"), block("ts"));
    expect((await sealflow("components", "generate", "steps.py")).exitCode).toBe(0);
    const { stdout, stderr } = await sealflow("run", "pipeline.ts", "--param", "count=5", "--json");
    expect(JSON.parse(stdout), stderr).toMatchObject({ state: "SUCCEEDED", outputs: { total: 10 } });
    expect((await sealflow("report")).exitCode).toBe(0);
    expect((await sealflow("compile", "pipeline.ts", "-o", "sums.yaml")).exitCode).toBe(0);
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
});
