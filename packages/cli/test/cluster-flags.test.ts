/** What is handed to `sealflow cluster` and can't be meant is said before anything is read, fetched or asked. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, it } from "vitest";
import { cli } from "./support/fake-context.js";

let directory: string;
beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "sealflow-cluster-flags-"));
  // Where something of Kubeflow runs, policies are added.
  const workload =
    "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: ml-pipeline, namespace: kubeflow}\n";
  writeFileSync(join(directory, "manifests.yaml"), workload);
  writeFileSync(join(directory, "images.json"), "{");
  writeFileSync(join(directory, "password"), "long enough for anybody\n");
});
afterAll(() => rmSync(directory, { recursive: true, force: true }));

const install = (...flags: string[]) =>
  cli(["cluster", "install", "--manifests", "manifests.yaml", ...flags, "--json"], {
    ...{ cwd: directory, env: { KUBECONFIG: join(directory, "none") } },
  });

it.each([
  [["--plan", "--allow-egress", "banana"], "--allow-egress: expected CIDR:PORT such as"],
  [["--plan", "--allow-egress", "10.0.0.0/33:8443"], "got 10.0.0.0/33:8443"],
  [["--plan", "--allow-egress", "10.0.0.0/8:70000"], "got 10.0.0.0/8:70000"],
  [["--plan", "--allow-egress", "10.0.0.300/32:443"], "got 10.0.0.300/32:443"],
  [["--plan", "--allow-egress", "fd00::/129:443"], "got fd00::/129:443"],
  [["--plan", "--registry", "not a host"], "--registry: expected HOST"],
  [["--plan", "--images", "images.json"], 'images.json: expected {"IMAGE:TAG": "sha256:…"}'],
  [["--plan", "--password-file", "password"], "--password-file: expected manifests with a login"],
  [["--plan", "--load-balancer"], "--load-balancer: expected --tls-secret"],
  [["--plan", "--tls-issuer", "letsencrypt"], "--tls-issuer: expected --tls-secret"],
  [["--output", "objects.yaml"], "--output: expected --plan beside it"],
] as const)("refuses %s", async (flags, message) => {
  const { stdout, stderr, exitCode } = await install(...flags);
  expect(JSON.parse(stdout)).toMatchObject({
    error: { code: "CLI_CLUSTER_FLAGS", message: expect.stringContaining(message) },
  });
  expect({ exitCode, stderr }).toEqual({ exitCode: 2, stderr: expect.stringContaining("CLI_CLUSTER_FLAGS") });
});

it("takes addresses of both kinds, alone and as ranges", async () => {
  const flags = ["10.0.0.1:443", "10.0.0.0/8:443", "fd00::1:443", "[fd00::2]:443", "fd00::/8:443"];
  const { stdout, exitCode } = await install(
    "--plan",
    "--output",
    "objects.yaml",
    ...flags.flatMap((each) => ["--allow-egress", each]),
  );
  expect({ exitCode, version: JSON.parse(stdout).version }).toEqual({ exitCode: 0, version: "2.17.0" });
  const written = readFileSync(join(directory, "objects.yaml"), "utf8");
  for (const cidr of ["10.0.0.1/32", "10.0.0.0/8", "fd00::1/128", "fd00::2/128", "fd00::/8"])
    expect(written).toContain(`cidr: ${cidr}`);
});

it("ends with 2 for manifests that are none, and says where", async () => {
  const { stdout, exitCode } = await install("--manifests", "missing.yaml", "--plan");
  expect(JSON.parse(stdout)).toMatchObject({
    error: {
      code: "CLUSTER_MANIFESTS_INVALID",
      message: expect.stringContaining("missing.yaml: expected a file"),
    },
  });
  expect(exitCode).toBe(2);
});
