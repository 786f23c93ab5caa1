/** What a plan says, and what becomes of it. */
import { afterEach, beforeEach, describe, expect, test } from "vitest";
import { type Change, type CloudConfigInput, parsePlan, pendingChanges } from "../src/index.js";
import { subscription, type TestDeployment, testDeployment } from "./support/deployment.js";
import { type StandIn, startStandIn } from "./support/stand-in.js";

let standIn: StandIn;
let deployment: TestDeployment;
const group = `/subscriptions/${subscription}/resourcegroups/intel-aks-kubeflow`;

beforeEach(async () => {
  standIn = await startStandIn();
  deployment = testDeployment(standIn);
});
afterEach(async () => {
  await standIn.close();
  deployment.remove();
});

async function pending(config: CloudConfigInput = {}): Promise<Change[]> {
  return pendingChanges(await (await deployment.open(config)).plan());
}

function doc(path: string) {
  const stored = standIn.world.resources.get(path.toLowerCase());
  if (stored === undefined) throw new Error(`${path} is not there`);
  return stored.doc;
}

const clusterPath = `${group}/providers/Microsoft.ContainerService/managedClusters/intel-aks`;

describe("updates", () => {
  beforeEach(() => deployment.apply());

  test.each<[string, CloudConfigInput, string, string[]]>([
    ["more nodes", { pool: { count: 3 } }, "pool/intelsgx", ["properties.count"]],
    ["a taint", { pool: { taint: true } }, "pool/intelsgx", ["properties.nodeTaints"]],
    [
      "autoscaling",
      { pool: { autoscale: { min: 0, max: 4 } } },
      "pool/intelsgx",
      ["properties.enableAutoScaling", "properties.minCount", "properties.maxCount"],
    ],
    [
      "labels",
      { pool: { labels: { intelvm: "sgx", stage: "two" } } },
      "pool/intelsgx",
      ["properties.nodeLabels"],
    ],
    ["more system nodes", { cluster: { systemPool: { count: 2 } } }, "pool/nodepool1", ["properties.count"]],
    [
      "who may reach the API server",
      { cluster: { authorizedIpRanges: ["203.0.113.7"] } },
      "cluster",
      ["properties.apiServerAccessProfile.authorizedIPRanges"],
    ],
    ["the tier", { cluster: { tier: "Standard" } }, "cluster", ["sku.tier"]],
    [
      "the quote helper",
      { cluster: { quoteHelper: true } },
      "cluster",
      ["properties.addonProfiles.ACCSGXDevicePlugin.config.ACCSGXQuoteHelperEnabled"],
    ],
    ["the registry's sku", { registry: { sku: "Premium" } }, "registry", ["sku.name"]],
  ])("%s: one update, those properties, and then nothing", async (_, config, address, paths) => {
    const changes = await pending(config);
    expect(changes.map((change) => [change.address, change.action])).toEqual([[address, "update"]]);
    expect(changes[0]?.properties.map(({ path }) => path)).toEqual(paths);
    const before = standIn.writes().length;
    await deployment.apply(config);
    expect(standIn.writes()).toHaveLength(before + 1);
    expect(await pending(config)).toEqual([]);
    expect(standIn.violations).toEqual([]);
    // And back again, which has to take away what was added.
    await deployment.apply();
    expect(await pending()).toEqual([]);
  });

  test("updates carry the etag, and keep what others have set", async () => {
    doc(clusterPath).properties.autoUpgradeProfile = { upgradeChannel: "patch" };
    doc(clusterPath).tags.costCentre = "7";
    await deployment.apply({ cluster: { tier: "Standard" }, tags: { team: "risk" } });
    const update = standIn
      .writes()
      .filter(({ path }) => /managedClusters\/intel-aks$/.test(path))
      .at(-1);
    expect(update?.headers["if-match"]).toMatch(/^etag-/);
    expect(update?.body?.properties.autoUpgradeProfile).toEqual({ upgradeChannel: "patch" });
    expect(update?.body?.tags).toEqual({
      costCentre: "7",
      team: "risk",
      "sealflow-deployment": "intel-aks-kubeflow",
    });
    expect(update?.body?.properties).not.toHaveProperty("provisioningState");
    expect(update?.body).not.toHaveProperty("eTag");
  });

  test("a change under way between plan and write is not overwritten", async () => {
    const provider = await deployment.open({ cluster: { tier: "Standard" } });
    const ended = provider.apply({
      allow: [],
      onEvent: () => {},
      confirm: async () => {
        standIn.world.touch(clusterPath.toLowerCase());
        return true;
      },
    });
    await expect(ended).rejects.toMatchObject({
      code: "AZURE_APPLY_INCOMPLETE",
      findings: [{ code: "AZURE_PLAN_STALE" }],
    });
  });
});

describe("replacements", () => {
  test("another size is a rotation: new pool, drain, delete; and back to the first name next time", async () => {
    await deployment.apply();
    const drained: string[] = [];
    const drainer = {
      async drain(pool: string, kubeconfig: string) {
        expect(kubeconfig).toContain("clusters:");
        expect(standIn.world.resources.has(`${clusterPath}/agentPools/intelsgx2`.toLowerCase())).toBe(true);
        drained.push(pool);
      },
    };
    const larger = { pool: { vmSize: "Standard_DC8s_v3" } };
    const [change] = await pending(larger);
    expect(change).toMatchObject({
      address: "pool/intelsgx",
      action: "replace",
      retires: [{ name: "intelsgx" }],
    });
    expect(change?.reason).toContain("vmSize");
    await deployment.apply(larger, [], { drainer });
    expect(drained).toEqual(["intelsgx"]);
    expect(standIn.world.resources.has(`${clusterPath}/agentPools/intelsgx`.toLowerCase())).toBe(false);
    expect(await pending(larger)).toEqual([]);
    await deployment.apply(larger);
    const status = await (await deployment.open(larger)).status();
    expect(status.resources.find(({ address }) => address === "pool/intelsgx")?.details).toMatchObject({
      name: "intelsgx2",
      size: "Standard_DC8s_v3",
    });
    await deployment.apply();
    expect(standIn.world.resources.has(`${clusterPath}/agentPools/intelsgx`.toLowerCase())).toBe(true);
    expect(await pending()).toEqual([]);
  });

  test("a rotation that was cut short after the new pool is finished", async () => {
    await deployment.apply();
    const larger = { pool: { vmSize: "Standard_DC8s_v3" } };
    const stop = { drain: async () => Promise.reject(new Error("cut")) };
    await expect(deployment.apply(larger, [], { drainer: stop })).rejects.toMatchObject({
      code: "AZURE_APPLY_INCOMPLETE",
    });
    const [change] = await pending(larger);
    expect(change).toMatchObject({ action: "replace", retires: [{ name: "intelsgx" }] });
    expect(change?.write).toBeUndefined();
    await deployment.apply(larger);
    expect(await pending(larger)).toEqual([]);
  });

  test("the system pool rotates too", async () => {
    await deployment.apply();
    const larger = { cluster: { systemPool: { vmSize: "Standard_D8_v5" } } };
    await deployment.apply(larger);
    expect(await pending(larger)).toEqual([]);
    expect(standIn.world.resources.has(`${clusterPath}/agentPools/nodepool12`.toLowerCase())).toBe(true);
    expect(standIn.violations).toEqual([]);
  });

  test("a cluster is replaced by leave only, with all that hangs on it", async () => {
    await deployment.apply();
    const hidden = { cluster: { privateCluster: true } };
    const changes = await pending(hidden);
    expect(changes.map(({ address, action }) => [address, action])).toEqual([
      ["cluster", "replace"],
      ["pool/nodepool1", "create"],
      ["pool/intelsgx", "create"],
      ["role/acr-pull", "create"],
    ]);
    const before = standIn.writes().length;
    await expect(deployment.apply(hidden)).rejects.toMatchObject({
      code: "AZURE_LEAVE_NEEDED",
      hint: "--allow cluster",
    });
    expect(standIn.writes()).toHaveLength(before);
    await deployment.apply(hidden, ["cluster"]);
    expect(await pending(hidden)).toEqual([]);
  });

  test("a group is never replaced", async () => {
    await deployment.apply();
    doc(group).location = "westeurope";
    await expect(deployment.apply({}, ["group", "registry", "cluster"])).rejects.toMatchObject({
      code: "AZURE_REPLACE_BLOCKED",
    });
  });

  test("a pool that the configuration drops is deleted, one of others is left alone", async () => {
    await deployment.apply();
    const other = structuredClone(doc(`${clusterPath}/agentPools/intelsgx`));
    other.name = "theirs";
    other.id = `${clusterPath}/agentPools/theirs`;
    delete other.properties.tags;
    standIn.world.resources.set(`${clusterPath}/agentPools/theirs`.toLowerCase(), {
      doc: other,
      visibleFrom: 0,
    });
    const renamed = { pool: { name: "enclaves" } };
    const changes = await pending(renamed);
    expect(changes.map(({ address, action }) => [address, action])).toEqual([
      ["pool/enclaves", "create"],
      ["pool/intelsgx", "delete"],
    ]);
    await deployment.apply(renamed);
    expect(await pending(renamed)).toEqual([]);
    expect(standIn.world.resources.has(`${clusterPath}/agentPools/theirs`.toLowerCase())).toBe(true);
    const drift = await (await deployment.open(renamed)).drift();
    expect(drift.drifted).toMatchObject([{ address: "pool/theirs", kind: "foreign" }]);
  });
});

describe("options", () => {
  const full: CloudConfigInput = {
    cluster: { oidcIssuer: true, workloadIdentity: true },
    keyVault: { name: "sealflow-vault" },
    attestation: {
      name: "sealflowmaa",
      policy: "version=1.0; authorizationrules { => permit(); }; issuancerules { };",
    },
    workload: {},
  };

  test("vault, key, attestation with policy and workload identity are made, stay, and go", async () => {
    await deployment.apply(full);
    expect(await pending(full)).toEqual([]);
    expect(
      doc(`${group}/providers/Microsoft.KeyVault/vaults/sealflow-vault/keys/sealflow-wrapping`).properties
        .keyOps,
    ).toEqual(["wrapKey", "unwrapKey"]);
    const policy = {
      ...full,
      attestation: { name: "sealflowmaa", policy: "version=1.1; authorizationrules { => permit(); };" },
    };
    expect((await pending(policy)).map(({ address, action }) => [address, action])).toEqual([
      ["attestation-policy", "update"],
    ]);
    await deployment.apply(policy);
    expect(await pending(policy)).toEqual([]);
    // Dropping them from the configuration is a deletion, that of a vault by leave.
    const dropped = { cluster: full.cluster };
    await expect(deployment.apply(dropped)).rejects.toMatchObject({ code: "AZURE_LEAVE_NEEDED" });
    await deployment.apply(dropped, ["vault/sealflow-vault", "attestation/sealflowmaa"]);
    expect(await pending(dropped)).toEqual([]);
    // And back: the vault is recovered from the recycle bin.
    await deployment.apply(full);
    const vault = standIn
      .writes()
      .filter(({ path }) => /vaults\/sealflow-vault$/.test(path))
      .at(-1);
    expect(vault?.body?.properties.createMode).toBe("recover");
    expect(await pending(full)).toEqual([]);
  });

  test("a role that somebody else gave serves as well", async () => {
    await deployment.apply();
    const roles =
      `${group}/providers/Microsoft.ContainerRegistry/registries/intelakskubeflow/providers/Microsoft.Authorization/roleAssignments`.toLowerCase();
    const [[path, stored] = []] = standIn.world.below(roles);
    if (path === undefined || stored === undefined) throw new Error("no role");
    standIn.world.resources.delete(path);
    standIn.world.resources.set(`${roles}/11111111-2222-4333-8444-555555555555`, stored);
    expect(await pending()).toEqual([]);
  });
});

describe("ownership", () => {
  function foreignGroup() {
    standIn.world.resources.set(group.toLowerCase(), {
      doc: { id: group, name: "intel-aks-kubeflow", location: "eastus", properties: {} },
      visibleFrom: 0,
    });
  }

  test("what carries no tag of this deployment is not touched, unless it is attached", async () => {
    foreignGroup();
    await expect(deployment.apply()).rejects.toMatchObject({
      code: "AZURE_NOT_OURS",
      hint: expect.stringContaining("--attach group"),
    });
    const attached = { resourceGroup: { attach: true } };
    await deployment.apply(attached);
    expect(standIn.writes().some(({ path }) => path.toLowerCase() === group)).toBe(false);
    expect(await pending(attached)).toEqual([]);
    const provider = await deployment.open(attached);
    const plan = await provider.destroy({ foreign: "refuse", confirm: async () => true, onEvent: () => {} });
    expect(plan.deletions.map(({ address }) => address)).toEqual(["cluster", "registry"]);
    expect([...standIn.world.resources.keys()]).toEqual([group.toLowerCase()]);
  });

  test("an attached registry of another group keeps everything but its role", async () => {
    const other = `/subscriptions/${subscription}/resourceGroups/shared`;
    const registry = `${other}/providers/Microsoft.ContainerRegistry/registries/teamimages`;
    standIn.world.resources.set(other.toLowerCase(), {
      doc: { id: other, name: "shared", location: "eastus", properties: {} },
      visibleFrom: 0,
    });
    standIn.world.resources.set(registry.toLowerCase(), {
      doc: {
        id: registry,
        name: "teamimages",
        location: "westeurope",
        sku: { name: "Premium" },
        properties: {},
      },
      visibleFrom: 0,
    });
    const config = { registry: { attach: true, name: "teamimages", resourceGroup: "shared" } };
    await deployment.apply(config);
    expect(await pending(config)).toEqual([]);
    expect(standIn.writes().filter(({ path }) => path === registry)).toEqual([]);
    const provider = await deployment.open(config);
    await provider.destroy({ foreign: "refuse", confirm: async () => true, onEvent: () => {} });
    expect([...standIn.world.resources.keys()].sort()).toEqual([other.toLowerCase(), registry.toLowerCase()]);
  });

  test("an attached registry that is not there is told", async () => {
    await expect(deployment.apply({ registry: { attach: true } })).rejects.toMatchObject({
      code: "AZURE_ATTACHED_MISSING",
    });
  });

  test("destroy refuses resources of others in the group, until it is told what becomes of them", async () => {
    await deployment.apply();
    const disk = `${group}/providers/Microsoft.Compute/disks/theirs`;
    standIn.world.resources.set(disk.toLowerCase(), {
      doc: { id: disk, name: "theirs", type: "Microsoft.Compute/disks", location: "eastus" },
      visibleFrom: 0,
    });
    const provider = await deployment.open();
    const options = { confirm: async () => true, onEvent: () => {} };
    await expect(provider.destroy({ ...options, foreign: "refuse" })).rejects.toMatchObject({
      code: "AZURE_FOREIGN_RESOURCES",
      data: { foreign: [disk] },
    });
    expect(await provider.destroy({ ...options, foreign: "keep", confirm: async () => false })).toMatchObject(
      { extent: "resources" },
    );
    await provider.destroy({ ...options, foreign: "keep" });
    expect([...standIn.world.resources.keys()].sort()).toEqual([group.toLowerCase(), disk.toLowerCase()]);
    await provider.destroy({ ...options, foreign: "delete" });
    expect(standIn.world.resources.size).toBe(0);
    const guarded = await deployment.open({ protect: true });
    await expect(guarded.destroy({ ...options, foreign: "delete" })).rejects.toMatchObject({
      code: "AZURE_PROTECTED",
    });
  });
});

describe("saved plans", () => {
  const more = { pool: { count: 3 } };

  async function saved(config: CloudConfigInput) {
    return parsePlan(JSON.stringify(await (await deployment.open(config)).plan()), "plan.json");
  }

  async function applySaved(plan: Awaited<ReturnType<typeof saved>>, config: CloudConfigInput) {
    const provider = await deployment.open(config);
    return provider.apply({ plan, allow: [], confirm: async () => true, onEvent: () => {} });
  }

  test("a plan that still holds is carried out", async () => {
    await deployment.apply();
    expect((await applySaved(await saved(more), more)).applied).toBe(true);
    expect(await pending(more)).toEqual([]);
  });

  test.each<[string, CloudConfigInput, () => void]>([
    ["another etag", more, () => standIn.world.touch(`${clusterPath}/agentPools/intelsgx`.toLowerCase())],
    ["another configuration", { pool: { count: 4 } }, () => {}],
    [
      "a resource that is gone",
      more,
      () =>
        standIn.world.resources.delete(
          `${group}/providers/Microsoft.ContainerRegistry/registries/intelakskubeflow`.toLowerCase(),
        ),
    ],
    [
      "a tag that somebody set",
      more,
      () => {
        doc(group).tags.other = "x";
      },
    ],
  ])("it is refused after %s, and nothing is written", async (_, config, change) => {
    await deployment.apply();
    const plan = await saved(more);
    const before = standIn.writes().length;
    change();
    await expect(applySaved(plan, config)).rejects.toMatchObject({ code: "AZURE_PLAN_STALE" });
    expect(standIn.writes()).toHaveLength(before);
  });

  test("one that was cut short is carried on, unless something else has changed", async () => {
    const plan = await saved({});
    standIn.settings.operationMs = 300;
    const controller = new AbortController();
    const provider = await deployment.open({}, { signal: controller.signal });
    const ended = provider.apply({ plan, allow: [], confirm: async () => true, onEvent: () => {} });
    setTimeout(() => controller.abort(), 200);
    await expect(ended).rejects.toMatchObject({ code: "AZURE_INTERRUPTED" });
    standIn.settings.operationMs = 20;
    expect((await applySaved(plan, {})).applied).toBe(true);
    expect(await pending()).toEqual([]);
    // It is finished: what it was made from no longer holds.
    await expect(applySaved(plan, {})).rejects.toMatchObject({ code: "AZURE_PLAN_STALE" });
  });

  test("what is no plan is refused", () => {
    expect(() => parsePlan("{}", "x.json")).toThrow(expect.objectContaining({ code: "AZURE_PLAN_INVALID" }));
    expect(() => parsePlan("nonsense", "x.json")).toThrow(
      expect.objectContaining({ code: "AZURE_PLAN_INVALID" }),
    );
  });
});

describe("drift and power", () => {
  test("drift names what was changed, is missing, failed or unexpected", async () => {
    await deployment.apply();
    expect((await (await deployment.open()).drift()).drifted).toEqual([]);
    doc(`${clusterPath}/agentPools/intelsgx`).properties.count = 5;
    doc(
      `${group}/providers/Microsoft.ContainerRegistry/registries/intelakskubeflow`,
    ).properties.adminUserEnabled = true;
    const disk = `${group}/providers/Microsoft.Compute/disks/theirs`;
    standIn.world.resources.set(disk.toLowerCase(), {
      doc: { id: disk, name: "theirs", type: "Microsoft.Compute/disks" },
      visibleFrom: 0,
    });
    const { drifted } = await (await deployment.open()).drift();
    expect(
      drifted.map(({ address, kind, properties }) => [
        address,
        kind,
        properties[0]?.path,
        properties[0]?.before,
      ]),
    ).toEqual([
      ["registry", "changed", "properties.adminUserEnabled", true],
      ["pool/intelsgx", "changed", "properties.count", 5],
      ["Microsoft.Compute/disks/theirs", "foreign", undefined, undefined],
    ]);
  });

  test("a stopped cluster is started before it is changed", async () => {
    await deployment.apply();
    const provider = await deployment.open();
    expect(await provider.setPower("stopped", () => {})).toBe(true);
    expect(await provider.setPower("stopped", () => {})).toBe(false);
    expect((await provider.status()).stopped).toBe(true);
    expect((await provider.plan()).notices.join()).toContain("stopped");
    await expect(deployment.apply({ pool: { count: 3 } })).rejects.toMatchObject({
      code: "AZURE_CLUSTER_STOPPED",
    });
    expect(await provider.setPower("running", () => {})).toBe(true);
    await deployment.apply({ pool: { count: 3 } });
  });
});
