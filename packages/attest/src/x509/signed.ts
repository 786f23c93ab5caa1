/** The frame that certificates and revocation lists share (RFC 5280, sections 4.1 and 5.1). */
import { DerReader, tag } from "../der/reader.js";
import { readBitStringBytes } from "../der/values.js";
import { rawSignature } from "./ecdsa.js";
import { readSignatureAlgorithm } from "./structures.js";

/** What is signed, and by what. */
export interface SignedPart {
  /** What the signature covers. */
  readonly tbs: Uint8Array<ArrayBuffer>;
  /** r and s, 32 bytes each. */
  readonly signature: Uint8Array<ArrayBuffer>;
}

/** Reads one signed structure and nothing after it; `content` goes on within what is signed. */
export function readSigned(der: Uint8Array<ArrayBuffer>): SignedPart & { readonly content: DerReader } {
  const outer = new DerReader(der);
  const reader = outer.enter(tag.sequence);
  outer.end();
  const tbs = reader.read(tag.sequence);
  readSignatureAlgorithm(reader);
  const signature = rawSignature(readBitStringBytes(reader));
  reader.end();
  return { tbs: tbs.encoding, signature, content: new DerReader(tbs.content) };
}
