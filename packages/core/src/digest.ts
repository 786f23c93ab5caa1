import { toHex, utf8 } from "./bytes.js";
import { canonicalJson } from "./json.js";

/** A digest with its algorithm, as OCI writes it: `sha256:` and 64 lower-case hex digits. */
export type Digest = `sha256:${string}`;

/** True for a well-formed `sha256:` digest. */
export function isDigest(text: string): text is Digest {
  return /^sha256:[0-9a-f]{64}$/.test(text);
}

/** SHA-256 through WebCrypto: 32 bytes. */
export async function sha256(bytes: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", bytes));
}

/** The digest of bytes, or of a string's UTF-8. */
export async function digestOf(content: Uint8Array<ArrayBuffer> | string): Promise<Digest> {
  const bytes = typeof content === "string" ? utf8(content) : content;
  return `sha256:${toHex(await sha256(bytes))}`;
}

/** The digest of a value's canonical JSON (RFC 8785). */
export async function digestOfJson(value: unknown): Promise<Digest> {
  return digestOf(canonicalJson(value));
}
