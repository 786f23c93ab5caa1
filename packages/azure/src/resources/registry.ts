/** The container registry, and the cluster's leave to pull from it. */
import { registryName } from "../config/schema.js";
import { type Resource, referenceTo } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, resourceId, roleDefinitionId, roles } from "./ids.js";

/** Path of the registry, which may lie elsewhere when it is attached. */
export function registryId({ config, subscription }: DeploymentContext): string {
  const { registry, resourceGroup } = config;
  return resourceId(
    registry.subscription ?? subscription,
    registry.resourceGroup ?? resourceGroup.name,
    "Microsoft.ContainerRegistry/registries",
    registryName(config),
  );
}

/** The registry. */
export function registryResource(context: DeploymentContext): Resource {
  const { config } = context;
  return {
    address: "registry",
    kind: "registry",
    id: registryId(context),
    apiVersion: apiVersions.registries,
    dependsOn: config.registry.attach ? [] : ["group"],
    attached: config.registry.attach,
    precious: true,
    replaceable: true,
    properties: [
      {
        path: "location",
        value: config.location,
        compare: "region",
        change: "replace",
        reason: "a registry can't move",
      },
      { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
      { path: "sku.name", value: config.registry.sku, compare: "caseless" },
      { path: "properties.adminUserEnabled", value: false, absent: false },
    ],
  };
}

/** AcrPull on the registry for the identity that the nodes' kubelets use. */
export function pullRole(context: DeploymentContext): Resource {
  const scope = registryId(context);
  const role = {
    scope,
    roleDefinitionId: roleDefinitionId(
      context.config.registry.subscription ?? context.subscription,
      roles.acrPull,
    ),
    principal: referenceTo("cluster", "properties.identityProfile.kubeletidentity.objectId"),
  };
  return roleResource("role/acr-pull", role, ["registry", "cluster"]);
}

/**
 * A role assignment. `principalType` goes along always: without it the service looks the principal up, and does not
 * find identities that are seconds old.
 */
export function roleResource(
  address: string,
  role: NonNullable<Resource["role"]>,
  dependsOn: readonly string[],
): Resource {
  return {
    address,
    kind: "role",
    id: `${role.scope}/providers/Microsoft.Authorization/roleAssignments`,
    apiVersion: apiVersions.roleAssignments,
    dependsOn,
    attached: false,
    precious: false,
    replaceable: true,
    role,
    properties: [
      { path: "properties.roleDefinitionId", value: role.roleDefinitionId, change: "never" },
      { path: "properties.principalId", value: role.principal, change: "never" },
      { path: "properties.principalType", value: "ServicePrincipal", change: "never" },
    ],
  };
}
