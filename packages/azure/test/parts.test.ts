/** The smaller parts: kubeconfigs, costs, templates, journals, endpoints, masked text, names. */
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { parse } from "yaml";
import { shared } from "../../../test-support/shared.js";
import { openJournal, readPending } from "../src/apply/journal.js";
import { retryAfterMs } from "../src/arm/client.js";
import { endpointsOf } from "../src/arm/endpoints.js";
import { hintFor, parseAzureError } from "../src/arm/failure.js";
import { openAddress, redact } from "../src/arm/redact.js";
import { type CloudConfigInput, mergeKubeconfig, parseConfig } from "../src/index.js";
import { agrees } from "../src/model/diff.js";
import { dnsPrefix, roleAssignmentName } from "../src/resources/ids.js";
import { readOnlyPaths } from "../src/resources/read-only.js";
import { testDeployment } from "./support/deployment.js";
import { createBodyCheck } from "./support/schemas.js";
import { kubeconfig, type StandIn, startStandIn } from "./support/stand-in.js";

let standIn: StandIn;
let directory: string;
beforeAll(async () => {
  standIn = await startStandIn();
  directory = mkdtempSync(join(tmpdir(), "sealflow-parts-"));
});
afterAll(async () => {
  await standIn.close();
  rmSync(directory, { recursive: true, force: true });
});

describe("kubeconfigs", () => {
  const others =
    "# mine\napiVersion: v1\nkind: Config\nclusters:\n- name: other\n  cluster: {server: https://other}\nusers:\n- name: me\n  user: {token: t}\ncontexts:\n- name: other\n  context: {cluster: other, user: me}\ncurrent-context: other\npreferences: {colors: true}\n";

  test("others stay, ours is added and made current; a second time changes nothing", async () => {
    const once = await mergeKubeconfig(others, kubeconfig("intel-aks"));
    const merged = parse(once.text);
    expect(once.context).toBe("intel-aks");
    expect(merged.clusters.map(({ name }: { name: string }) => name)).toEqual(["other", "intel-aks"]);
    expect(merged["current-context"]).toBe("intel-aks");
    expect(merged.preferences).toEqual({ colors: true });
    expect(once.text).toContain("# mine");
    expect((await mergeKubeconfig(once.text, kubeconfig("intel-aks"))).text).toBe(once.text);
  });

  test("an empty file, another name, and files that are none", async () => {
    const named = await mergeKubeconfig("", kubeconfig("intel-aks"), "work");
    expect(parse(named.text)).toMatchObject({
      kind: "Config",
      "current-context": "work",
      contexts: [{ name: "work", context: { cluster: "work", user: "work-user" } }],
      users: [{ name: "work-user" }],
    });
    await expect(mergeKubeconfig("- a list", kubeconfig("x"))).rejects.toMatchObject({
      code: "AZURE_KUBECONFIG_INVALID",
    });
    await expect(mergeKubeconfig("a: [", kubeconfig("x"))).rejects.toMatchObject({
      code: "AZURE_KUBECONFIG_INVALID",
    });
  });
});

test("costs come from the retail API where it has the meter, else from the table, and each line says which", async () => {
  const deployment = testDeployment(standIn);
  const report = await (await deployment.open()).cost();
  deployment.remove();
  expect(report.lines.find(({ what }) => what === "Standard_D4_v5")).toMatchObject({
    hourly: 0.2,
    source: "retail",
    quantity: 1,
  });
  expect(report.lines.find(({ what }) => what === "Standard_DC4s_v3")).toMatchObject({
    hourly: 0.384,
    source: "table",
    quantity: 2,
  });
  const sum = report.lines.reduce((total, { hourly, quantity }) => total + hourly * quantity, 0);
  expect(report.monthly).toBeCloseTo(sum * 730, 1);
  const unreachable = await (
    await testDeployment(standIn).open(
      { pool: { vmSize: "Standard_Unknown_v9" } },
      {
        env: {
          AZURE_SUBSCRIPTION_ID: "x",
          AZURE_TENANT_ID: "x",
          SEALFLOW_AZURE_PRICES: "https://localhost:1/",
        },
      },
    )
  ).cost();
  expect(unreachable.lines.every(({ source }) => source === "table")).toBe(true);
  expect(unreachable.unknown).toEqual(["Standard_Unknown_v9"]);
});

describe("the template", () => {
  async function template(config: CloudConfigInput) {
    const deployment = testDeployment(standIn);
    const made = await (await deployment.open(config)).exportTemplate();
    deployment.remove();
    return JSON.parse(JSON.stringify(made));
  }

  const full: CloudConfigInput = {
    tags: { note: "[not an expression]" },
    cluster: { oidcIssuer: true, workloadIdentity: true },
    keyVault: { name: "a-vault" },
    attestation: { name: "amaa", policy: "version=1.0;" },
    workload: {},
  };

  test("is of subscription scope, with everything in one nested deployment and references instead of values", async () => {
    const made = await template(full);
    const [group, nested] = made.resources;
    expect(group).toMatchObject({
      type: "Microsoft.Resources/resourceGroups",
      name: "intel-aks-kubeflow",
      location: "eastus",
    });
    expect(group.tags.note).toBe("[[not an expression]");
    const inner = nested.properties.template.resources;
    expect(inner.map(({ type }: { type: string }) => type)).toEqual([
      "Microsoft.ContainerRegistry/registries",
      "Microsoft.ContainerService/managedClusters",
      "Microsoft.ContainerService/managedClusters/agentPools",
      "Microsoft.Authorization/roleAssignments",
      "Microsoft.KeyVault/vaults",
      "Microsoft.KeyVault/vaults/keys",
      "Microsoft.Attestation/attestationProviders",
      "Microsoft.ManagedIdentity/userAssignedIdentities",
      "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials",
      "Microsoft.Authorization/roleAssignments",
    ]);
    const text = JSON.stringify(made);
    expect(text).not.toContain("$ref");
    expect(text).toContain("identityProfile.kubeletidentity.objectId]");
    expect(text).toContain("oidcIssuerProfile.issuerURL]");
    for (const resource of inner)
      for (const id of resource.dependsOn ?? [])
        expect(
          inner.some((each: { type: string }) => id.includes(`'${each.type}'`)),
          id,
        ).toBe(true);
  });

  test("every resource in it fits the published schemas, expressions included", async () => {
    const made = await template(full);
    const check = createBodyCheck();
    for (const { type, apiVersion: _, name: __, dependsOn: ___, scope: ____, ...body } of made.resources[1]
      .properties.template.resources) {
      const path = type
        .toLowerCase()
        .split("/")
        .slice(1)
        .map((part: string) => `/${part}/x`)
        .join("");
      expect(check(path, body), type).toBeUndefined();
    }
  });

  test("asks for a key where none is known, and reaches into another group for an attached registry", async () => {
    const deployment = testDeployment(standIn);
    const provider = await deployment.open({
      registry: { attach: true, name: "images", resourceGroup: "shared" },
      cluster: { ssh: { adminUsername: "azureuser", publicKey: undefined } },
    });
    const made = JSON.parse(JSON.stringify(await provider.exportTemplate()));
    deployment.remove();
    expect(made.parameters.sshPublicKey.type).toBe("string");
    expect(made.resources.map(({ resourceGroup }: { resourceGroup?: string }) => resourceGroup)).toEqual([
      undefined,
      "intel-aks-kubeflow",
      "shared",
    ]);
    expect(JSON.stringify(made.resources[2])).toContain("outputs.kubeletPrincipalId.value]");
  });
});

describe("the journal", () => {
  const operation = {
    method: "PUT",
    resource: "/a",
    apiVersion: "1",
    statusUrl: "https://x/operations/1?api-version=2&s=SIGNATURE&t=1",
  } as const;

  test("tells what has not ended, without signatures, whatever the last line is", () => {
    const file = join(directory, "journal.jsonl");
    const journal = openJournal(file, { now: () => 7 });
    journal.write({ type: "sending", step: "a", operation });
    journal.write({ type: "accepted", step: "a", operation });
    journal.write({ type: "sending", step: "b", operation });
    journal.write({ type: "ended", step: "b" });
    journal.close();
    writeFileSync(file, `${readFileSync(file, "utf8")}{"type":"ended","st`);
    expect(readFileSync(file, "utf8")).not.toContain("SIGNATURE");
    expect(readPending(file)).toEqual([
      {
        step: "a",
        accepted: true,
        time: 7,
        operation: { ...operation, statusUrl: "https://x/operations/1?api-version=2" },
      },
    ]);
    const again = openJournal(file, { now: () => 8 });
    expect(again.pending).toHaveLength(1);
    again.clear();
    again.close();
    expect(readPending(file)).toEqual([]);
    expect(existsSync(`${file}.new`)).toBe(false);
  });

  test("that is nonsense is empty", () => {
    const file = join(directory, "nonsense.jsonl");
    writeFileSync(file, '\u0000\n[]\n{"type":"accepted","step":"x"}\n{"step":7}\n');
    expect(readPending(file)).toEqual([]);
  });
});

describe("endpoints", () => {
  const config = (cloud: CloudConfigInput) => parseConfig({ cloud }, "x").cloud;

  test("each cloud has its own scope, and so has an address of one's own", () => {
    expect(endpointsOf(config({}), {})).toMatchObject({
      scope: "https://management.azure.com/.default",
      disableInstanceDiscovery: false,
    });
    expect(endpointsOf(config({ environment: "AzureUSGovernment" }), {})).toMatchObject({
      resourceManager: "https://management.usgovcloudapi.net",
      authority: "https://login.microsoftonline.us",
      scope: "https://management.usgovcloudapi.net/.default",
    });
    expect(endpointsOf(config({ environment: "AzureChinaCloud" }), {})).toMatchObject({
      scope: "https://management.chinacloudapi.cn/.default",
      attestationScope: undefined,
    });
    const own = endpointsOf(
      config({ endpoints: { resourceManager: "https://arm.local:8443/", authority: "https://sts.local" } }),
      {},
    );
    expect(own).toMatchObject({
      resourceManager: "https://arm.local:8443",
      scope: "https://arm.local:8443/.default",
      disableInstanceDiscovery: true,
    });
    const variables = endpointsOf(config({ endpoints: { resourceManager: "https://arm.local" } }), {
      SEALFLOW_AZURE_RESOURCE_MANAGER: "https://other.local",
      SEALFLOW_AZURE_SCOPE: "api://x/.default",
      AZURE_AUTHORITY_HOST: "login.microsoftonline.us",
    });
    expect(variables).toMatchObject({
      resourceManager: "https://other.local",
      scope: "api://x/.default",
      authority: "https://login.microsoftonline.us",
      disableInstanceDiscovery: false,
    });
  });
});

test.each<[Record<string, string>, number | undefined]>([
  [{ "retry-after": "7" }, 7000],
  [{ "retry-after-ms": "250", "retry-after": "7" }, 250],
  [{ "retry-after": new Date(5000).toUTCString() }, 4000],
  [{ "retry-after": new Date(0).toUTCString() }, 0],
  [{ "retry-after": "soon" }, undefined],
  [{}, undefined],
])("Retry-After %j", (headers, expected) => {
  expect(retryAfterMs(headers, 1000)).toBe(expected);
});

test("errors are read out of every wrapping that Azure uses", () => {
  const inner = { code: "QuotaExceeded", message: "no quota", target: "cores" };
  expect(parseAzureError({ error: inner })).toEqual(inner);
  expect(parseAzureError(inner)).toEqual(inner);
  expect(
    parseAzureError({ error: { code: "DeploymentFailed", message: "see details", details: [inner] } }),
  ).toEqual(inner);
  expect(parseAzureError({ error: { code: "BadRequest", message: "bad", details: [inner] } })?.message).toBe(
    "bad (QuotaExceeded: no quota)",
  );
  expect(parseAzureError("<html>")).toBeUndefined();
  expect(parseAzureError({ error: "text" })).toBeUndefined();
  expect(hintFor({ code: "SkuNotAvailable", message: "" })).toContain("preflight");
  expect(hintFor({ code: "Strange", message: "" })).toBeUndefined();
});

test("what looks like a secret is masked", () => {
  const text = redact(
    'Bearer abc.def-ghi eyJhbGciOiJub25lIn0.eyJhIjoxfQ.c2ln client_secret=hunter2 {"access_token":"zzz"} https://x/y?sig=abc&api-version=1',
  );
  for (const secret of ["abc.def", "eyJhbGci", "hunter2", "zzz", "sig=abc"])
    expect(text).not.toContain(secret);
  expect(openAddress("https://user:pw@h/p?api-version=1&t=2&c=3&s=4&h=5&sig=6")).toBe(
    "https://h/p?api-version=1",
  );
});

test.each<[Parameters<typeof agrees>[0], Parameters<typeof agrees>[1], boolean]>([
  [{ path: "a", value: "", compare: "version" }, "1.35.4", true],
  [{ path: "a", value: "1.3", compare: "version" }, "1.35.4", false],
  [{ path: "a", value: "1.35", compare: "version" }, "1.35.4", true],
  [{ path: "a", value: "standard", compare: "caseless" }, "Standard", true],
  [{ path: "a", value: false, absent: false }, undefined, true],
  [{ path: "a", value: undefined, absent: false }, true, false],
  [{ path: "a", value: [], absent: [], compare: "set" }, undefined, true],
  [{ path: "a", value: ["b", "A"], compare: "set" }, ["a", "B"], true],
  [{ path: "a", value: ["1.2.3.4"], compare: "set" }, ["1.2.3.4/32"], true],
  [{ path: "a", value: { x: "1" }, compare: "include" }, { X: "1", y: "2" }, true],
  [{ path: "a", value: { x: "1" }, compare: "include" }, { x: "2" }, false],
  [{ path: "a", value: { x: "1" } }, { x: "1", y: "2" }, false],
  [{ path: "a", value: { x: "1" }, compare: "labels" }, { x: "1", "kubernetes.azure.com/y": "2" }, true],
  [{ path: "a", value: { x: "1" }, compare: "labels" }, { x: "1", y: "2" }, false],
  [{ path: "a", value: "eastus", compare: "region" }, "East US", true],
])("%j agrees with %j: %s", (property, live, expected) => {
  expect(agrees(property, live)).toBe(expected);
});

test("derived names: the DNS prefix as the Azure CLI makes it, assignments the same for the same", () => {
  expect(dnsPrefix("intel-aks", "intel-aks-kubeflow", "000000ab")).toBe("intel-aks-intel-aks-kubefl-000000");
  expect(dnsPrefix("1_cluster.x", "my.group_1", "abcdef12")).toBe("a1clusterx-mygroup1-abcdef");
  const name = roleAssignmentName("/a/B", "P", "r");
  expect(name).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-5[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
  expect(roleAssignmentName("/A/b", "p", "R")).toBe(name);
  expect(roleAssignmentName("/a/b", "q", "r")).not.toBe(name);
});

const types = shared(
  "azure",
  "schemas",
  "bicep-types",
  "containerservice_1__microsoft.containerservice__2026-05-01__types.json",
);

test.skipIf(types === undefined)("the read-only properties are those that Bicep's type index marks", () => {
  interface Type {
    $type: string;
    name?: string;
    itemType?: { $ref: string };
    properties?: Record<string, { flags: number; type: { $ref: string } }>;
  }
  const index: Type[] = JSON.parse(readFileSync(types ?? "", "utf8"));
  const at = ({ $ref }: { $ref: string }): Type => index[Number($ref.slice(2))] ?? { $type: "" };
  const found: string[] = [];
  function walk(type: Type, path: string, depth: number): void {
    if (type.$type === "ArrayType" && type.itemType !== undefined) {
      walk(at(type.itemType), `${path}[]`, depth);
      return;
    }
    for (const [name, { flags, type: inner }] of Object.entries(type.properties ?? {})) {
      const here = path === "" ? name : `${path}.${name}`;
      if (flags & 2) found.push(here);
      else if (depth < 7) walk(at(inner), here, depth + 1);
    }
  }
  for (const [kind, name] of [
    ["cluster", "Microsoft.ContainerService/managedClusters"],
    ["pool", "Microsoft.ContainerService/managedClusters/agentPools"],
  ] as const) {
    found.length = 0;
    const type = index.find((each) => each.$type === "ObjectType" && each.name === name);
    walk(type ?? { $type: "" }, "", 0);
    const known = readOnlyPaths(kind).map((path) => path.toLowerCase());
    const missing = found.filter(
      (path) =>
        !known.some((each) => path.toLowerCase() === each || path.toLowerCase().startsWith(`${each}.`)),
    );
    expect(found.length).toBeGreaterThan(5);
    expect(missing).toEqual([]);
  }
});
