/** Tokens of Microsoft Entra ID, as Azure's own tools get them. Loaded only when a vault is used. */

/** A bearer token for a scope: environment, workload or managed identity, `az login`, in that order. */
export async function azureToken(scope: string): Promise<string> {
  const { DefaultAzureCredential } = await import("@azure/identity");
  const { token } = await new DefaultAzureCredential().getToken(scope);
  return token;
}
