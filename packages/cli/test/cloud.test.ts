/** `sealflow cloud` as a process, signing in and driving the stand-in over TLS, as people do with Azure. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { build } from "esbuild";
import { afterAll, afterEach, beforeAll, beforeEach, expect, test } from "vitest";
import { standInCaFile } from "../../azure/test/support/certificate.js";
import { standInEnvironment } from "../../azure/test/support/deployment.js";
import { type StandIn, startStandIn } from "../../azure/test/support/stand-in.js";

// Beside the packages, so that what is not bundled is found.
const program = fileURLToPath(
  new URL(`../node_modules/.cache/cloud-${process.pid}/bin.mjs`, import.meta.url),
);
let standIn: StandIn;
let directory: string;

beforeAll(async () => {
  await build({
    entryPoints: [fileURLToPath(new URL("../src/bin.ts", import.meta.url))],
    outfile: program,
    bundle: true,
    platform: "node",
    format: "esm",
    target: "node20.19",
    conditions: ["@sealflow/source"],
    external: ["yaml", "esbuild", "@azure/*", "@bufbuild/*", "libsql", "@dagrejs/*"],
    logLevel: "error",
  });
});
afterAll(() => rmSync(join(program, ".."), { recursive: true, force: true }));

beforeEach(async () => {
  standIn = await startStandIn();
  directory = mkdtempSync(join(tmpdir(), "sealflow-cloud-"));
  writeFileSync(join(directory, "package.json"), "{}");
});
afterEach(async () => {
  await standIn.close();
  rmSync(directory, { recursive: true, force: true });
});

interface Ended {
  readonly stdout: string;
  readonly stderr: string;
  readonly code: number | null;
}

function cloud(...args: string[]): Promise<Ended> {
  const env = {
    PATH: process.env.PATH,
    ...standInEnvironment(standIn),
    NODE_EXTRA_CA_CERTS: standInCaFile,
    SEALFLOW_AZURE_POLL_MS: "20",
    HOME: directory,
  };
  const child = spawn(process.execPath, [program, "cloud", ...args], { cwd: directory, env });
  const written = { stdout: "", stderr: "" };
  child.stdout.on("data", (chunk) => {
    written.stdout += chunk;
  });
  child.stderr.on("data", (chunk) => {
    written.stderr += chunk;
  });
  return new Promise((resolve) => child.on("close", (code) => resolve({ ...written, code })));
}

test("the whole life of a deployment, command by command", { timeout: 120_000 }, async () => {
  expect((await cloud("init", "--format", "yaml")).code).toBe(0);
  expect((await cloud("init")).stderr).toContain("CLI_CLOUD_CONFIG_EXISTS");
  const preflight = await cloud("preflight", "--json");
  expect(preflight.code, preflight.stderr).toBe(0);
  expect(JSON.parse(preflight.stdout).ready).toBe(true);

  const plan = await cloud("plan", "--json", "--detailed-exitcode", "-o", "plan.json");
  expect(plan.code, plan.stderr).toBe(3);
  expect(standIn.writes()).toEqual([]);
  const unasked = await cloud("apply");
  expect(unasked.code).toBe(2);
  expect(unasked.stderr).toContain("CLI_CONFIRMATION_NEEDED");

  const applied = await cloud("apply", "--plan", "plan.json", "-y");
  expect(applied.code, applied.stderr).toBe(0);
  expect(applied.stdout).toContain("6 changes made");
  expect(readFileSync(join(directory, ".sealflow/cloud/intel-aks-kubeflow-ssh.pub"), "utf8")).toMatch(
    /^ssh-rsa AAAAB3/,
  );
  expect(statSync(join(directory, ".sealflow/cloud/intel-aks-kubeflow-ssh")).mode & 0o077).toBe(0);
  const stale = await cloud("apply", "--plan", "plan.json", "-y");
  expect(stale.code).toBe(1);
  expect(stale.stderr).toContain("AZURE_PLAN_STALE");
  expect((await cloud("plan", "--detailed-exitcode")).code).toBe(0);
  expect((await cloud("drift", "--detailed-exitcode")).stdout).toContain("No drift");
  expect((await cloud("status")).stdout).toMatch(/pool\/intelsgx\s+Succeeded/);
  expect((await cloud("cost")).stdout).toContain("USD a month");

  const credentials = await cloud("credentials");
  expect(credentials.stdout + credentials.stderr).not.toContain("kubeconfig-token");
  expect(readFileSync(join(directory, ".kube/config"), "utf8")).toContain("kubeconfig-token");
  expect((await cloud("stop")).stdout).toContain("stopped");
  expect((await cloud("start", "--json")).stdout).toBe('{"state":"running","changed":true}\n');

  const destroyed = await cloud("destroy", "-y");
  expect(destroyed.code, destroyed.stderr).toBe(0);
  expect(standIn.world.resources.size).toBe(0);
  expect((await cloud("destroy", "-y")).stdout).toContain("Nothing here");
  expect(existsSync(join(directory, ".sealflow/cloud/intel-aks-kubeflow.lock"))).toBe(false);
  const everything = [preflight, plan, applied, destroyed]
    .map(({ stdout, stderr }) => stdout + stderr)
    .join("");
  expect(everything).not.toMatch(/must-never-be-shown|SIGNATURE-MATERIAL/);
});
