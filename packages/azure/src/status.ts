/** How the deployment is. */
import type { JsonObject } from "@sealflow/core";
import type { PendingOperation } from "./apply/journal.js";
import { deploymentName } from "./config/schema.js";
import { textAt, valueAt } from "./model/path.js";
import type { Resource, ResourceKind } from "./model/resource.js";
import type { LiveState } from "./plan/live.js";
import { isStopped } from "./plan/make.js";
import { matchPool, poolNameOf } from "./plan/pools.js";
import type { DeploymentContext } from "./resources/context.js";

/** One resource as it is. */
export interface ResourceStatus {
  readonly address: string;
  readonly kind: ResourceKind;
  readonly id: string;
  /** `Missing`, else the service's provisioning state. */
  readonly state: string;
  /** What is worth knowing, for example the version or the number of nodes. */
  readonly details: Readonly<Record<string, string | number>>;
}

/** The whole deployment as it is. */
export interface StatusReport {
  readonly deployment: string;
  readonly subscription: string;
  readonly confidential: "sgx" | "sev-snp" | "none";
  readonly stopped: boolean;
  readonly resources: readonly ResourceStatus[];
  /** Operations that an interrupted apply left in flight. */
  readonly inFlight: readonly { readonly address: string; readonly method: string; readonly since: number }[];
}

/** Makes a report of what was read. */
export function statusOf(
  { config, subscription }: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
  pending: readonly PendingOperation[],
): StatusReport {
  return {
    deployment: deploymentName(config),
    subscription,
    confidential: config.confidential,
    stopped: isStopped(live.found.get("cluster")),
    resources: resources.map((resource) => resourceStatus(resource, live)),
    inFlight: pending.map(({ step, operation, time }) => ({
      address: step.split("#")[0] ?? step,
      method: operation.method,
      since: time,
    })),
  };
}

function resourceStatus(resource: Resource, live: LiveState): ResourceStatus {
  const { address, kind, id } = resource;
  const pool = kind === "pool" ? matchPool(resource, live.pools) : undefined;
  const found = pool === undefined ? live.found.get(address) : (pool.current ?? pool.surplus[0]);
  if (found === undefined) return { address, kind, id, state: "Missing", details: {} };
  const state = textAt(found, "properties.provisioningState") ?? "Succeeded";
  return { address, kind, id: textAt(found, "id") ?? id, state, details: details(kind, found) };
}

const shown: Readonly<Partial<Record<ResourceKind, Readonly<Record<string, string>>>>> = {
  group: { location: "location" },
  registry: { server: "properties.loginServer", sku: "sku.name" },
  cluster: {
    version: "properties.currentKubernetesVersion",
    power: "properties.powerState.code",
    server: "properties.fqdn",
    tier: "sku.tier",
  },
  pool: {
    size: "properties.vmSize",
    nodes: "properties.count",
    version: "properties.currentOrchestratorVersion",
    image: "properties.nodeImageVersion",
  },
  vault: { address: "properties.vaultUri" },
  attestation: { address: "properties.attestUri" },
  identity: { clientId: "properties.clientId" },
};

function details(kind: ResourceKind, found: JsonObject): Record<string, string | number> {
  const entries = Object.entries(shown[kind] ?? {}).flatMap(([name, path]) => {
    const value = valueAt(found, path);
    return typeof value === "string" || typeof value === "number" ? [[name, value] as const] : [];
  });
  const name = kind === "pool" ? [["name", poolNameOf(found)] as const] : [];
  return Object.fromEntries([...name, ...entries]);
}
