/** What `sealflow cloud init` writes. */

/** What is filled in. */
export interface TemplateChoices {
  readonly format: "ts" | "yaml";
  readonly location: string;
  readonly confidential: "sgx" | "sev-snp" | "none";
  readonly resourceGroup: string;
  readonly registry: string;
  readonly cluster: string;
  readonly subscription?: string | undefined;
}

/** A commented configuration with the reference architecture's defaults. */
export function configTemplate(choices: TemplateChoices): string {
  return choices.format === "ts" ? typescript(choices) : yaml(choices);
}

function typescript(c: TemplateChoices): string {
  const subscription = c.subscription ?? "00000000-0000-0000-0000-000000000000";
  const off = c.subscription === undefined ? "// " : "";
  return `import { defineConfig } from "@sealflow/azure";

export default defineConfig({
  cloud: {
    // Left out: AZURE_SUBSCRIPTION_ID, else the Azure CLI's default subscription.
    ${off}subscription: "${subscription}",
    location: "${c.location}",
    // "sgx": enclaves; "sev-snp": confidential machines, for subscriptions to which SGX sizes are closed (node-level;
    // its evidence is not yet verified, sealed keys are not released to it); "none": for trying things out.
    confidential: "${c.confidential}",
    // attach: true uses a group or registry that exists, and never changes or deletes it.
    resourceGroup: { name: "${c.resourceGroup}", attach: false },
    // The name has to be unique in all of Azure.
    registry: { name: "${c.registry}", sku: "Standard", attach: false },
    cluster: {
      name: "${c.cluster}",
      // kubernetesVersion: "1.35", // left out: what AKS picks for the region
      tier: "Free", // "Standard" for an uptime agreement
      systemPool: { name: "nodepool1", vmSize: "Standard_D4_v5", count: 1 },
      quoteHelper: false, // SGX: Intel's quote helper, for enclaves that quote out of process
      // authorizedIpRanges: ["203.0.113.0/24"], // who may reach the API server; everybody when left out
      // privateCluster: true, // no public address of the API server at all; fixed when the cluster is made
      // oidcIssuer: true, workloadIdentity: true, // tasks sign in to Azure by their service account
    },
    pool: {
${poolLines(c.confidential)
  .map((line) => `      ${line}`)
  .join("\n")}
      // autoscale: { min: 0, max: 4 }, // instead of a fixed count
      // taint: true, // only pods that tolerate confidential=true:NoSchedule land there
      // osSku: "Ubuntu2204", // SGX on the newer Ubuntu is not confirmed
    },
    // keyVault: { name: "GLOBALLY-UNIQUE", key: { name: "sealflow-wrapping" } }, // wraps data keys
    // attestation: { name: "GLOBALLYUNIQUE", policyFile: "maa-policy.txt" }, // a provider of your own
    // workload: { namespace: "kubeflow", serviceAccount: "pipeline-runner" }, // whom the vault's key is for
    tags: {},
    protect: false, // true: destroy refuses
  },
});
`;
}

function poolLines(confidential: TemplateChoices["confidential"]): string[] {
  const pools = {
    sgx: ['name: "intelsgx",', 'vmSize: "Standard_DC4s_v3",', "count: 2,", 'labels: { intelvm: "sgx" },'],
    "sev-snp": [
      'name: "sevsnp",',
      'vmSize: "Standard_DC4as_v6",',
      "count: 2,",
      'labels: { "sealflow/tee": "sev-snp" },',
    ],
    none: ['name: "work",', 'vmSize: "Standard_D4_v5",', "count: 2,", 'labels: { "sealflow/tee": "none" },'],
  } as const;
  return [...pools[confidential]];
}

function yaml(c: TemplateChoices): string {
  const pool = poolLines(c.confidential).map((line) => `    ${yamlOf(line)}`);
  return `# Configuration of sealflow cloud.
cloud:
  # Left out: AZURE_SUBSCRIPTION_ID, else the Azure CLI's default subscription.
  ${c.subscription === undefined ? "# " : ""}subscription: ${c.subscription ?? "00000000-0000-0000-0000-000000000000"}
  location: ${c.location}
  # sgx: enclaves; sev-snp: confidential machines, for subscriptions to which SGX sizes are closed (node-level; its
  # evidence is not yet verified, sealed keys are not released to it); none: for trying things out.
  confidential: ${c.confidential}
  # attach: true uses a group or registry that exists, and never changes or deletes it.
  resourceGroup: { name: ${c.resourceGroup}, attach: false }
  # The name has to be unique in all of Azure.
  registry: { name: ${c.registry}, sku: Standard, attach: false }
  cluster:
    name: ${c.cluster}
    # kubernetesVersion: "1.35"   # left out: what AKS picks for the region
    tier: Free   # Standard for an uptime agreement
    systemPool: { name: nodepool1, vmSize: Standard_D4_v5, count: 1 }
    quoteHelper: false   # SGX: Intel's quote helper, for enclaves that quote out of process
    # authorizedIpRanges: [203.0.113.0/24]   # who may reach the API server; everybody when left out
    # privateCluster: true   # no public address of the API server at all; fixed when the cluster is made
    # oidcIssuer: true   # with workloadIdentity: tasks sign in to Azure by their service account
    # workloadIdentity: true
  pool:
${pool.join("\n")}
    # autoscale: { min: 0, max: 4 }   # instead of a fixed count
    # taint: true   # only pods that tolerate confidential=true:NoSchedule land there
    # osSku: Ubuntu2204   # SGX on the newer Ubuntu is not confirmed
  # keyVault: { name: GLOBALLY-UNIQUE, key: { name: sealflow-wrapping } }   # wraps data keys
  # attestation: { name: GLOBALLYUNIQUE, policyFile: maa-policy.txt }   # a provider of your own
  # workload: { namespace: kubeflow, serviceAccount: pipeline-runner }   # whom the vault's key is for
  tags: {}
  protect: false   # true: destroy refuses
`;
}

/** `name: "x",` as YAML. */
function yamlOf(line: string): string {
  return line
    .replace(/,$/, "")
    .replace(/"([a-zA-Z][\w-]*)"(?!:)/g, "$1")
    .replace(/"(sealflow\/tee)"/, "$1");
}
