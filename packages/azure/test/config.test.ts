/** Configurations: what is taken, what is refused, and how precisely. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type SealflowError, SealflowErrors } from "@sealflow/core";
import { describe, expect, test } from "vitest";
import { configTemplate, defineConfig, parseConfig, parseYamlConfig } from "../src/index.js";

function findings(value: unknown): string[] {
  try {
    parseConfig(value, "sealflow.config.ts");
  } catch (error) {
    const all = error instanceof SealflowErrors ? error.findings : [error as SealflowError];
    return all.map(({ message }) => message);
  }
  return [];
}

describe("a configuration", () => {
  test("that says nothing is the reference architecture", () => {
    const { cloud } = parseConfig(defineConfig({}), "x");
    expect(cloud).toMatchObject({
      location: "eastus",
      confidential: "sgx",
      resourceGroup: { name: "intel-aks-kubeflow", attach: false },
      registry: { sku: "Standard", attach: false },
      cluster: { name: "intel-aks", tier: "Free", quoteHelper: false },
    });
  });

  test.each<[string, unknown, RegExp]>([
    ["an unknown setting", { regoin: "eastus" }, /^cloud: unknown setting regoin/],
    ["a region with spaces", { location: "East US" }, /^cloud\.location: expected a region/],
    ["a number as text", { pool: { count: "2" } }, /^cloud\.pool\.count: expected number, got string/],
    ["a pool name with a hyphen", { pool: { name: "intel-sgx" } }, /^cloud\.pool\.name: expected 1 to 12/],
    [
      "a pool name of 13 characters",
      { pool: { name: "abcdefghijklm" } },
      /^cloud\.pool\.name: expected 1 to 12/,
    ],
    [
      "a registry with a hyphen",
      { registry: { name: "my-registry" } },
      /^cloud\.registry\.name: expected 5 to 50/,
    ],
    [
      "an address that is none",
      { cluster: { authorizedIpRanges: ["300.1.1.1"] } },
      /^cloud\.cluster\.authorizedIpRanges\.0: expected an IPv4/,
    ],
    ["an IPv6 range", { cluster: { authorizedIpRanges: ["2001:db8::/32"] } }, /expected an IPv4/],
    ["a taint without effect", { pool: { taint: ["a=b"] } }, /taint/],
    [
      "autoscaling upside down",
      { pool: { autoscale: { min: 3, max: 1 } } },
      /autoscale: expected min to be at most max/,
    ],
    [
      "ranges of a private cluster",
      { cluster: { privateCluster: true, authorizedIpRanges: ["203.0.113.1"] } },
      /authorizedIpRanges: expected no ranges/,
    ],
    ["workload identity without issuer", { cluster: { workloadIdentity: true } }, /expected oidcIssuer/],
    [
      "a workload without workload identity",
      { workload: {} },
      /^cloud\.workload: expected cluster\.workloadIdentity/,
    ],
    [
      "the quote helper without SGX",
      { confidential: "sev-snp", cluster: { quoteHelper: true } },
      /quoteHelper: expected confidential/,
    ],
    ["two pools of one name", { pool: { name: "nodepool1" } }, /^cloud\.pool\.name: expected another name/],
    ["tags that differ by case only", { tags: { team: "a", Team: "b" } }, /differ by more than their case/],
    ["the tag of ownership", { tags: { "sealflow-deployment": "x" } }, /marks ownership/],
    [
      "another group's registry that is not attached",
      { registry: { resourceGroup: "shared" } },
      /expected attach: true/,
    ],
    ["an endpoint without TLS", { endpoints: { resourceManager: "http://localhost" } }, /expected an https/],
    ["a scope that is none", { endpoints: { scope: "https://management.azure.com" } }, /\/\.default/],
    ["another cloud", { provider: "aws" }, /^cloud\.provider: expected "azure"/],
  ])("with %s is refused", (_, cloud, expected) => {
    expect(findings({ cloud }).join("\n")).toMatch(expected);
  });

  test("is refused with all its findings at once", () => {
    expect(
      findings({ cloud: { location: "X", pool: { count: -1 }, registry: { sku: "Gold" }, extra: 1 } }),
    ).toHaveLength(4);
  });

  test("in YAML names the lines", async () => {
    const text = "cloud:\n  location: eastus\n  pool:\n    count: many\n    vmsize: x\n";
    const error = await parseYamlConfig(text, "sealflow.config.yaml").catch((cause) => cause);
    expect(error.findings.map(({ where }: SealflowError) => [where?.line, where?.path])).toEqual([
      [4, "cloud.pool.count"],
      [4, "cloud.pool"],
    ]);
    await expect(parseYamlConfig("cloud: [", "x.yaml")).rejects.toMatchObject({
      code: "AZURE_CONFIG_INVALID",
      where: { file: "x.yaml" },
    });
    expect((await parseYamlConfig("", "x.yaml")).cloud.location).toBe("eastus");
  });
});

describe("the file that init writes", () => {
  const choices = {
    location: "westeurope",
    resourceGroup: "rg",
    registry: "registry1",
    cluster: "aks",
  } as const;

  test.each(["sgx", "sev-snp", "none"] as const)(
    "is valid for %s, in YAML and in TypeScript, and says the same",
    async (confidential) => {
      const yaml = await parseYamlConfig(
        configTemplate({ ...choices, format: "yaml", confidential }),
        "x.yaml",
      );
      const text = configTemplate({ ...choices, format: "ts", confidential });
      const directory = mkdtempSync(join(tmpdir(), "sealflow-config-"));
      const file = join(directory, "config.mjs");
      writeFileSync(file, text.replace(/^import .*\n/, "const defineConfig = (value) => value;\n"));
      const { default: value } = await import(/* @vite-ignore */ file);
      rmSync(directory, { recursive: true });
      const typescript = parseConfig(value, "x.ts");
      expect(typescript).toEqual(yaml);
      expect(yaml.cloud).toMatchObject({
        location: "westeurope",
        confidential,
        registry: { name: "registry1" },
      });
      expect(yaml.cloud.pool.vmSize).toBe(
        { sgx: "Standard_DC4s_v3", "sev-snp": "Standard_DC4as_v6", none: "Standard_D4_v5" }[confidential],
      );
    },
  );

  test("with every option that it shows switched on is valid too", async () => {
    const text = configTemplate({ ...choices, format: "yaml", confidential: "sgx" }).replace(
      /^( *)# (subscription|kubernetesVersion|authorizedIpRanges|oidcIssuer|workloadIdentity|autoscale|taint|osSku|keyVault|attestation|workload):/gm,
      "$1$2:",
    );
    const { cloud } = await parseYamlConfig(text, "x.yaml");
    expect(cloud.keyVault?.key.name).toBe("sealflow-wrapping");
    expect(cloud.workload?.namespace).toBe("kubeflow");
    expect(cloud.pool).toMatchObject({ taint: true, osSku: "Ubuntu2204" });
  });
});
