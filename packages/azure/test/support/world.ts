/** What the stand-in knows: resources, operations, and how the service rewrites what it is given. */
import { randomUUID } from "node:crypto";

// biome-ignore lint/suspicious/noExplicitAny: the stand-in keeps arbitrary documents
export type Doc = Record<string, any>;

export interface Stored {
  /** As the service answers. */
  doc: Doc;
  /** Reads before this time (ms) do not find it. */
  visibleFrom: number;
}

export interface Running {
  readonly id: string;
  readonly path: string;
  readonly kind: "put" | "delete" | "stop" | "start";
  readonly endsAt: number;
  status: "InProgress" | "Succeeded" | "Failed" | "Canceled";
  error?: { code: string; message: string };
  /** The resource stays this much longer, in ms, than the operation says. */
  lagMs: number;
}

/** A stand-in's state; keys are lower-case paths. */
export class World {
  readonly resources = new Map<string, Stored>();
  readonly operations = new Map<string, Running>();
  readonly deletedVaults = new Set<string>();
  readonly policies = new Map<string, string>();
  version = 1;

  now(): number {
    return performance.now();
  }

  /** Lets everything happen whose time has come. */
  tick(): void {
    const now = this.now();
    for (const operation of this.operations.values()) {
      if (operation.status === "InProgress" && now >= operation.endsAt) this.end(operation);
    }
  }

  private end(operation: Running): void {
    const stored = this.resources.get(operation.path);
    const failed = operation.error !== undefined;
    operation.status = failed ? "Failed" : "Succeeded";
    if (operation.kind === "delete" && !failed) {
      setTimeout(() => this.drop(operation.path), operation.lagMs).unref();
      if (operation.lagMs === 0) this.drop(operation.path);
      return;
    }
    if (stored === undefined) return;
    stored.doc.properties.provisioningState = failed ? "Failed" : "Succeeded";
    if (failed) {
      for (const [, child] of this.below(operation.path)) {
        if (child.doc.properties?.provisioningState === "Creating")
          child.doc.properties.provisioningState = "Failed";
      }
      this.touch(operation.path);
      return;
    }
    if (operation.kind === "stop") stored.doc.properties.powerState = { code: "Stopped" };
    if (operation.kind === "start") stored.doc.properties.powerState = { code: "Running" };
    for (const [path, child] of this.below(operation.path)) {
      if (/^(Creating|Failed)$/.test(child.doc.properties?.provisioningState ?? ""))
        child.doc.properties.provisioningState = "Succeeded";
      if (operation.kind === "stop") child.doc.properties.powerState = { code: "Stopped" };
      this.touch(path);
    }
    this.touch(operation.path);
  }

  drop(path: string): void {
    if (/\/microsoft\.keyvault\/vaults\/[^/]+$/.test(path) && this.resources.has(path))
      this.deletedVaults.add(path.split("/").at(-1) ?? "");
    for (const [below] of this.below(path)) {
      if (/\/vaults\/[^/]+$/.test(below)) this.deletedVaults.add(below.split("/").at(-1) ?? "");
      this.resources.delete(below);
    }
    this.resources.delete(path);
  }

  below(path: string): [string, Stored][] {
    return [...this.resources].filter(([each]) => each.startsWith(`${path}/`));
  }

  find(path: string): Stored | undefined {
    const stored = this.resources.get(path.toLowerCase());
    return stored === undefined || stored.visibleFrom > this.now() ? undefined : stored;
  }

  /** Gives the resource a new etag. */
  touch(path: string): void {
    const stored = this.resources.get(path);
    if (stored === undefined) return;
    this.version += 1;
    if (/\/managedclusters\/[^/]+$/.test(path)) stored.doc.eTag = `etag-${this.version}`;
    if (/\/agentpools\/[^/]+$/.test(path)) stored.doc.properties.eTag = `etag-${this.version}`;
  }

  begin(path: string, kind: Running["kind"], ms: number, lagMs: number, error?: Running["error"]): Running {
    const operation: Running = {
      id: randomUUID(),
      path,
      kind,
      endsAt: this.now() + ms,
      status: "InProgress",
      lagMs,
      ...(error === undefined ? {} : { error }),
    };
    this.operations.set(operation.id, operation);
    return operation;
  }

  /** True while something is done to a cluster itself, or with `pools` to anything in it. */
  busy(clusterPath: string, path: string): boolean {
    return [...this.operations.values()].some(
      (operation) =>
        operation.status === "InProgress" && (operation.path === clusterPath || operation.path === path),
    );
  }
}

/** A cluster's document as the service makes it of a request: more fields, other casing, some dropped. */
export function clusterDocument(
  body: Doc,
  id: string,
  group: string,
  name: string,
  before: Doc | undefined,
): Doc {
  const { agentPoolProfiles: _, ...given } = body.properties;
  const network = { ...given.networkProfile, loadBalancerSku: "Standard" };
  const version = given.kubernetesVersion || before?.properties.currentKubernetesVersion || "1.35.4";
  return {
    id: id.replace("/resourceGroups/", "/resourcegroups/"),
    name,
    type: "Microsoft.ContainerService/ManagedClusters",
    location: body.location,
    ...(body.tags === undefined ? {} : { tags: body.tags }),
    kind: "Base",
    sku: body.sku ?? { name: "Base", tier: "Free" },
    identity: {
      ...body.identity,
      principalId: "33333333-3333-4333-8333-333333333333",
      tenantId: "44444444-4444-4444-8444-444444444444",
    },
    properties: {
      ...before?.properties,
      ...given,
      kubernetesVersion: version,
      currentKubernetesVersion: /^\d+\.\d+$/.test(version) ? `${version}.4` : version,
      powerState: before?.properties.powerState ?? { code: "Running" },
      fqdn: `${given.dnsPrefix}-abcd1234.hcp.${body.location}.azmk8s.io`,
      azurePortalFQDN: `${given.dnsPrefix}-abcd1234.portal.hcp.${body.location}.azmk8s.io`,
      servicePrincipalProfile: { clientId: "msi" },
      nodeResourceGroup: `MC_${group}_${name}_${body.location}`,
      maxAgentPools: 100,
      supportPlan: "KubernetesOfficial",
      resourceUID: "6600000000000000000001",
      windowsProfile: { adminUsername: "azureuser", enableCSIProxy: true },
      metricsProfile: { costAnalysis: { enabled: false } },
      nodeProvisioningProfile: { mode: "Manual" },
      networkProfile: {
        networkPlugin: "azure",
        networkPluginMode: "overlay",
        networkDataplane: "azure",
        podCidr: "10.244.0.0/16",
        serviceCidr: "10.0.0.0/16",
        dnsServiceIP: "10.0.0.10",
        podCidrs: ["10.244.0.0/16"],
        serviceCidrs: ["10.0.0.0/16"],
        ipFamilies: ["IPv4"],
        ...network,
        loadBalancerProfile: {
          managedOutboundIPs: { count: 1 },
          effectiveOutboundIPs: [
            { id: "/subscriptions/x/resourceGroups/MC/providers/Microsoft.Network/publicIPAddresses/one" },
          ],
          backendPoolType: "NodeIPConfiguration",
        },
      },
      storageProfile: {
        diskCSIDriver: { enabled: true },
        fileCSIDriver: { enabled: true },
        snapshotController: { enabled: true },
      },
      securityProfile: { ...given.securityProfile },
      oidcIssuerProfile: given.oidcIssuerProfile?.enabled
        ? { enabled: true, issuerURL: "https://eastus.oic.prod-aks.azure.com/44444444/6600/" }
        : { enabled: false },
      identityProfile: {
        kubeletidentity: {
          resourceId: `/subscriptions/s/resourcegroups/MC_${group}/providers/Microsoft.ManagedIdentity/userAssignedIdentities/${name}-agentpool`,
          clientId: "11111111-1111-4111-8111-111111111111",
          objectId: "22222222-2222-4222-8222-222222222222",
        },
      },
    },
  };
}

/** A pool's properties as the service makes them. */
export function poolProperties(given: Doc, before: Doc | undefined): Doc {
  const {
    scaleSetPriority: _priority,
    scaleSetEvictionPolicy: _eviction,
    spotMaxPrice: _price,
    nodeTaints,
    ...kept
  } = given;
  return {
    ...kept,
    ...(nodeTaints?.length > 0 ? { nodeTaints } : {}),
    osDiskSizeGB: given.osDiskSizeGB || 128,
    osDiskType: before?.osDiskType ?? "Managed",
    kubeletDiskType: "OS",
    maxPods: given.maxPods ?? 250,
    osSKU: given.osSKU ?? "Ubuntu",
    nodeImageVersion: "AKSUbuntu-2204gen2containerd-202610.15.0",
    powerState: { code: "Running" },
    orchestratorVersion: given.orchestratorVersion || "1.35.4",
    currentOrchestratorVersion: "1.35.4",
    upgradeSettings: { maxSurge: "10%", ...given.upgradeSettings },
    securityProfile: { enableVTPM: false, enableSecureBoot: false },
  };
}

/** Properties that the service refuses to change. */
export const immutable = {
  pool: [
    "vmSize",
    "osType",
    "type",
    "osDiskSizeGB",
    "maxPods",
    "enableFIPS",
    "enableUltraSSD",
    "enableEncryptionAtHost",
    "enableNodePublicIP",
    "availabilityZones",
  ],
  cluster: ["dnsPrefix", "enableRBAC", "nodeResourceGroup", "linuxProfile"],
} as const;
