/** Each way in which Azure misbehaves, and what becomes of it. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { pendingChanges } from "../src/index.js";
import { type TestDeployment, testDeployment } from "./support/deployment.js";
import { type Fault, type StandIn, startStandIn } from "./support/stand-in.js";

let standIn: StandIn;
let deployment: TestDeployment;

beforeEach(async () => {
  standIn = await startStandIn();
  deployment = testDeployment(standIn);
});
afterEach(async () => {
  await standIn.close();
  deployment.remove();
});

const cluster = /\/managedClusters\/intel-aks$/;
const pool = /\/agentPools\/intelsgx$/;
const conflict = { error: { code: "OperationNotAllowed", message: "Another operation is in progress." } };

function fault(given: Partial<Fault> & Pick<Fault, "method" | "path">): Fault {
  const made = { status: 500, times: 1, ...given };
  standIn.faults.push(made);
  return made;
}

async function expectComplete(): Promise<void> {
  const plan = await (await deployment.open()).plan();
  expect(pendingChanges(plan)).toEqual([]);
  expect(standIn.violations).toEqual([]);
}

describe("an apply goes through", () => {
  test.each<[string, Partial<Fault> & Pick<Fault, "method" | "path">]>([
    ["a server error before the request was taken", { method: "PUT", path: cluster, status: 503, times: 2 }],
    [
      "a server error after the request was taken",
      { method: "PUT", path: cluster, status: 500, after: true },
    ],
    ["a connection that breaks before the request", { method: "PUT", path: pool, hangUp: true, times: 2 }],
    [
      "a connection that breaks instead of the answer",
      { method: "PUT", path: pool, hangUp: true, after: true },
    ],
    [
      "throttling that names a time",
      { method: "PUT", path: cluster, status: 429, times: 3, headers: { "retry-after": "7" } },
    ],
    ["throttling that names none", { method: "GET", path: /operations\//, status: 429, times: 3 }],
    [
      "another operation on the cluster",
      { method: "PUT", path: pool, status: 409, times: 3, body: conflict },
    ],
    [
      "an operation that is not known at first",
      {
        method: "GET",
        path: /operations\//,
        status: 404,
        times: 1,
        body: { error: { code: "NotFound", message: "" } },
      },
    ],
    [
      "a principal that the directory does not know yet",
      {
        method: "PUT",
        path: /roleAssignments/,
        status: 400,
        times: 4,
        body: { error: { code: "PrincipalNotFound", message: "Principal does not exist" } },
      },
    ],
    [
      "a role that somebody gave meanwhile",
      {
        method: "PUT",
        path: /roleAssignments/,
        status: 409,
        after: true,
        body: { error: { code: "RoleAssignmentExists", message: "exists" } },
      },
    ],
    [
      "a gateway that answers in HTML",
      { method: "PUT", path: /registries/, status: 502, body: "<html>bad gateway</html>" },
    ],
  ])("%s", async (_, given) => {
    const { times } = fault(given);
    await deployment.apply();
    expect(times).toBeGreaterThan(0);
    expect(standIn.faults[0]?.times).toBe(0);
    await expectComplete();
  });

  test("an operation that fails inside Azure, once", async () => {
    standIn.failing.push({
      path: cluster,
      times: 1,
      error: { code: "InternalOperationError", message: "Internal server error" },
    });
    await deployment.apply();
    expect(
      deployment.events.some((event) => event.type === "note" && event.message.includes("once more")),
    ).toBe(true);
    await expectComplete();
  });

  test("reads that lag behind writes", async () => {
    standIn.settings.readLagMs = 60;
    await deployment.apply();
    await expectComplete();
  });

  test("identities that the directory learns of late", async () => {
    standIn.settings.principalLagMs = 150;
    await deployment.apply();
    await expectComplete();
  });
});

describe("an apply fails, says why, and goes on when the cause is mended", () => {
  test("a pool whose size is not to be had", async () => {
    standIn.failing.push({
      path: pool,
      times: 1,
      error: { code: "SkuNotAvailable", message: "The size is not available in eastus." },
    });
    const error = await deployment.apply().catch((cause) => cause);
    expect(error.code).toBe("AZURE_APPLY_INCOMPLETE");
    expect(error.findings[0].code).toBe("AZURE_OPERATION_FAILED");
    expect(error.findings[0].message).toContain("SkuNotAvailable: The size is not available");
    expect(error.findings[0].hint).toContain("preflight");
    // What does not hang on the pool is there.
    expect(error.data.done).toEqual(
      expect.arrayContaining(["group", "registry", "cluster", "role/acr-pull"]),
    );
    const plan = await (await deployment.open()).plan();
    expect(
      pendingChanges(plan).map(({ address, action, reason }) => [
        address,
        action,
        reason?.includes("Failed"),
      ]),
    ).toEqual([["pool/intelsgx", "update", true]]);
    await deployment.apply();
    await expectComplete();
  });

  test("quota, which Azure reports with the code of a conflict, is not waited out", async () => {
    fault({
      method: "PUT",
      path: pool,
      status: 409,
      times: 99,
      body: {
        error: { code: "OperationNotAllowed", message: "exceeding approved standardDCSv3Family Cores quota" },
      },
    });
    const error = await deployment.apply().catch((cause) => cause);
    expect(error.findings[0].hint).toContain("quota");
    expect(standIn.requests.filter(({ method, path }) => method === "PUT" && pool.test(path))).toHaveLength(
      1,
    );
  });

  test("what depends on a failed step is not begun, and the target is named", async () => {
    fault({
      method: "PUT",
      path: cluster,
      status: 400,
      body: { error: { code: "InvalidParameter", message: "bad", target: "properties.dnsPrefix" } },
    });
    const error = await deployment.apply().catch((cause) => cause);
    expect(error.findings[0].message).toContain("target: properties.dnsPrefix");
    expect(error.data.skipped).toEqual(expect.arrayContaining(["pool/intelsgx", "role/acr-pull"]));
    expect(standIn.writes().some(({ path }) => pool.test(path))).toBe(false);
    await deployment.apply();
    await expectComplete();
  });

  test("a cluster whose creation failed is asked for again", async () => {
    standIn.failing.push({ path: cluster, times: 1, error: { code: "QuotaExceeded", message: "no quota" } });
    await expect(deployment.apply()).rejects.toMatchObject({ code: "AZURE_APPLY_INCOMPLETE" });
    await deployment.apply();
    await expectComplete();
  });

  test("servers that never recover end the retries", async () => {
    fault({ method: "PUT", path: /registries/, status: 503, times: 99 });
    await expect(deployment.apply()).rejects.toMatchObject({ code: "AZURE_APPLY_INCOMPLETE" });
    expect(
      standIn.requests.filter(({ method, path }) => method === "PUT" && /registries/.test(path)).length,
    ).toBe(6);
  });
});

describe("deletions", () => {
  const small = { confidential: "none" as const };

  test("a group that is gone later than its operation says", async () => {
    await deployment.apply(small);
    standIn.settings.deleteLagMs = 80;
    const provider = await deployment.open(small);
    await provider.destroy({ foreign: "refuse", confirm: async () => true, onEvent: () => {} });
    expect(standIn.world.resources.size).toBe(0);
  });

  test("an answer that names no operation to ask", async () => {
    await deployment.apply(small);
    standIn.settings.plainDelete = true;
    const provider = await deployment.open(small);
    await provider.destroy({ foreign: "refuse", confirm: async () => true, onEvent: () => {} });
    expect(standIn.world.resources.size).toBe(0);
  });

  test("a deletion that fails is told", async () => {
    await deployment.apply(small);
    standIn.failing.push({
      path: /^DELETE .*resourcegroups/i,
      times: 1,
      error: { code: "ScopeLocked", message: "a lock" },
    });
    const provider = await deployment.open(small);
    const ended = provider.destroy({ foreign: "refuse", confirm: async () => true, onEvent: () => {} });
    await expect(ended).rejects.toMatchObject({
      code: "AZURE_OPERATION_FAILED",
      hint: expect.stringContaining("lock"),
    });
  });
});

describe("secrets", () => {
  const forbidden =
    /must-never-be-shown|CERTIFICATE-MATERIAL|SIGNATURE-MATERIAL|HASH-MATERIAL|kubeconfig-token/;

  function written(directory: string): string {
    return readdirSync(directory, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "utf8"))
      .join("\n");
  }

  test("tokens, secrets and signatures of addresses are in no log, event, plan or journal", async () => {
    fault({
      method: "PUT",
      path: cluster,
      status: 400,
      body: {
        error: {
          code: "Bad",
          message:
            "Authorization: Bearer stand-in-token-that-must-never-be-shown client_secret=client-secret-that-must-never-be-shown",
        },
      },
    });
    await deployment.apply().catch(() => {});
    standIn.settings.operationMs = 400;
    const controller = new AbortController();
    setTimeout(() => controller.abort(), 250);
    await deployment.apply({}, [], { signal: controller.signal }).catch(() => {});
    const journal = written(deployment.directory);
    expect(journal).toContain("accepted");
    expect(journal).not.toMatch(forbidden);
    standIn.settings.operationMs = 20;
    await deployment.apply();
    const provider = await deployment.open();
    await provider.kubeconfig("user");
    const all = [
      JSON.stringify(await provider.plan()),
      JSON.stringify(deployment.events),
      deployment.logs.join("\n"),
      written(deployment.directory),
    ].join("\n");
    expect(deployment.logs.length).toBeGreaterThan(20);
    expect(all).not.toMatch(forbidden);
  });

  test("tokens go to no other host, and nowhere without TLS", async () => {
    fault({
      method: "PUT",
      path: cluster,
      status: 201,
      headers: { "azure-asyncoperation": "https://elsewhere.example/operations/1" },
      body: { properties: { provisioningState: "Creating" } },
    });
    const error = await deployment.apply().catch((cause) => cause);
    expect(error.findings[0].code).toBe("AZURE_FOREIGN_ADDRESS");
    const insecure = deployment.open(
      {},
      {
        env: { SEALFLOW_AZURE_RESOURCE_MANAGER: standIn.url.replace("https", "http"), AZURE_TENANT_ID: "x" },
      },
    );
    await expect(insecure).rejects.toMatchObject({ code: "AZURE_ENDPOINT_INVALID" });
  });

  test("a wrong secret ends in one plain error", async () => {
    const directory = mkdtempSync(join(deployment.directory, "x"));
    const provider = await deployment.open(
      { login: "environment" },
      { env: { SEALFLOW_AZURE_RESOURCE_MANAGER: standIn.url, AZURE_TENANT_ID: "x" } },
    );
    await expect(provider.plan()).rejects.toMatchObject({ code: "AZURE_LOGIN_FAILED" });
    rmSync(directory, { recursive: true });
  });
});

test("an interruption leaves what is in flight to the next apply", async () => {
  standIn.settings.operationMs = 300;
  const controller = new AbortController();
  const interrupted = deployment.apply({}, [], { signal: controller.signal });
  setTimeout(() => controller.abort(), 200);
  await expect(interrupted).rejects.toMatchObject({ code: "AZURE_INTERRUPTED" });
  const status = await (await deployment.open()).status();
  expect(status.inFlight.map(({ address, method }) => [address, method])).toEqual([["cluster", "PUT"]]);
  await deployment.apply();
  expect(deployment.events.some(({ type, address }) => type === "resuming" && address === "cluster")).toBe(
    true,
  );
  expect(standIn.writes().filter(({ path }) => cluster.test(path))).toHaveLength(1);
  await expectComplete();
});

test("a subscription that the login does not see is no empty one", async () => {
  fault({
    method: "GET",
    path: /resourcegroups\/intel-aks-kubeflow$/i,
    status: 404,
    body: { error: { code: "SubscriptionNotFound", message: "The subscription could not be found." } },
  });
  await expect((await deployment.open()).plan()).rejects.toMatchObject({
    code: "AZURE_REQUEST_FAILED",
    hint: expect.stringContaining("cloud.subscription"),
  });
});

test("two commands at once: the second is told", async () => {
  standIn.settings.operationMs = 100;
  const first = deployment.apply();
  await new Promise((resolve) => setTimeout(resolve, 60));
  await expect(deployment.apply()).rejects.toMatchObject({ code: "AZURE_LOCKED" });
  await first;
});
