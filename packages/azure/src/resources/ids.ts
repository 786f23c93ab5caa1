/** Paths, api-versions, and names that are derived from others. */
import { createHash } from "node:crypto";

/** What is sent as `api-version`, by resource type. All are general releases. */
export const apiVersions = {
  subscriptions: "2022-12-01",
  providers: "2021-04-01",
  groups: "2024-11-01",
  resources: "2024-11-01",
  registries: "2025-11-01",
  clusters: "2026-06-01",
  roleAssignments: "2022-04-01",
  permissions: "2022-04-01",
  vaults: "2023-07-01",
  attestation: "2021-06-01",
  attestationData: "2022-08-01",
  identities: "2023-01-31",
  skus: "2021-07-01",
  usages: "2024-07-01",
} as const;

/** Built-in roles, by their published ids. */
export const roles = {
  acrPull: "7f951dda-4ed3-4680-a7ca-43fe172d538d",
  keyVaultCryptoUser: "12338af0-0e69-4776-bea7-57ae8d297424",
} as const;

/** Path of a resource group. */
export function groupId(subscription: string, group: string): string {
  return `/subscriptions/${subscription}/resourcegroups/${group}`;
}

/** Path of a resource in a group. */
export function resourceId(subscription: string, group: string, type: string, name: string): string {
  return `/subscriptions/${subscription}/resourceGroups/${group}/providers/${type}/${name}`;
}

/** Path of a built-in role's definition. */
export function roleDefinitionId(subscription: string, role: string): string {
  return `/subscriptions/${subscription}/providers/Microsoft.Authorization/roleDefinitions/${role}`;
}

/**
 * Prefix of the API server's name as the Azure CLI makes it: ten characters of the cluster's name, sixteen of the
 * group's and six of the subscription's, each without what DNS names don't take.
 */
export function dnsPrefix(cluster: string, group: string, subscription: string): string {
  const kept = (text: string) => text.replace(/[^A-Za-z0-9-]/g, "");
  const name = kept(cluster).slice(0, 10);
  const first = /^[A-Za-z]/.test(name) ? name : `a${name}`.slice(0, 10);
  return `${first}-${kept(group).slice(0, 16)}-${subscription.slice(0, 6)}`;
}

/** Namespace of the names below: the DNS namespace of RFC 9562, appendix A. */
const namespace = Buffer.from("6ba7b8109dad11d180b400c04fd430c8", "hex");

/**
 * The name of a role assignment: a UUID of version 5 over scope, principal and role, so that the same assignment has
 * the same name whoever asks for it and however often.
 */
export function roleAssignmentName(scope: string, principalId: string, role: string): string {
  const text = [scope, principalId, role].map((part) => part.toLowerCase()).join("|");
  const hash = createHash("sha1").update(namespace).update(`sealflow|${text}`).digest().subarray(0, 16);
  hash[6] = ((hash[6] ?? 0) & 0x0f) | 0x50;
  hash[8] = ((hash[8] ?? 0) & 0x3f) | 0x80;
  const hex = hash.toString("hex");
  return [hex.slice(0, 8), hex.slice(8, 12), hex.slice(12, 16), hex.slice(16, 20), hex.slice(20)].join("-");
}
