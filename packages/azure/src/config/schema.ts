/** What a configuration may say about the cloud, with defaults of the reference architecture. */
import { z } from "zod";

const name = (pattern: RegExp, rule: string) => z.string().regex(pattern, `expected ${rule}`);
const resourceGroupName = name(
  /^[\p{L}\p{N}_\-.()]{0,89}[\p{L}\p{N}_\-()]$/u,
  "1 to 90 letters, digits, _ - . ( ), not ending in a dot",
);
const poolName = name(
  /^[a-z][a-z0-9]{0,11}$/,
  "1 to 12 lower-case letters and digits, starting with a letter (AKS, Linux node pools)",
);
const vmSize = name(/^Standard_[A-Za-z0-9_-]+$/, "a size such as Standard_DC4s_v3");
const https = z.string().regex(/^https:\/\/[^\s/]+(\/\S*)?$/, "expected an https:// address");
const uuid = name(/^[0-9a-fA-F]{8}(-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}$/, "a UUID");
const region = name(/^[a-z][a-z0-9]+$/, "a region in lower case without spaces, such as eastus");
const count = z.int().min(0).max(1000);

const labels = z.record(
  name(
    /^([a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?\/)?[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?$/,
    "a Kubernetes label key",
  ),
  name(/^([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?$/, "a Kubernetes label value"),
);
const taint = name(
  /^[^\s=:]+(=[^\s=:]*)?:(NoSchedule|PreferNoSchedule|NoExecute)$/,
  "KEY=VALUE:EFFECT with NoSchedule, PreferNoSchedule or NoExecute",
);
const tags = z.record(
  name(/^[^<>%&\\?/]{1,512}$/, "a tag name without < > % & \\ ? /"),
  z.string().max(256, "expected at most 256 characters"),
);
/** IPv4 address or CIDR range; the API server takes no IPv6 here. */
const ipRange = name(
  /^((25[0-5]|2[0-4]\d|1?\d?\d)\.){3}(25[0-5]|2[0-4]\d|1?\d?\d)(\/(3[0-2]|[12]?\d))?$/,
  "an IPv4 address or range such as 203.0.113.0/24",
);

const autoscale = z
  .strictObject({ min: count, max: z.int().min(1).max(1000) })
  .refine(({ min, max }) => min <= max, "expected min to be at most max");

const poolFields = {
  name: poolName.optional(),
  vmSize: vmSize.optional(),
  count: count.optional(),
  autoscale: autoscale.optional(),
  labels: labels.optional(),
  osSku: z.enum(["Ubuntu", "Ubuntu2204", "Ubuntu2404", "AzureLinux"]).optional(),
  osDiskSizeGb: z.int().min(30).max(2048).optional(),
  maxPods: z.int().min(10).max(250).optional(),
  zones: z.array(z.enum(["1", "2", "3"])).optional(),
};

const systemPool = z.strictObject(poolFields);
const confidentialPool = z.strictObject({
  ...poolFields,
  /** `true` is `confidential=true:NoSchedule`; a list is taken as it is. */
  taint: z.union([z.boolean(), z.array(taint)]).optional(),
});

const ssh = z.union([
  z.literal("none"),
  z.strictObject({
    adminUsername: name(/^[A-Za-z][-A-Za-z0-9_]*$/, "a Linux user name").default("azureuser"),
    publicKey: name(/^ssh-(rsa|ed25519) \S+/, "a public key in OpenSSH form").optional(),
    publicKeyFile: z.string().optional(),
  }),
]);

const cluster = z.strictObject({
  name: name(
    /^[A-Za-z0-9]([A-Za-z0-9_-]{0,61}[A-Za-z0-9])?$/,
    "1 to 63 letters, digits, _ -, beginning and ending with a letter or digit",
  ).default("intel-aks"),
  /** Empty: what AKS picks for the region. */
  kubernetesVersion: name(/^\d+\.\d+(\.\d+)?$/, "a version such as 1.35 or 1.35.2").optional(),
  tier: z.enum(["Free", "Standard", "Premium"]).default("Free"),
  ssh: ssh.default({ adminUsername: "azureuser" }),
  authorizedIpRanges: z.array(ipRange).max(200, "expected at most 200 ranges").default([]),
  privateCluster: z.boolean().default(false),
  oidcIssuer: z.boolean().default(false),
  workloadIdentity: z.boolean().default(false),
  /** SGX only: Intel's quote helper as a DaemonSet, for enclaves that quote out of process. */
  quoteHelper: z.boolean().default(false),
  systemPool: systemPool.prefault({}),
});

const registry = z.strictObject({
  name: name(/^[A-Za-z0-9]{5,50}$/, "5 to 50 letters and digits").optional(),
  sku: z.enum(["Basic", "Standard", "Premium"]).default("Standard"),
  attach: z.boolean().default(false),
  resourceGroup: resourceGroupName.optional(),
  subscription: uuid.optional(),
});

const keyVault = z.strictObject({
  name: name(
    /^[A-Za-z](?!.*--)[A-Za-z0-9-]{1,22}[A-Za-z0-9]$/,
    "3 to 24 letters, digits and single hyphens, beginning with a letter",
  ),
  sku: z.enum(["standard", "premium"]).default("standard"),
  purgeProtection: z.boolean().default(true),
  key: z
    .strictObject({
      name: name(/^[A-Za-z0-9-]{1,127}$/, "1 to 127 letters, digits and hyphens").default(
        "sealflow-wrapping",
      ),
      size: z.union([z.literal(2048), z.literal(3072), z.literal(4096)]).default(3072),
    })
    .prefault({}),
});

const attestation = z.strictObject({
  name: name(/^[A-Za-z0-9-]{3,24}$/, "3 to 24 letters, digits and hyphens"),
  tee: z.enum(["SgxEnclave", "SevSnpVm"]).default("SgxEnclave"),
  /** Text of an attestation policy (MAA policy language), or nothing for the service's default. */
  policy: z.string().min(1).optional(),
  policyFile: z.string().min(1).optional(),
});

const workload = z.strictObject({
  name: name(/^[A-Za-z0-9][A-Za-z0-9_-]{2,127}$/, "3 to 128 letters, digits, _ -").default("sealflow-tasks"),
  namespace: name(/^[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$/, "a Kubernetes namespace").default("kubeflow"),
  serviceAccount: name(/^[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?$/, "a Kubernetes service account").default(
    "pipeline-runner",
  ),
});

const endpoints = z.strictObject({
  resourceManager: https.optional(),
  authority: https.optional(),
  /** OAuth scope of the resource manager. Default: of the named cloud, else the endpoint with `/.default`. */
  scope: z
    .string()
    .regex(/\/\.default$/, "expected a scope that ends in /.default")
    .optional(),
  attestationScope: z
    .string()
    .regex(/\/\.default$/, "expected a scope that ends in /.default")
    .optional(),
  prices: https.optional(),
});

/** The section `cloud` of a configuration. */
export const cloudSchema = z
  .strictObject({
    provider: z.literal("azure").default("azure"),
    /** Value of the ownership tag. Default: the resource group's name. */
    name: name(/^[A-Za-z0-9][A-Za-z0-9._-]{0,89}$/, "1 to 90 letters, digits, . _ -").optional(),
    subscription: uuid.optional(),
    tenant: z.string().min(1).optional(),
    environment: z.enum(["AzureCloud", "AzureUSGovernment", "AzureChinaCloud"]).default("AzureCloud"),
    login: z
      .enum(["auto", "azure-cli", "environment", "workload-identity", "managed-identity", "device-code"])
      .default("auto"),
    /** `true` skips Microsoft's directory of sign-in hosts; needed where the authority is no public one. Default: decided by the authority. */
    disableInstanceDiscovery: z.boolean().optional(),
    endpoints: endpoints.prefault({}),
    location: region.default("eastus"),
    confidential: z.enum(["sgx", "sev-snp", "none"]).default("sgx"),
    resourceGroup: z
      .strictObject({
        name: resourceGroupName.default("intel-aks-kubeflow"),
        attach: z.boolean().default(false),
      })
      .prefault({}),
    registry: registry.prefault({}),
    cluster: cluster.prefault({}),
    pool: confidentialPool.prefault({}),
    keyVault: keyVault.optional(),
    attestation: attestation.optional(),
    workload: workload.optional(),
    tags: tags.default({}),
    /** Refuses destroy until it is false. */
    protect: z.boolean().default(false),
  })
  .check((context) => {
    for (const [path, message] of contradictions(context.value)) {
      context.issues.push({ code: "custom", message, path: [...path], input: context.value });
    }
  });

/** The whole configuration file. */
export const configSchema: z.ZodType<SealflowConfig, SealflowConfigInput> = z.strictObject({
  cloud: cloudSchema.prefault({}),
});

/** The section `cloud` with all defaults in place. */
export type CloudConfig = z.output<typeof cloudSchema>;
/** What may be written under `cloud`. */
export type CloudConfigInput = z.input<typeof cloudSchema>;

/** A configuration as read. */
export interface SealflowConfig {
  readonly cloud: CloudConfig;
}

/** What `defineConfig` takes. */
export interface SealflowConfigInput {
  readonly cloud?: CloudConfigInput | undefined;
}

type Contradiction = readonly [path: readonly string[], message: string];

/** What no single field shows: settings that exclude or need each other. */
function contradictions(config: CloudConfig): Contradiction[] {
  const { cluster: aks, workload: tasks } = config;
  const found: Contradiction[] = [];
  if (aks.privateCluster && aks.authorizedIpRanges.length > 0)
    found.push([
      ["cluster", "authorizedIpRanges"],
      "expected no ranges with privateCluster: a private API server has no public address",
    ]);
  if (aks.workloadIdentity && !aks.oidcIssuer)
    found.push([["cluster", "workloadIdentity"], "expected oidcIssuer: true, which workload identity needs"]);
  if (tasks !== undefined && !aks.workloadIdentity)
    found.push([["workload"], "expected cluster.workloadIdentity: true, which a workload's identity needs"]);
  if (aks.quoteHelper && config.confidential !== "sgx")
    found.push([
      ["cluster", "quoteHelper"],
      'expected confidential: "sgx": the quote helper belongs to the SGX add-on',
    ]);
  if (config.registry.resourceGroup !== undefined && !config.registry.attach)
    found.push([["registry", "resourceGroup"], "expected attach: true for a registry of another group"]);
  if (config.registry.subscription !== undefined && !config.registry.attach)
    found.push([
      ["registry", "subscription"],
      "expected attach: true for a registry of another subscription",
    ]);
  if (config.attestation?.policy !== undefined && config.attestation.policyFile !== undefined)
    found.push([["attestation", "policyFile"], "expected policy or policyFile, not both"]);
  if (config.attestation !== undefined && config.confidential === "none")
    found.push([["attestation"], "expected a confidential pool, whose evidence the provider would judge"]);
  found.push(...tagContradictions(config));
  if (systemPoolName(config) === confidentialPoolName(config))
    found.push([["pool", "name"], "expected another name than the system pool's"]);
  return found;
}

/** Azure knows tags without regard to case; two of them mark what is ours. */
function tagContradictions({ tags }: CloudConfig): Contradiction[] {
  const names = Object.keys(tags);
  const lower = names.map((tag) => tag.toLowerCase());
  return names.flatMap((tag, index): Contradiction[] => {
    if (/^sealflow-(deployment|pool)$/i.test(tag))
      return [[["tags", tag], "expected another name: this one marks ownership"]];
    if (lower.indexOf(tag.toLowerCase()) === index) return [];
    return [[["tags", tag], "expected names that differ by more than their case"]];
  });
}

const poolNames = { sgx: "intelsgx", "sev-snp": "sevsnp", none: "work" } as const;

/** Name of the system pool: `nodepool1` unless given, as the Azure CLI has it. */
export function systemPoolName(config: CloudConfig): string {
  return config.cluster.systemPool.name ?? "nodepool1";
}

/** Name of the pool for enclaves, confidential machines or plain work. */
export function confidentialPoolName(config: CloudConfig): string {
  return config.pool.name ?? poolNames[config.confidential];
}

/** The value of the ownership tag. */
export function deploymentName(config: CloudConfig): string {
  return config.name ?? config.resourceGroup.name;
}

/** Name of the registry: the group's name without what registries don't take, unless given. */
export function registryName(config: CloudConfig): string {
  return (
    config.registry.name ??
    config.resourceGroup.name
      .replace(/[^A-Za-z0-9]/g, "")
      .slice(0, 50)
      .padEnd(5, "0")
  );
}
