import { SealflowError } from "./errors.js";

const encoder = new TextEncoder();
const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

/** UTF-8 bytes of a string. */
export function utf8(text: string): Uint8Array<ArrayBuffer> {
  return encoder.encode(text);
}

/**
 * The string behind UTF-8 bytes, strictly: no byte-order mark is dropped, no replacement characters are made.
 *
 * @throws SealflowError `CORE_UTF8_INVALID`
 */
export function fromUtf8(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch (cause) {
    throw new SealflowError({ code: "CORE_UTF8_INVALID", message: "text: expected valid UTF-8", cause });
  }
}

/** Lower-case hexadecimal. */
export function toHex(bytes: Uint8Array): string {
  let text = "";
  for (const byte of bytes) text += byte.toString(16).padStart(2, "0");
  return text;
}

/**
 * Bytes behind hexadecimal digits, either case, an even number of them.
 *
 * @throws SealflowError `CORE_HEX_INVALID`
 */
export function fromHex(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 2 !== 0 || !/^[0-9a-fA-F]*$/.test(text)) {
    throw new SealflowError({
      code: "CORE_HEX_INVALID",
      message: "hex: expected an even number of hex digits",
    });
  }
  return Uint8Array.from({ length: text.length / 2 }, (_, i) =>
    Number.parseInt(text.slice(2 * i, 2 * i + 2), 16),
  );
}

/** Standard base64 with padding (RFC 4648, section 4). */
export function toBase64(bytes: Uint8Array): string {
  let binary = "";
  for (const byte of bytes) binary += String.fromCharCode(byte);
  return btoa(binary);
}

/**
 * Bytes behind standard base64, strictly: padding required, no white space, unused bits zero, so that each value has
 * exactly one encoding.
 *
 * @throws SealflowError `CORE_BASE64_INVALID`
 */
export function fromBase64(text: string): Uint8Array<ArrayBuffer> {
  if (text.length % 4 === 0 && /^[A-Za-z0-9+/]*={0,2}$/.test(text)) {
    const bytes = Uint8Array.from(atob(text), (char) => char.charCodeAt(0));
    if (toBase64(bytes) === text) return bytes;
  }
  throw new SealflowError({
    code: "CORE_BASE64_INVALID",
    message: "base64: expected canonical, padded base64",
  });
}

/** URL-safe base64 without padding (RFC 4648, section 5). */
export function toBase64Url(bytes: Uint8Array): string {
  return toBase64(bytes).replaceAll("+", "-").replaceAll("/", "_").replace(/=+$/, "");
}

/**
 * Bytes behind URL-safe base64 without padding, strictly.
 *
 * @throws SealflowError `CORE_BASE64_INVALID`
 */
export function fromBase64Url(text: string): Uint8Array<ArrayBuffer> {
  if (/[+/=]/.test(text)) {
    throw new SealflowError({
      code: "CORE_BASE64_INVALID",
      message: "base64url: expected the URL-safe alphabet, unpadded",
    });
  }
  const padded = text
    .replaceAll("-", "+")
    .replaceAll("_", "/")
    .padEnd(Math.ceil(text.length / 4) * 4, "=");
  return fromBase64(padded);
}

/** One array holding all parts in order. */
export function concatBytes(...parts: readonly Uint8Array[]): Uint8Array<ArrayBuffer> {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let offset = 0;
  for (const part of parts) {
    whole.set(part, offset);
    offset += part.length;
  }
  return whole;
}

/** True when both hold the same bytes. Takes the same time wherever they differ; lengths are not hidden. */
export function equalBytes(a: Uint8Array, b: Uint8Array): boolean {
  if (a.length !== b.length) return false;
  let difference = 0;
  for (let i = 0; i < a.length; i++) difference |= (a[i] ?? 0) ^ (b[i] ?? 0);
  return difference === 0;
}
