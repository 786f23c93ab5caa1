/**
 * Keys wrapped by a key of Azure Key Vault. The vault keeps an RSA key; ours travels to it wrapped and back unwrapped, over
 * TLS, to whom the vault's access rules allow. The two packages of the SDK are installed by those who use it.
 */
import { fromBase64Url, type JsonObject, SealflowError, toBase64Url } from "@sealflow/core";
import type { KeyWrapper } from "@sealflow/seal/node";

/** The kind that key files carry. */
export const azureKeyVaultKind = "azure-key-vault";

/** RSA with OAEP and SHA-256: the strongest that all vaults offer for RSA keys. */
const algorithm = "RSA-OAEP-256";

/** What is asked of a vault's key. */
export interface VaultKey {
  wrapKey(
    algorithm: string,
    key: Uint8Array,
  ): Promise<{ readonly result: Uint8Array; readonly keyID?: string }>;
  unwrapKey(algorithm: string, wrapped: Uint8Array): Promise<{ readonly result: Uint8Array }>;
}

/** Reaches a key by its id, `https://NAME.vault.azure.net/keys/KEY[/VERSION]`. */
export type ReachVaultKey = (keyId: string) => Promise<VaultKey>;

/**
 * The wrapper.
 *
 * @param keyId Needed for wrapping; a wrapped key names its own.
 * @param reach Default: the Azure SDK, with the credentials that it finds.
 */
export function azureKeyVault(keyId?: string, reach: ReachVaultKey = throughSdk): KeyWrapper {
  return {
    kind: azureKeyVaultKind,
    wrap: async (key) => {
      const id = requireKeyId(keyId);
      const wrapped = await asking(id, async () => (await reach(id)).wrapKey(algorithm, key));
      // The version that wrapped it is the one that must unwrap it.
      return { keyId: wrapped.keyID ?? id, algorithm, key: toBase64Url(wrapped.result) };
    },
    unwrap: async (wrapped: JsonObject) => {
      const id = requireKeyId(wrapped.keyId);
      const { key } = wrapped;
      if (wrapped.algorithm !== algorithm || typeof key !== "string")
        throw invalid("a key wrapped with RSA-OAEP-256");
      const opened = await asking(id, async () => (await reach(id)).unwrapKey(algorithm, fromBase64Url(key)));
      return opened.result;
    },
  };
}

function requireKeyId(id: unknown): string {
  if (typeof id === "string" && /^https:\/\/[A-Za-z0-9.-]+\/keys\/[A-Za-z0-9-]+(\/[0-9a-f]+)?$/.test(id))
    return id;
  throw invalid(`https://NAME.vault.azure.net/keys/KEY, got ${JSON.stringify(id)}`);
}

function invalid(expected: string): SealflowError {
  return new SealflowError({ code: "CLI_KEY_VAULT_KEY", message: `key vault: expected ${expected}` });
}

async function asking<T>(id: string, work: () => Promise<T>): Promise<T> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof SealflowError) throw cause;
    throw new SealflowError({
      code: "CLI_KEY_VAULT_FAILED",
      message: `key vault: expected ${id} to wrap or unwrap a key, got ${cause instanceof Error ? cause.message : cause}`,
      hint: "log in with `az login`; the role Key Vault Crypto User is needed on the key",
      cause,
    });
  }
}

/** @throws SealflowError `CLI_KEY_VAULT_SDK` */
async function throughSdk(keyId: string): Promise<VaultKey> {
  const [keys, identity] = [await load("@azure/keyvault-keys"), await load("@azure/identity")];
  const credential = new (identity.DefaultAzureCredential as new () => unknown)();
  return new (keys.CryptographyClient as new (id: string, credential: unknown) => VaultKey)(
    keyId,
    credential,
  );
}

async function load(name: string): Promise<Record<string, unknown>> {
  try {
    return (await import(name)) as Record<string, unknown>;
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_KEY_VAULT_SDK",
      message: `key vault: expected the package ${name}, got none`,
      hint: "npm install @azure/keyvault-keys @azure/identity",
      cause,
    });
  }
}
