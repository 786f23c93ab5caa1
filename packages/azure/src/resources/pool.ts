/** Node pools: the system pool and the pool for confidential work. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import { type CloudConfig, confidentialPoolName, systemPoolName } from "../config/schema.js";
import { type Property, poolTag, type Resource } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions } from "./ids.js";

/** A pool with all that was left open decided. */
export interface PoolSettings {
  readonly name: string;
  readonly mode: "System" | "User";
  readonly vmSize: string;
  readonly count: number;
  readonly autoscale: { readonly min: number; readonly max: number } | undefined;
  readonly labels: Readonly<Record<string, string>>;
  readonly taints: readonly string[];
  readonly osSku: string | undefined;
  readonly osDiskSizeGb: number | undefined;
  readonly maxPods: number | undefined;
  readonly zones: readonly string[] | undefined;
}

/** Sizes that the reference architecture (SGX), its successor without SGX, and plain trying out use. */
const confidentialSizes = {
  sgx: "Standard_DC4s_v3",
  "sev-snp": "Standard_DC4as_v6",
  none: "Standard_D4_v5",
} as const;

const confidentialLabels: Readonly<Record<CloudConfig["confidential"], Readonly<Record<string, string>>>> = {
  sgx: { intelvm: "sgx" },
  "sev-snp": { "sealflow/tee": "sev-snp" },
  none: { "sealflow/tee": "none" },
};

const defaultTaint = "confidential=true:NoSchedule";

/** The system pool of a configuration. */
export function systemPoolSettings(config: CloudConfig): PoolSettings {
  const pool = config.cluster.systemPool;
  return {
    ...common(pool, 1),
    name: systemPoolName(config),
    mode: "System",
    vmSize: pool.vmSize ?? "Standard_D4_v5",
    labels: pool.labels ?? {},
    taints: [],
  };
}

/** The pool for confidential work of a configuration. */
export function confidentialPoolSettings(config: CloudConfig): PoolSettings {
  const { pool, confidential } = config;
  const taints = pool.taint === true ? [defaultTaint] : pool.taint || [];
  return {
    ...common(pool, 2),
    name: confidentialPoolName(config),
    mode: "User",
    vmSize: pool.vmSize ?? confidentialSizes[confidential],
    labels: pool.labels ?? confidentialLabels[confidential],
    taints,
  };
}

function common(pool: CloudConfig["cluster"]["systemPool"], defaultCount: number) {
  const { autoscale, osSku, osDiskSizeGb, maxPods, zones } = pool;
  const floor = autoscale === undefined ? 0 : autoscale.min;
  const count = Math.max(
    floor,
    Math.min(pool.count ?? defaultCount, autoscale?.max ?? Number.POSITIVE_INFINITY),
  );
  return { count, autoscale, osSku, osDiskSizeGb, maxPods, zones };
}

const fixed = "AKS sets it when the pool is made; a changed value needs new nodes";

/**
 * Properties of a pool relative to its own object. Fields that AKS refuses to change are replaced by rotation; the list
 * is the one that Terraform's azurerm provider rotates for.
 */
export function poolProperties(pool: PoolSettings, kubernetesVersion: string | undefined): Property[] {
  const { autoscale } = pool;
  const replaced = { change: "replace", reason: fixed } as const;
  return [
    { path: "vmSize", value: pool.vmSize, compare: "caseless", ...replaced },
    { path: "osType", value: "Linux", absent: "Linux", compare: "caseless", ...replaced },
    // With autoscaling the autoscaler owns the count.
    { path: "count", value: pool.count, ...(autoscale === undefined ? {} : { change: "never" as const }) },
    { path: "mode", value: pool.mode, compare: "caseless" },
    {
      path: "type",
      value: "VirtualMachineScaleSets",
      absent: "VirtualMachineScaleSets",
      compare: "caseless",
      ...replaced,
    },
    { path: "nodeLabels", value: orAbsent(pool.labels), absent: {}, compare: "labels" },
    { path: "nodeTaints", value: [...pool.taints], absent: [], compare: "set" },
    { path: "upgradeSettings", value: upgradeSettings(pool.mode), change: "never" },
    { path: "scaleSetPriority", value: "Regular", absent: "Regular", compare: "caseless", ...replaced },
    { path: "enableAutoScaling", value: autoscale !== undefined, absent: false },
    { path: "minCount", value: autoscale?.min },
    { path: "maxCount", value: autoscale?.max },
    { path: "enableNodePublicIP", value: false, absent: false, ...replaced },
    { path: "enableEncryptionAtHost", value: false, absent: false, ...replaced },
    { path: "enableUltraSSD", value: false, absent: false, ...replaced },
    { path: "enableFIPS", value: false, absent: false, ...replaced },
    ...(pool.mode === "User"
      ? [{ path: "scaleDownMode", value: "Delete", absent: "Delete", compare: "caseless" as const }]
      : []),
    ...versionProperty(pool, kubernetesVersion),
    ...optional("osSKU", pool.osSku, { compare: "caseless" }),
    ...optional("osDiskSizeGB", pool.osDiskSizeGb, replaced),
    ...optional("maxPods", pool.maxPods, replaced),
    ...optional("availabilityZones", pool.zones && [...pool.zones], { compare: "set", ...replaced }),
  ];
}

/** What the Azure CLI sends; the service fills in the rest and upgrades change it. */
function upgradeSettings(mode: PoolSettings["mode"]): JsonObject {
  return mode === "User" ? { undrainableNodeBehavior: "Schedule" } : {};
}

function versionProperty({ mode }: PoolSettings, version: string | undefined): Property[] {
  if (version === undefined && mode === "User") return [];
  return [{ path: "orchestratorVersion", value: version ?? "", absent: "", compare: "version" }];
}

/** What is left out of the configuration is the service's choice: then any live value is right. */
function optional(path: string, value: JsonValue | undefined, rest: Partial<Property>): Property[] {
  return value === undefined ? [] : [{ path, value, ...rest }];
}

function orAbsent(labels: Readonly<Record<string, string>>): JsonObject | undefined {
  return Object.keys(labels).length === 0 ? undefined : labels;
}

/** A pool as a resource under its cluster. */
export function poolResource(context: DeploymentContext, pool: PoolSettings, clusterId: string): Resource {
  const { config } = context;
  const inner = poolProperties(pool, config.cluster.kubernetesVersion);
  return {
    address: `pool/${pool.name}`,
    kind: "pool",
    id: `${clusterId}/agentPools/${pool.name}`,
    apiVersion: apiVersions.clusters,
    dependsOn: ["cluster"],
    attached: false,
    precious: false,
    replaceable: true,
    etag: "properties.eTag",
    ...(pool.mode === "System" ? { madeWith: "cluster" } : {}),
    properties: [
      ...inner.map((property) => ({ ...property, path: `properties.${property.path}` })),
      ...poolTags(config, pool),
    ],
  };
}

/** The system pool is made with the cluster and belongs to it; its first body carries no tags. */
function poolTags(config: CloudConfig, pool: PoolSettings): Property[] {
  const tags = { ...tagsOf(config), [poolTag]: pool.name };
  return pool.mode === "System"
    ? []
    : [{ path: "properties.tags", value: tags, absent: {}, compare: "include" }];
}
