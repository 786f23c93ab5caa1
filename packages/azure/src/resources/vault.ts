/** A key vault with a key that wraps data keys, when the configuration asks for one. */
import type { JsonValue } from "@sealflow/core";
import type { Property, Resource } from "../model/resource.js";
import { type DeploymentContext, tagsOf } from "./context.js";
import { apiVersions, resourceId } from "./ids.js";

/** Path of the vault. */
export function vaultId({ config, subscription }: DeploymentContext, name: string): string {
  return resourceId(subscription, config.resourceGroup.name, "Microsoft.KeyVault/vaults", name);
}

/** Vault and key; empty without `keyVault`. */
export function vaultResources(context: DeploymentContext): Resource[] {
  const { config } = context;
  const settings = config.keyVault;
  if (settings === undefined) return [];
  const id = vaultId(context, settings.name);
  const vault: Resource = {
    address: "vault",
    kind: "vault",
    id,
    apiVersion: apiVersions.vaults,
    dependsOn: ["group"],
    attached: false,
    precious: true,
    replaceable: false,
    properties: vaultProperties(context, settings),
  };
  const key: Resource = {
    address: `key/${settings.key.name}`,
    kind: "key",
    id: `${id}/keys/${settings.key.name}`,
    apiVersion: apiVersions.vaults,
    dependsOn: ["vault"],
    attached: false,
    precious: true,
    replaceable: false,
    properties: keyProperties(settings),
  };
  return [vault, key];
}

type VaultSettings = NonNullable<DeploymentContext["config"]["keyVault"]>;

function vaultProperties({ config, tenant }: DeploymentContext, settings: VaultSettings): Property[] {
  const tenantId: JsonValue | undefined = tenant;
  return [
    {
      path: "location",
      value: config.location,
      compare: "region",
      change: "replace",
      reason: "a vault can't move",
    },
    { path: "tags", value: tagsOf(config), absent: {}, compare: "include" },
    { path: "properties.tenantId", value: tenantId, change: "never" },
    { path: "properties.sku.family", value: "A", absent: "A", change: "never" },
    { path: "properties.sku.name", value: settings.sku, compare: "caseless" },
    { path: "properties.enableRbacAuthorization", value: true, absent: false },
    // The service refuses to switch it off again, so its absence is never asked for.
    {
      path: "properties.enablePurgeProtection",
      value: settings.purgeProtection || undefined,
      absent: false,
      ...(settings.purgeProtection ? {} : { change: "never" as const }),
    },
  ];
}

/** The management plane makes keys but never changes them: a new size is a new key. */
function keyProperties({ key, sku }: VaultSettings): Property[] {
  const replaced = {
    change: "replace",
    reason: "a key's material never changes; give the new key a new name",
  } as const;
  return [
    {
      path: "properties.kty",
      value: sku === "premium" ? "RSA-HSM" : "RSA",
      compare: "caseless",
      ...replaced,
    },
    { path: "properties.keySize", value: key.size, ...replaced },
    { path: "properties.keyOps", value: ["wrapKey", "unwrapKey"], compare: "set", change: "never" },
  ];
}
