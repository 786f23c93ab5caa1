/** Credentials of a cluster, from the resource manager. */
import { fromBase64, fromUtf8, isJsonObject, SealflowError } from "@sealflow/core";
import type { ArmClient } from "../arm/client.js";

/** Whose credentials: a user's, or the cluster's local administrator's. */
export type CredentialKind = "user" | "admin";

const actions = { user: "listClusterUserCredential", admin: "listClusterAdminCredential" } as const;

/**
 * The kubeconfig of a cluster, in YAML. It is a secret.
 *
 * @throws SealflowError `AZURE_VALUE_MISSING` when Azure answers without one.
 */
export async function kubeconfigOf(
  client: ArmClient,
  cluster: { readonly id: string; readonly apiVersion: string },
  kind: CredentialKind,
): Promise<string> {
  const { body } = await client.send({
    method: "POST",
    path: `${cluster.id}/${actions[kind]}`,
    apiVersion: cluster.apiVersion,
  });
  const first = Array.isArray(body.kubeconfigs) ? body.kubeconfigs[0] : undefined;
  const value = isJsonObject(first) ? first.value : undefined;
  if (typeof value === "string") return fromUtf8(fromBase64(value));
  throw new SealflowError({
    code: "AZURE_VALUE_MISSING",
    message: "credentials: expected a kubeconfig in what Azure answers, got none",
    hint: "check that the cluster runs: sealflow cloud status",
  });
}
