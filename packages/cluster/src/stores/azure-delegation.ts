/**
 * A signing key of Azure Storage for an identity of Entra ID: no account key is needed.
 * Source: Microsoft Learn, "Get User Delegation Key".
 */
import { SealflowError } from "@sealflow/core";
import type { DelegatedKey } from "./azure-blob.js";
import { elements } from "./http-store.js";
import type { StoreAccess } from "./open.js";

/** A day: tasks that wait long for a node still find their addresses good. Azure allows a week. */
const SECONDS = 86_400;

/**
 * Asks for a key with the bearer token in `AZURE_ACCESS_TOKEN`.
 *
 * @throws SealflowError `CLUSTER_STORE_CREDENTIALS`
 */
export async function delegatedKey(
  endpoint: string,
  { environment, fetch, now }: StoreAccess,
): Promise<DelegatedKey> {
  const token = environment.AZURE_ACCESS_TOKEN;
  if (!token) throw missing("expected AZURE_STORAGE_KEY or AZURE_ACCESS_TOKEN, got neither");
  const time = (ms: number) => new Date(ms).toISOString().replace(/\.\d+/, "");
  const answer = await fetch(`${endpoint}/?restype=service&comp=userdelegationkey`, {
    method: "POST",
    headers: {
      authorization: `Bearer ${token}`,
      "x-ms-version": "2022-11-02",
      "content-type": "application/xml",
    },
    body: `<?xml version="1.0" encoding="utf-8"?><KeyInfo><Start>${time(now() - 300_000)}</Start><Expiry>${time(now() + SECONDS * 1000)}</Expiry></KeyInfo>`,
  });
  const text = await answer.text();
  if (!answer.ok)
    throw missing(`Azure gave no delegation key: ${answer.status} ${elements(text, "Code")[0] ?? ""}`);
  const field = (name: string) => elements(text, name)[0] ?? "";
  return {
    oid: field("SignedOid"),
    tid: field("SignedTid"),
    start: field("SignedStart"),
    expiry: field("SignedExpiry"),
    service: field("SignedService"),
    version: field("SignedVersion"),
    value: field("Value"),
  };
}

function missing(reason: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_STORE_CREDENTIALS",
    message: `artifacts: ${reason}`,
    hint: "AZURE_ACCESS_TOKEN=$(az account get-access-token --resource https://storage.azure.com --query accessToken -o tsv); the role Storage Blob Data Contributor is needed.",
  });
}
