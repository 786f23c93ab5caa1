/** Documents that have exactly one text: canonical JSON (RFC 8785) in UTF-8. */
import { canonicalJson, fromUtf8, SealflowError, utf8 } from "@sealflow/core";

/**
 * Reads canonical JSON and refuses any other spelling of the same value (white space, member order, duplicate members,
 * escapes, number forms).
 *
 * @throws SealflowError with the given code.
 */
export function readCanonicalJson(
  encoded: Uint8Array | string,
  context: { readonly code: string; readonly what: string; readonly maxBytes: number },
): unknown {
  const refuse = (got: string) =>
    new SealflowError({
      code: context.code,
      message: `${context.what}: expected canonical JSON of at most ${context.maxBytes} bytes, got ${got}`,
    });
  const length = typeof encoded === "string" ? utf8(encoded).length : encoded.length;
  if (length > context.maxBytes) throw refuse(`${length} bytes`);
  let canonical: string | undefined;
  let text: string;
  let value: unknown;
  try {
    text = typeof encoded === "string" ? encoded : fromUtf8(encoded);
    value = JSON.parse(text);
    canonical = canonicalJson(value);
  } catch {
    throw refuse("text that is not JSON, or nested too deeply");
  }
  if (canonical !== text) throw refuse("another spelling of the value");
  return value;
}
