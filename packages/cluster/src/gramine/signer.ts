/** Keys that sign enclaves. SGX takes RSA with 3072 bits and exponent 3, and no other key. */
import { createPrivateKey, type KeyObject, sign } from "node:crypto";
import { type Fetch, fromBase64Url, isJsonObject, SealflowError, toBase64Url } from "@sealflow/core";

/** A key that signs. The private half may live elsewhere. */
export interface EnclaveSigner {
  /** 384 bytes, most significant first. */
  readonly modulus: Uint8Array;
  /** RSASSA-PKCS1-v1_5 with SHA-256 over the data; 384 bytes, most significant first. */
  sign(data: Uint8Array<ArrayBuffer>): Promise<Uint8Array>;
}

/**
 * A key from a PEM file.
 *
 * @param passphrase Of an encrypted key.
 * @throws SealflowError `CLUSTER_SIGNING_KEY`
 */
export function keyFileSigner(pem: string, passphrase?: string): EnclaveSigner {
  const key = read(pem, passphrase);
  const { n = "", e = "" } = key.export({ format: "jwk" });
  const modulus = fromBase64Url(n);
  checkKey(modulus, fromBase64Url(e));
  return { modulus, sign: async (data) => sign("sha256", data, key) };
}

function read(pem: string, passphrase: string | undefined): KeyObject {
  try {
    const key = createPrivateKey(passphrase === undefined ? pem : { key: pem, passphrase });
    if (key.asymmetricKeyType === "rsa") return key;
    throw refusal(`a key of type ${key.asymmetricKeyType}`);
  } catch (cause) {
    if (cause instanceof SealflowError) throw cause;
    throw refusal("something that is not an RSA private key in PEM, or another passphrase");
  }
}

function checkKey(modulus: Uint8Array, exponent: Uint8Array): void {
  const bits = modulus.length * 8;
  const e = exponent.reduce((sum, byte) => sum * 256 + byte, 0);
  if (modulus.length !== 384 || e !== 3) throw refusal(`${bits} bits and exponent ${e}`);
}

function refusal(got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_SIGNING_KEY",
    message: `enclave key: expected RSA with 3072 bits and exponent 3, got ${got}`,
    hint: "openssl genrsa -3 -out enclave-key.pem 3072",
  });
}

/** What a key in a vault is reached with. */
export interface VaultAccess {
  readonly fetch: Fetch;
  /** A bearer token for the vault's audience, for example `https://managedhsm.azure.net/.default`. */
  readonly token: (scope: string) => Promise<string>;
  readonly signal?: AbortSignal;
}

const VAULT_API = "7.4";

/**
 * A key of an Azure Key Vault Managed HSM. Only managed HSMs keep RSA keys with exponent 3.
 *
 * @param keyId `https://NAME.managedhsm.azure.net/keys/KEY/VERSION`. The version pins the key.
 * @throws SealflowError `CLUSTER_VAULT_KEY`, `CLUSTER_VAULT_REFUSED`, `CLUSTER_SIGNING_KEY`
 */
export async function managedHsmSigner(keyId: string, access: VaultAccess): Promise<EnclaveSigner> {
  const id = vaultKey(keyId);
  const key = member(await call(id, "", { method: "GET" }, access), "key");
  const [n, e] = [key?.n, key?.e];
  if (typeof n !== "string" || typeof e !== "string") throw refusal("a key without modulus");
  const modulus = fromBase64Url(n);
  checkKey(modulus, fromBase64Url(e));
  return {
    modulus,
    sign: async (data) => {
      const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", data));
      const body = JSON.stringify({ alg: "RS256", value: toBase64Url(digest) });
      const answer = await call(id, "/sign", { method: "POST", body }, access);
      const value = isJsonObject(answer) ? answer.value : undefined;
      if (typeof value !== "string") throw refused(id, "an answer without a signature");
      const signature = fromBase64Url(value);
      if (signature.length !== 384) throw refused(id, `a signature of ${signature.length} bytes`);
      return signature;
    },
  };
}

function vaultKey(keyId: string): URL {
  const url = URL.canParse(keyId) ? new URL(keyId) : undefined;
  const [, kind, name, version] = url?.pathname.split("/") ?? [];
  if (url?.protocol === "https:" && kind === "keys" && name && version) return url;
  throw new SealflowError({
    code: "CLUSTER_VAULT_KEY",
    message: `key: expected https://NAME.managedhsm.azure.net/keys/KEY/VERSION, got ${keyId}`,
  });
}

/** The audience of a vault's tokens: its host without the vault's own name. */
function scopeOf({ hostname }: URL): string {
  return `https://${hostname.split(".").slice(1).join(".")}/.default`;
}

async function call(id: URL, operation: string, init: RequestInit, access: VaultAccess): Promise<unknown> {
  const headers = {
    authorization: `Bearer ${await access.token(scopeOf(id))}`,
    "content-type": "application/json",
  };
  const url = `${id.origin}${id.pathname}${operation}?api-version=${VAULT_API}`;
  const signal = access.signal === undefined ? {} : { signal: access.signal };
  const response = await access.fetch(url, { ...init, headers, ...signal });
  const answer: unknown = await response.json().catch(() => undefined);
  if (response.ok) return answer;
  const message = member(answer, "error")?.message;
  throw refused(id, `${response.status}${typeof message === "string" ? `: ${message}` : ""}`);
}

function member(value: unknown, name: string) {
  const inner = isJsonObject(value) ? value[name] : undefined;
  return isJsonObject(inner) ? inner : undefined;
}

function refused(id: URL, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_VAULT_REFUSED",
    message: `${id.hostname}: expected the key and its signature, got ${got}`,
    hint: "the role Managed HSM Crypto User is needed on the key",
  });
}
