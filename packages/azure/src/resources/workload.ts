/** An identity that tasks take on by their Kubernetes service account, when the configuration asks for one. */
import { type Resource, referenceTo } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, resourceId, roleDefinitionId, roles } from "./ids.js";
import { roleResource } from "./registry.js";
import { vaultId } from "./vault.js";

/** What Microsoft Entra expects as the audience of exchanged tokens. */
const exchangeAudience = "api://AzureADTokenExchange";

/** Identity, its trust in the cluster's service account, and its leave to use the wrapping key. */
export function workloadResources(context: DeploymentContext): Resource[] {
  const { config, subscription } = context;
  const settings = config.workload;
  if (settings === undefined) return [];
  const type = "Microsoft.ManagedIdentity/userAssignedIdentities";
  const id = resourceId(subscription, config.resourceGroup.name, type, settings.name);
  const shared = {
    apiVersion: apiVersions.identities,
    attached: false,
    precious: false,
    replaceable: true,
  } as const;
  const identity: Resource = {
    ...shared,
    address: "identity",
    kind: "identity",
    id,
    dependsOn: ["group"],
    properties: [
      {
        path: "location",
        value: config.location,
        compare: "region",
        change: "replace",
        reason: "an identity can't move",
      },
      { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
    ],
  };
  const federation: Resource = {
    ...shared,
    address: "federation",
    kind: "federation",
    id: `${id}/federatedIdentityCredentials/${settings.namespace}-${settings.serviceAccount}`,
    dependsOn: ["identity", "cluster"],
    properties: [
      { path: "properties.issuer", value: referenceTo("cluster", "properties.oidcIssuerProfile.issuerURL") },
      {
        path: "properties.subject",
        value: `system:serviceaccount:${settings.namespace}:${settings.serviceAccount}`,
      },
      { path: "properties.audiences", value: [exchangeAudience], compare: "set" },
    ],
  };
  return [identity, federation, ...keyRole(context)];
}

function keyRole(context: DeploymentContext): Resource[] {
  const vault = context.config.keyVault;
  if (vault === undefined) return [];
  const role = {
    scope: `${vaultId(context, vault.name)}/keys/${vault.key.name}`,
    roleDefinitionId: roleDefinitionId(context.subscription, roles.keyVaultCryptoUser),
    principal: referenceTo("identity", "properties.principalId"),
  };
  return [roleResource("role/key-user", role, ["identity", `key/${vault.key.name}`])];
}
