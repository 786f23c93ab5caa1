/** What goes over the wire, against what the real Azure CLI was recorded to send for the same architecture. */
import { readFileSync } from "node:fs";
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { shared } from "../../../test-support/shared.js";
import type { CloudConfigInput } from "../src/index.js";
import { sshKey, subscription, type TestDeployment, testDeployment } from "./support/deployment.js";
import { type Recorded, type StandIn, startStandIn } from "./support/stand-in.js";

interface Invariant {
  readonly path: string;
  readonly sameInBothVersions: Record<string, unknown>;
}

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

/** All that we send beyond what both versions of the Azure CLI send, by the last part of the path's type. */
const additions: Record<string, Record<string, unknown>> = {
  resourcegroups: { tags: { "sealflow-deployment": "intel-aks-kubeflow" } },
  registries: { tags: { "sealflow-deployment": "intel-aks-kubeflow" } },
  managedclusters: {
    tags: { "sealflow-deployment": "intel-aks-kubeflow" },
    // The newer version sends these two as well.
    sku: { name: "Base", tier: "Free" },
    "properties.bootstrapProfile": { artifactSource: "Direct" },
  },
  // The newer version sends these two as well.
  roleassignments: { "properties.principalType": "ServicePrincipal" },
  agentpools: {
    "properties.tags": { "sealflow-deployment": "intel-aks-kubeflow", "sealflow-pool": "intelsgx" },
    "properties.upgradeSettings.undrainableNodeBehavior": "Schedule",
  },
};

function without(body: Record<string, unknown>, paths: Record<string, unknown>): Record<string, unknown> {
  const copy = structuredClone(body);
  for (const [path, value] of Object.entries(paths)) {
    const keys = path.split(".");
    const last = keys.pop() ?? path;
    const parent = keys.reduce((node, key) => node[key] as Record<string, unknown>, copy);
    expect(parent[last], path).toEqual(value);
    delete parent[last];
  }
  return copy;
}

function typeOf(path: string): string {
  return path.toLowerCase().split("/").at(-2) ?? "";
}

function generalised({ path }: Recorded): string {
  const role = path.replace(/(roleAssignments\/)[0-9a-f-]{36}$/, "$1{randomUuid}");
  return role.replace(subscription, "{subscriptionId}").toLowerCase();
}

const recording = shared("azure", "az-cli-requests.json");

describe.skipIf(recording === undefined)("the reference architecture on the wire", () => {
  const invariants: Invariant[] =
    recording === undefined ? [] : JSON.parse(readFileSync(recording, "utf8")).invariantsAcrossVersions;

  test("method, path and body of every write equal the recording, but for the additions listed above", async () => {
    await deployment.apply();
    const writes = standIn.writes();
    expect(writes.map(generalised).sort()).toEqual(invariants.map(({ path }) => path.toLowerCase()).sort());
    for (const { path, sameInBothVersions } of invariants) {
      const write = writes.find((each) => generalised(each) === path.toLowerCase());
      expect(write?.method).toBe("PUT");
      const sent = JSON.parse(
        JSON.stringify(write?.body)
          .replaceAll(subscription, "{subscriptionId}")
          .replaceAll(sshKey, "{sshPublicKey}")
          .replace(subscription.slice(0, 6), "000000"),
      );
      const known = { ...(additions[typeOf(path)] ?? {}) };
      expect(without(sent, known), path).toEqual(sameInBothVersions);
    }
  });

  test("nothing is written before what it needs is there", async () => {
    await deployment.apply();
    const order = standIn.writes().map(({ path }) => typeOf(path));
    const before = (first: string, then: string) =>
      expect(order.indexOf(first)).toBeLessThan(order.indexOf(then));
    before("resourcegroups", "registries");
    before("resourcegroups", "managedclusters");
    before("registries", "roleassignments");
    before("managedclusters", "roleassignments");
    before("managedclusters", "agentpools");
  });

  test("a second apply writes nothing", async () => {
    await deployment.apply();
    const { length } = standIn.writes();
    const again = await deployment.apply();
    expect(again.applied).toBe(false);
    expect(standIn.writes()).toHaveLength(length);
  });
});

describe("options on the wire", () => {
  const recorded: { path: string; body: Record<string, unknown> }[] = JSON.parse(
    readFileSync(new URL("testdata/az-options.json", import.meta.url), "utf8"),
  ).requests;

  const all: CloudConfigInput = {
    resourceGroup: { name: "rg-opt" },
    registry: { name: "regopt123", sku: "Premium" },
    cluster: {
      name: "aks-opt",
      tier: "Standard",
      kubernetesVersion: "1.35",
      quoteHelper: true,
      oidcIssuer: true,
      workloadIdentity: true,
      authorizedIpRanges: ["20.30.40.0/24", "8.8.4.4"],
      systemPool: { vmSize: "Standard_D8_v5", count: 2, autoscale: { min: 1, max: 3 } },
    },
    pool: {
      name: "enclaves",
      vmSize: "Standard_DC8s_v3",
      count: 1,
      labels: { intelvm: "sgx", stage: "two" },
      taint: true,
      autoscale: { min: 0, max: 4 },
      zones: ["1", "2"],
      osSku: "Ubuntu2204",
      maxPods: 60,
      osDiskSizeGb: 200,
    },
  };
  const hidden: CloudConfigInput = {
    resourceGroup: { name: "rg-opt" },
    registry: { name: "regopt123", sku: "Premium" },
    confidential: "none",
    cluster: { name: "aks-priv", privateCluster: true, ssh: "none" },
  };

  /** Tags are ours; the CLI was asked for one on the group and the first cluster. */
  function untagged(body: Record<string, unknown>): Record<string, unknown> {
    const { tags: _, ...rest } = structuredClone(body);
    if (typeof rest.properties === "object" && rest.properties !== null && "tags" in rest.properties)
      delete rest.properties.tags;
    return rest;
  }

  test.each<[string, CloudConfigInput, number]>([
    ["everything at once", all, 4],
    ["a private cluster without keys or enclaves", hidden, 3],
  ])("%s", async (_, config, compared) => {
    await deployment.apply(config);
    const pairs = standIn.writes().flatMap(({ path, body }) => {
      const theirs = recorded.find((each) => each.path.toLowerCase() === path.toLowerCase());
      return theirs === undefined ? [] : [[path, untagged(body ?? {}), untagged(theirs.body)] as const];
    });
    expect(pairs).toHaveLength(compared);
    for (const [path, ours, theirs] of pairs) expect(ours, path).toEqual(theirs);
    expect(standIn.violations).toEqual([]);
  });
});

test("the stand-in's schemas catch what is misspelt, so that their silence means something", async () => {
  const { createBodyCheck } = await import("./support/schemas.js");
  const check = createBodyCheck();
  if (
    check("/x/managedclusters/y", { location: "eastus", properties: {} }) === undefined &&
    recording === undefined
  )
    return;
  await deployment.apply();
  const cluster = standIn.writes().find(({ path }) => typeOf(path) === "managedclusters");
  const pool = standIn.writes().find(({ path }) => typeOf(path) === "agentpools");
  const mutants: [Recorded | undefined, (body: Record<string, Record<string, unknown>>) => void][] = [
    [
      cluster,
      (body) => {
        body.properties = { ...body.properties, enableRbac: true };
      },
    ],
    [
      cluster,
      (body) => {
        body.properties = { ...body.properties, dnsPrefix: 7 };
      },
    ],
    [
      cluster,
      (body) => {
        body.identity = { type: "Sometimes" };
      },
    ],
    [
      pool,
      (body) => {
        body.properties = { ...body.properties, count: "2" };
      },
    ],
    [
      pool,
      (body) => {
        body.properties = { ...body.properties, vmsize: "x" };
      },
    ],
  ];
  for (const [request, change] of mutants) {
    const body = structuredClone(request?.body ?? {});
    expect(check(request?.path.toLowerCase() ?? "", body)).toBeUndefined();
    change(body);
    expect(check(request?.path.toLowerCase() ?? "", body)).toBeDefined();
  }
});
