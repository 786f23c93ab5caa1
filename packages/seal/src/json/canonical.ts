/** Documents that have exactly one text: canonical JSON (RFC 8785) in UTF-8. */
import { canonicalJson, fromUtf8, SealflowError, utf8 } from "@sealflow/core";

/** Levels of arrays and objects in a document, the outermost counted: all that readers in any language must manage. */
export const maxLevels = 128;

/** True for a JSON value with more than so many levels of arrays and objects. */
export function isDeeperThan(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((item) => isDeeperThan(item, levels - 1));
}

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
  const text = orRefuse(() => (typeof encoded === "string" ? encoded : fromUtf8(encoded)));
  const value: unknown = orRefuse(() => JSON.parse(text));
  if (isDeeperThan(value, maxLevels)) throw refuse(`more than ${maxLevels} levels of arrays and objects`);
  if (orRefuse(() => canonicalJson(value)) !== text) throw refuse("another spelling of the value");
  return value;

  function orRefuse<Value>(work: () => Value): Value {
    try {
      return work();
    } catch {
      throw refuse("text that is not JSON");
    }
  }
}
