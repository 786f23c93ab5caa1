/** The AKS cluster. */
import type { JsonObject } from "@sealflow/core";
import { type MutableJson, setAt } from "../model/path.js";
import type { Property, Resource } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, dnsPrefix, resourceId } from "./ids.js";
import { poolProperties, systemPoolSettings } from "./pool.js";

/** Shown in plans where the key is made when the cluster is. */
export const generatedKey = "(made at apply)";

const atCreation = "AKS sets it when the cluster is made";

/** Path of the cluster. */
export function clusterId({ config, subscription }: DeploymentContext): string {
  return resourceId(
    subscription,
    config.resourceGroup.name,
    "Microsoft.ContainerService/managedClusters",
    config.cluster.name,
  );
}

/** The cluster with its system pool, as the Azure CLI asks for it. */
export function clusterResource(context: DeploymentContext): Resource {
  return {
    address: "cluster",
    kind: "cluster",
    id: clusterId(context),
    apiVersion: apiVersions.clusters,
    dependsOn: ["group"],
    attached: false,
    precious: true,
    replaceable: true,
    etag: "eTag",
    properties: [...identityAndVersion(context), ...network(context), ...addons(context)],
  };
}

function identityAndVersion(context: DeploymentContext): Property[] {
  const { config, subscription } = context;
  const { cluster } = config;
  const replaced = { change: "replace", reason: atCreation } as const;
  const prefix = dnsPrefix(cluster.name, config.resourceGroup.name, subscription);
  return [
    { path: "location", value: config.location, compare: "region", ...replaced },
    { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
    { path: "identity.type", value: "SystemAssigned", compare: "caseless", ...replaced },
    { path: "sku.name", value: "Base", absent: "Base", compare: "caseless", ...replaced },
    { path: "sku.tier", value: cluster.tier, absent: "Free", compare: "caseless" },
    {
      path: "properties.kubernetesVersion",
      value: cluster.kubernetesVersion ?? "",
      absent: "",
      compare: "version",
    },
    { path: "properties.dnsPrefix", value: prefix, compare: "caseless", ...replaced },
    { path: "properties.enableRBAC", value: true, absent: true, ...replaced },
    { path: "properties.disableLocalAccounts", value: false, absent: false },
    ...sshProperties(context),
    { path: "properties.agentPoolProfiles", value: [systemPoolProfile(context)], change: "never" },
    { path: "properties.storageProfile", value: {}, change: "never" },
    { path: "properties.bootstrapProfile", value: { artifactSource: "Direct" }, change: "never" },
  ];
}

/** Later changes of the system pool go to the pool itself; see `poolResource`. */
function systemPoolProfile({ config }: DeploymentContext): JsonObject {
  const pool = systemPoolSettings(config);
  const profile: MutableJson = { name: pool.name };
  for (const { path, value } of poolProperties(pool, config.cluster.kubernetesVersion)) {
    if (value !== undefined) setAt(profile, path, value);
  }
  return profile as JsonObject;
}

function sshProperties({ config, sshPublicKey }: DeploymentContext): Property[] {
  const { ssh } = config.cluster;
  if (ssh === "none") return [];
  const value = {
    adminUsername: ssh.adminUsername,
    ssh: { publicKeys: [{ keyData: ssh.publicKey ?? sshPublicKey ?? generatedKey }] },
  };
  return [{ path: "properties.linuxProfile", value, change: "never" }];
}

function network({ config }: DeploymentContext): Property[] {
  const { authorizedIpRanges, privateCluster } = config.cluster;
  const access = "properties.apiServerAccessProfile";
  const hasAccess = privateCluster || authorizedIpRanges.length > 0;
  return [
    {
      path: "properties.networkProfile.loadBalancerSku",
      value: "standard",
      compare: "caseless",
      change: "replace",
      reason: atCreation,
    },
    {
      path: "properties.networkProfile.outboundType",
      value: "loadBalancer",
      absent: "loadBalancer",
      compare: "caseless",
      change: "replace",
      reason: atCreation,
    },
    {
      path: `${access}.authorizedIPRanges`,
      value: hasAccess ? authorizedIpRanges : undefined,
      absent: [],
      compare: "set",
    },
    {
      path: `${access}.enablePrivateCluster`,
      value: privateCluster || undefined,
      absent: false,
      change: "replace",
      reason: atCreation,
    },
  ];
}

function addons({ config }: DeploymentContext): Property[] {
  const { cluster, confidential } = config;
  const addon = "properties.addonProfiles.ACCSGXDevicePlugin";
  const sgx = confidential === "sgx";
  return [
    ...(sgx ? [] : [{ path: "properties.addonProfiles", value: {}, change: "never" as const }]),
    { path: `${addon}.enabled`, value: sgx || undefined, absent: false },
    {
      path: `${addon}.config.ACCSGXQuoteHelperEnabled`,
      value: sgx ? String(cluster.quoteHelper) : undefined,
      absent: "false",
      compare: "caseless",
    },
    {
      path: "properties.oidcIssuerProfile.enabled",
      value: cluster.oidcIssuer || undefined,
      absent: false,
      ...oneWay(cluster.oidcIssuer),
    },
    {
      path: "properties.securityProfile.workloadIdentity.enabled",
      value: cluster.workloadIdentity || undefined,
      absent: false,
    },
  ];
}

/** An issuer that was switched on stays on: AKS refuses to take it away. */
function oneWay(on: boolean): Partial<Property> {
  return on ? {} : { change: "never" };
}
