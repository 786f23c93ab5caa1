/** `sealflow cloud` as a process, signing in and driving the stand-in over TLS, as people do with Azure. */
import { spawn } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bundleProgram } from "../../../test-support/bundled.js";
import { standInCaFile } from "../../azure/test/support/certificate.js";
import { standInEnvironment } from "../../azure/test/support/deployment.js";
import { type StandIn, startStandIn } from "../../azure/test/support/stand-in.js";
import { cli } from "./support/fake-context.js";

// Beside the packages, so that what is not bundled is found.
const program = fileURLToPath(
  new URL(`../node_modules/.cache/cloud-${process.pid}/bin.mjs`, import.meta.url),
);
let standIn: StandIn;
let directory: string;

beforeAll(async () => {
  await bundleProgram(program, fileURLToPath(new URL("../src/bin.ts", import.meta.url)));
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
  return start(args).ended;
}

function start(args: readonly string[]) {
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
  const ended = new Promise<Ended>((resolve) => child.on("close", (code) => resolve({ ...written, code })));
  return { child, ended };
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

test("Ctrl-C ends with 130, and the same command goes on from there", { timeout: 60_000 }, async () => {
  await cloud("init", "--format", "yaml");
  standIn.settings.operationMs = 3000;
  const { child, ended } = start(["apply", "-y"]);
  child.stderr.on("data", (chunk) => {
    if (String(chunk).includes("create    cluster")) setTimeout(() => child.kill("SIGINT"), 500);
  });
  const interrupted = await ended;
  expect(interrupted.code, interrupted.stderr).toBe(130);
  expect(interrupted.stderr).toContain("error[AZURE_INTERRUPTED]");
  expect((await cloud("status")).stdout).toMatch(/in flight: PUT of cluster/);
  const resumed = await cloud("apply", "-y");
  expect(resumed.code, resumed.stderr).toBe(0);
  expect(resumed.stderr).toContain("picked up cluster");
  expect(standIn.writes().filter(({ path }) => path.endsWith("/managedClusters/intel-aks"))).toHaveLength(1);
});

describe("without Azure", () => {
  const env = {
    AZURE_SUBSCRIPTION_ID: "00000000-0000-0000-0000-000000000001",
    AZURE_TENANT_ID: "t",
    SEALFLOW_AZURE_PRICES: "https://127.0.0.1:1/",
  };

  test("a configuration in TypeScript is read, and costs are added up from the table", async () => {
    expect(
      (await cli(["cloud", "init", "--registry", "contoso1", "--confidential", "none"], { cwd: directory }))
        .exitCode,
    ).toBe(0);
    const cost = await cli(["cloud", "cost", "--json"], { cwd: directory, env: { ...env, HOME: directory } });
    expect(cost.exitCode, cost.stderr).toBe(0);
    expect(JSON.parse(cost.stdout).lines.map(({ what }: { what: string }) => what)).toContain(
      "Standard_D4_v5",
    );
    const template = await cli(["cloud", "export", "--arm"], {
      cwd: directory,
      env: { ...env, HOME: directory },
    });
    expect(JSON.parse(template.stdout).$schema).toContain("subscriptionDeploymentTemplate");
    expect(template.stdout).toContain("contoso1");
  });

  test.each<[string, string[], string, number, string]>([
    ["no configuration", ["plan"], "", 2, "CLI_CLOUD_CONFIG_MISSING"],
    ["a wrong setting", ["plan"], "cloud: { pool: { count: x } }", 2, "cloud.pool.count: expected number"],
    ["nothing to attach of that name", ["plan", "--attach", "cluster"], "cloud: {}", 2, "CLI_ATTACH_UNKNOWN"],
    [
      "a plan file that is none",
      ["apply", "--plan", "sealflow.config.yaml"],
      "cloud: {}",
      2,
      "AZURE_PLAN_INVALID",
    ],
    [
      "an endpoint without TLS",
      ["plan"],
      "cloud: { endpoints: { prices: 'https://x' } }",
      2,
      "AZURE_ENDPOINT_INVALID",
    ],
  ])("%s ends with its exit code and error", async (_, args, text, exitCode, message) => {
    if (text !== "") writeFileSync(join(directory, "sealflow.config.yaml"), text);
    const more =
      message === "AZURE_ENDPOINT_INVALID" ? { SEALFLOW_AZURE_RESOURCE_MANAGER: "http://localhost" } : {};
    const outcome = await cli(["cloud", ...args], { cwd: directory, env: { ...env, ...more } });
    expect(outcome.stderr).toContain(message);
    expect(outcome.exitCode).toBe(exitCode);
  });

  test("no subscription anywhere is told", async () => {
    writeFileSync(join(directory, "sealflow.config.yaml"), "cloud: {}");
    const outcome = await cli(["cloud", "plan"], { cwd: directory, env: { HOME: directory } });
    expect(outcome.stderr).toContain("AZURE_SUBSCRIPTION_MISSING");
    expect(outcome.exitCode).toBe(2);
  });
});
