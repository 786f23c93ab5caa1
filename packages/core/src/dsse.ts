/** What DSSE signs and how its keys are named: shared by signed policies and signed statements. */
import { concatBytes, toHex, utf8 } from "./bytes.js";
import { sha256 } from "./digest.js";

/** Pre-authentication encoding of a payload: the bytes that are signed. Source: DSSE v1.0.2, protocol.md. */
export function preAuthenticationEncoding(type: string, payload: Uint8Array): Uint8Array<ArrayBuffer> {
  const typeBytes = utf8(type);
  return concatBytes(utf8(`DSSEv1 ${typeBytes.length} `), typeBytes, utf8(` ${payload.length} `), payload);
}

/** Key id: lower-case hex of SHA-256 over the raw Ed25519 public key (32 bytes). */
export async function keyIdOf(publicKey: Uint8Array<ArrayBuffer>): Promise<string> {
  return toHex(await sha256(publicKey));
}
