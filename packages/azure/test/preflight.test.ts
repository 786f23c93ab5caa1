/** What is found before anything is made: all of it together, each with the way to mend it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import type { CloudConfigInput, PreflightFinding } from "../src/index.js";
import { allows } from "../src/preflight/permissions.js";
import { catalogue } from "./support/catalogue.js";
import { type TestDeployment, testDeployment } from "./support/deployment.js";
import { type StandIn, startStandIn } from "./support/stand-in.js";

let standIn: StandIn;
let deployment: TestDeployment;
const pristine = structuredClone(catalogue);

beforeEach(async () => {
  Object.assign(catalogue, structuredClone(pristine));
  standIn = await startStandIn();
  deployment = testDeployment(standIn);
});
afterEach(async () => {
  await standIn.close();
  deployment.remove();
});

async function failures(config: CloudConfigInput = {}): Promise<PreflightFinding[]> {
  const report = await (await deployment.open(config)).preflight();
  expect(report.ready).toBe(!report.findings.some(({ status }) => status === "failed"));
  for (const { status, mend, message } of report.findings)
    if (status !== "ok") expect(mend, message).toBeTruthy();
  return report.findings.filter(({ status }) => status !== "ok");
}

test("a fit subscription gets its leave, and the facts about SGX as a warning", async () => {
  const found = await failures();
  expect(found.map(({ check, status }) => [check, status])).toEqual([["sizes", "warning"]]);
  expect(found[0]?.message).toMatch(/no new subscriptions.*2029-10-31/);
  expect(found[0]?.mend).toContain("sev-snp");
  expect(standIn.writes()).toEqual([]);
});

test("everything that is wrong is told at once", async () => {
  catalogue.state = "Disabled";
  catalogue.registration = "NotRegistered";
  catalogue.actions = ["*/read"];
  catalogue.restrictions = { Standard_DC4s_v3: "NotAvailableForSubscription" };
  catalogue.quota.standardDv5Family = 4;
  catalogue.takenNames = ["intelakskubeflow"];
  const found = await failures({ cluster: { kubernetesVersion: "1.20" } });
  expect(new Set(found.filter(({ status }) => status === "failed").map(({ check }) => check))).toEqual(
    new Set(["subscription", "providers", "permissions", "sizes", "quota", "versions", "names"]),
  );
});

describe("single findings", () => {
  test("a size that is closed here, with regions, sizes and the way without SGX", async () => {
    catalogue.restrictions = { "eastus/Standard_DC4s_v3": "NotAvailableForSubscription" };
    const [finding] = (await failures()).filter(({ status }) => status === "failed");
    expect(finding?.message).toContain("closed to this subscription in eastus (NotAvailableForSubscription)");
    expect(finding?.mend).toMatch(/sizes here: Standard_DC2s_v3, Standard_DC8s_v3/);
    expect(finding?.mend).toMatch(/regions with Standard_DC4s_v3: uksouth, westeurope/);
    expect(finding?.mend).toMatch(/"sev-snp" with Standard_DC4as_v6/);
  });

  test("quota by family and in total, with one node more per pool for upgrades", async () => {
    catalogue.quota.standardDCSv3Family = 11;
    catalogue.quota.cores = 19;
    const found = (await failures()).filter(({ check }) => check === "quota");
    expect(found.map(({ data }) => [data?.family, data?.needed, data?.limit])).toEqual([
      ["cores", 20, 19],
      ["standardDCSv3Family", 12, 11],
    ]);
  });

  test("nodes that are there already need no more quota", async () => {
    await deployment.apply();
    catalogue.quota.standardDCSv3Family = 4;
    expect((await failures()).filter(({ check }) => check === "quota")).toEqual([]);
  });

  test("a family that the quota does not list is told as likely 0", async () => {
    delete catalogue.quota.standardDCSv3Family;
    expect((await failures()).find(({ check }) => check === "quota")?.message).toContain("likely 0");
  });

  test("leave for role assignments", async () => {
    catalogue.notActions = ["Microsoft.Authorization/*/write"];
    const [finding] = (await failures()).filter(({ check }) => check === "permissions");
    expect(finding?.mend).toContain("User Access Administrator");
  });

  test.each<[string, CloudConfigInput, string | undefined]>([
    ["1.34 by default", {}, undefined],
    ["1.35 on Ubuntu 24.04", { cluster: { kubernetesVersion: "1.35" } }, "warning"],
    [
      "1.35 on Ubuntu 22.04",
      { cluster: { kubernetesVersion: "1.35" }, pool: { osSku: "Ubuntu2204" } },
      undefined,
    ],
    ["1.35 without SGX", { confidential: "none", cluster: { kubernetesVersion: "1.35" } }, undefined],
    ["a patch that is offered", { cluster: { kubernetesVersion: "1.34.4" } }, undefined],
    ["a version that is not", { cluster: { kubernetesVersion: "1.33" } }, "failed"],
  ])("Kubernetes %s", async (_, config, status) => {
    expect((await failures(config)).find(({ check }) => check === "versions")?.status).toBe(status);
  });

  test("a registry name that is taken by somebody, but not by this deployment", async () => {
    catalogue.takenNames = ["intelakskubeflow"];
    expect((await failures()).some(({ check }) => check === "names")).toBe(true);
    await deployment.apply();
    expect((await failures()).some(({ check }) => check === "names")).toBe(false);
  });

  test("a check that could not be made is a finding of its own", async () => {
    standIn.faults.push({
      method: "GET",
      path: /usages$/,
      times: 99,
      status: 403,
      body: { error: { code: "AuthorizationFailed", message: "no" } },
    });
    expect((await failures()).find(({ check }) => check === "quota")).toMatchObject({ status: "unknown" });
  });

  test("sev-snp is marked for what it is", async () => {
    const [finding] = await failures({ confidential: "sev-snp" });
    expect(finding?.message).toBe(
      "sev-snp is node-level; its evidence is not yet verified, sealed keys are not released to it",
    );
  });
});

test("without a login, that is the finding", async () => {
  const provider = await deployment.open(
    { login: "environment" },
    { env: { SEALFLOW_AZURE_RESOURCE_MANAGER: standIn.url, AZURE_TENANT_ID: "x" } },
  );
  const report = await provider.preflight();
  expect(report).toMatchObject({
    ready: false,
    findings: [{ check: "login", status: "failed", mend: expect.stringContaining("AZURE_CLIENT_SECRET") }],
  });
});

test("permissions: wildcards in any case, minus what is taken away", () => {
  const action = "Microsoft.Authorization/roleAssignments/write";
  expect(allows({ actions: ["*"], notActions: [] }, action)).toBe(true);
  expect(allows({ actions: ["microsoft.authorization/*"], notActions: [] }, action)).toBe(true);
  expect(allows({ actions: ["*"], notActions: ["Microsoft.Authorization/*/Write"] }, action)).toBe(false);
  expect(allows({ actions: ["Microsoft.Authorization/roleAssignments/*"] }, action)).toBe(true);
  expect(allows({ actions: ["Microsoft_Authorization/*"] }, action)).toBe(false);
  expect(allows({}, action)).toBe(false);
});
