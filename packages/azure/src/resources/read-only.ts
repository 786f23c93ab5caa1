/**
 * Properties that only the service writes, and that requests leave out. Source: Bicep's type index of
 * Microsoft.ContainerService 2026-05-01 and Microsoft.ContainerRegistry 2025-11-01, flag "ReadOnly"; a test compares.
 */
import type { ResourceKind } from "../model/resource.js";

const everywhere = ["id", "name", "type", "apiVersion", "systemData", "etag", "properties.provisioningState"];

const own: Readonly<Partial<Record<ResourceKind, readonly string[]>>> = {
  cluster: [
    "identity.principalId",
    "identity.tenantId",
    "properties.powerState",
    "properties.maxAgentPools",
    "properties.currentKubernetesVersion",
    "properties.fqdn",
    "properties.privateFQDN",
    "properties.azurePortalFQDN",
    "properties.resourceUID",
    "properties.status",
    "properties.agentPoolProfiles[].eTag",
    "properties.agentPoolProfiles[].currentOrchestratorVersion",
    "properties.agentPoolProfiles[].provisioningState",
    "properties.agentPoolProfiles[].status",
    "properties.agentPoolProfiles[].localDNSProfile.state",
    "properties.podIdentityProfile.userAssignedIdentities[].provisioningState",
    "properties.podIdentityProfile.userAssignedIdentities[].provisioningInfo",
    "properties.oidcIssuerProfile.issuerURL",
    "properties.networkProfile.loadBalancerProfile.effectiveOutboundIPs",
    "properties.networkProfile.natGatewayProfile.effectiveOutboundIPs",
    "properties.privateLinkResources[].privateLinkServiceID",
    "properties.ingressProfile.webAppRouting.identity",
  ],
  pool: [
    "properties.eTag",
    "properties.currentOrchestratorVersion",
    "properties.status",
    "properties.localDNSProfile.state",
  ],
  registry: [
    "properties.creationDate",
    "properties.loginServer",
    "properties.status",
    "properties.privateEndpointConnections",
    "properties.dataEndpointHostNames",
    "properties.policies.retentionPolicy.lastUpdatedTime",
    "properties.encryption.keyVaultProperties.versionedKeyIdentifier",
    "properties.encryption.keyVaultProperties.keyRotationEnabled",
    "properties.encryption.keyVaultProperties.lastKeyRotationTimestamp",
    "identity.principalId",
    "identity.tenantId",
    "sku.tier",
  ],
  vault: ["properties.hsmPoolResourceId", "properties.privateEndpointConnections"],
};

/** Dotted paths, with `[]` after lists whose members are meant. */
export function readOnlyPaths(kind: ResourceKind): readonly string[] {
  return [...everywhere, ...(own[kind] ?? [])];
}
