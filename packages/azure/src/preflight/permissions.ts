import type { JsonObject, JsonValue } from "@sealflow/core";
import { apiVersions } from "../resources/ids.js";
import { registryId } from "../resources/registry.js";
import type { PreflightCheck, PreflightContext } from "./context.js";
import type { PreflightFinding } from "./types.js";

/** The login may make what the configuration asks for, role assignments among it. */
export const permissionsCheck: PreflightCheck = {
  name: "permissions",
  async run(context) {
    const { subscription, config, live } = context;
    const exists = live?.found.has("group") ?? config.resourceGroup.attach;
    const own = exists
      ? `/subscriptions/${subscription}/resourceGroups/${config.resourceGroup.name}`
      : `/subscriptions/${subscription}`;
    const registry = config.registry.attach ? registryId(context) : own;
    return [
      ...(await check(context, own, actionsInGroup(context, exists))),
      ...(await check(context, registry, ["Microsoft.Authorization/roleAssignments/write"])),
    ];
  },
};

function actionsInGroup({ config }: PreflightContext, groupExists: boolean): string[] {
  return [
    ...(groupExists ? [] : ["Microsoft.Resources/subscriptions/resourceGroups/write"]),
    ...(config.registry.attach ? [] : ["Microsoft.ContainerRegistry/registries/write"]),
    "Microsoft.ContainerService/managedClusters/write",
    "Microsoft.ContainerService/managedClusters/agentPools/write",
    "Microsoft.ContainerService/managedClusters/listClusterUserCredential/action",
    ...(config.keyVault === undefined
      ? []
      : ["Microsoft.KeyVault/vaults/write", "Microsoft.KeyVault/vaults/keys/write"]),
    ...(config.attestation === undefined ? [] : ["Microsoft.Attestation/attestationProviders/write"]),
    ...(config.workload === undefined
      ? []
      : [
          "Microsoft.ManagedIdentity/userAssignedIdentities/write",
          "Microsoft.ManagedIdentity/userAssignedIdentities/federatedIdentityCredentials/write",
        ]),
  ];
}

async function check(
  { client }: PreflightContext,
  scope: string,
  actions: readonly string[],
): Promise<PreflightFinding[]> {
  const permissions = await client.list(
    `${scope}/providers/Microsoft.Authorization/permissions`,
    apiVersions.permissions,
  );
  const missing = actions.filter((action) => !permissions.some((permission) => allows(permission, action)));
  if (missing.length === 0) {
    return [{ check: "permissions", status: "ok", message: `${actions.length} permissions at ${scope}` }];
  }
  const assigns = missing.some((action) => action.startsWith("Microsoft.Authorization/"));
  return [
    {
      check: "permissions",
      status: "failed",
      message: `missing at ${scope}: ${missing.join(", ")}`,
      mend: assigns
        ? "ask for Owner, or User Access Administrator beside Contributor: the cluster's leave to pull images is a role assignment"
        : "ask for Contributor",
    },
  ];
}

/** Actions minus notActions of one grant, with `*` as wildcard, without regard to case. */
export function allows(permission: JsonObject, action: string): boolean {
  return matchesAny(permission.actions, action) && !matchesAny(permission.notActions, action);
}

function matchesAny(patterns: JsonValue | undefined, action: string): boolean {
  if (!Array.isArray(patterns)) return false;
  return patterns.some((pattern) => typeof pattern === "string" && toExpression(pattern).test(action));
}

function toExpression(pattern: string): RegExp {
  const escaped = pattern.split("*").map((part) => part.replace(/[.+?^${}()|[\]\\]/g, "\\$&"));
  return new RegExp(`^${escaped.join(".*")}$`, "i");
}
