/** Identities: one secret of 32 bytes, from which the key that opens artifacts and the key that signs are derived. */
import { concatBytes, fromBase64Url, fromHex } from "@sealflow/core";
import { type Signer, signerFromSeed } from "../dsse/signer.js";
import { deriveKey } from "./derive.js";
import type { Recipient } from "./recipient.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** What opens artifacts: an X25519 key pair (RFC 7748). */
export interface Identity {
  readonly recipient: Recipient;
  readonly privateKey: CryptoKey;
}

/** PrivateKeyInfo of an X25519 key up to the key itself (RFC 8410, section 7). */
const pkcs8Prefix = fromHex("302e020100300506032b656e04220420");

/**
 * The identity with a given private key.
 *
 * @param secret Raw X25519 private key, 32 bytes.
 * @throws TypeError when it is not 32 bytes.
 */
export async function identityFromPrivateKey(secret: Uint8Array): Promise<Identity> {
  if (secret.length !== 32)
    throw new TypeError(`X25519 private key: expected 32 bytes, got ${secret.length}`);
  const der = concatBytes(pkcs8Prefix, secret);
  const privateKey = await crypto.subtle.importKey("pkcs8", der, "X25519", true, ["deriveBits"]);
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  return { recipient: fromBase64Url(x ?? ""), privateKey };
}

/** What a project's secret gives: a key to open with, and one to sign with. */
export interface ProjectKey {
  readonly identity: Identity;
  readonly signer: Signer;
}

/**
 * Derives both keys of a project from its secret.
 *
 * @param secret 32 random bytes; whoever has them has both keys.
 */
export async function projectKeyFrom(secret: Bytes): Promise<ProjectKey> {
  if (secret.length !== 32) throw new TypeError(`project secret: expected 32 bytes, got ${secret.length}`);
  const [sealing, signing] = await Promise.all([
    deriveKey(secret, { info: "sealflow identity v1 sealing" }),
    deriveKey(secret, { info: "sealflow identity v1 signing" }),
  ]);
  return { identity: await identityFromPrivateKey(sealing), signer: await signerFromSeed(signing) };
}
