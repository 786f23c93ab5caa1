/** Ed25519 (RFC 8032) signers through WebCrypto. */
import { concatBytes, fromBase64Url, fromHex } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** Something that signs with one Ed25519 key: a key in memory, or a service that keeps it. */
export interface Signer {
  /** Raw public key, 32 bytes. */
  readonly publicKey: Bytes;
  /** The Ed25519 signature of the message: 64 bytes. */
  sign(message: Bytes): Promise<Bytes>;
}

/** A signer over a WebCrypto key. */
export function ed25519Signer(key: { readonly privateKey: CryptoKey; readonly publicKey: Bytes }): Signer {
  return {
    publicKey: key.publicKey,
    sign: async (message) => new Uint8Array(await crypto.subtle.sign("Ed25519", key.privateKey, message)),
  };
}

/** PrivateKeyInfo of an Ed25519 seed up to the seed itself (RFC 8410, section 7). */
const pkcs8Prefix = fromHex("302e020100300506032b657004220420");

/**
 * A signer whose private key is the given secret.
 *
 * @param seed The 32 secret bytes of RFC 8032, section 5.1.5.
 * @throws TypeError when the seed is not 32 bytes.
 */
export async function signerFromSeed(seed: Uint8Array): Promise<Signer> {
  if (seed.length !== 32) throw new TypeError(`Ed25519 seed: expected 32 bytes, got ${seed.length}`);
  const privateKey = await crypto.subtle.importKey("pkcs8", concatBytes(pkcs8Prefix, seed), "Ed25519", true, [
    "sign",
  ]);
  const { x } = await crypto.subtle.exportKey("jwk", privateKey);
  return ed25519Signer({ privateKey, publicKey: fromBase64Url(x ?? "") });
}
