/** ECDSA on P-256 with SHA-256 through WebCrypto, which takes signatures as r and s of 32 bytes each. */
import { concatBytes } from "@sealflow/core";
import { DerReader, malformed, tag } from "../der/reader.js";
import { readIntegerBytes } from "../der/values.js";

const curve = { name: "ECDSA", namedCurve: "P-256" } as const;
const scheme = { name: "ECDSA", hash: "SHA-256" } as const;

/** The raw form of a DER signature (RFC 3279, section 2.2.3). */
export function rawSignature(der: Uint8Array<ArrayBuffer>): Uint8Array<ArrayBuffer> {
  const outer = new DerReader(der);
  const reader = outer.enter(tag.sequence);
  outer.end();
  const parts = [readScalar(reader), readScalar(reader)];
  reader.end();
  return concatBytes(...parts);
}

function readScalar(reader: DerReader): Uint8Array {
  const bytes = readIntegerBytes(reader);
  if ((bytes[0] ?? 0x80) >= 0x80) throw malformed("a positive scalar", "a negative one");
  const digits = bytes[0] === 0 ? bytes.slice(1) : bytes;
  if (digits.length > 32) throw malformed("a scalar of 32 bytes", "a longer one");
  const padded = new Uint8Array(32);
  padded.set(digits, 32 - digits.length);
  return padded;
}

/**
 * True when the signature is that of the message under the key. A key that is no point of the curve verifies nothing.
 *
 * @param point Uncompressed point: 0x04, x, y.
 * @param signature r and s, 32 bytes each.
 */
export async function verifyP256(
  point: Uint8Array<ArrayBuffer>,
  signature: Uint8Array<ArrayBuffer>,
  message: Uint8Array<ArrayBuffer>,
): Promise<boolean> {
  if (point.length !== 65 || point[0] !== 4 || signature.length !== 64) return false;
  try {
    const key = await crypto.subtle.importKey("raw", point, curve, false, ["verify"]);
    return await crypto.subtle.verify(scheme, key, signature, message);
  } catch {
    return false;
  }
}
