/** HKDF-SHA256 (RFC 5869) through WebCrypto. */
import { utf8 } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** 32 bytes derived from a secret for one purpose, named by `info`. */
export async function deriveKey(secret: Bytes, purpose: { readonly info: string; readonly salt?: Bytes }) {
  const key = await crypto.subtle.importKey("raw", secret, "HKDF", false, ["deriveBits"]);
  const parameters = {
    name: "HKDF",
    hash: "SHA-256",
    salt: purpose.salt ?? new Uint8Array(0),
    info: utf8(purpose.info),
  };
  return new Uint8Array(await crypto.subtle.deriveBits(parameters, key, 256));
}
