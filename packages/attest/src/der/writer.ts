/** Writes DER: just what the certificates and revocation lists of simulated platforms need. */
import { concatBytes, utf8 } from "@sealflow/core";
import { tag } from "./reader.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** A value of any tag. */
export function derValue(tagNumber: number, ...parts: readonly Bytes[]): Bytes {
  const content = concatBytes(...parts);
  return concatBytes(Uint8Array.of(tagNumber, ...lengthOf(content.length)), content);
}

function lengthOf(length: number): number[] {
  if (length < 0x80) return [length];
  const digits: number[] = [];
  for (let rest = length; rest > 0; rest = Math.floor(rest / 256)) digits.unshift(rest % 256);
  return [0x80 | digits.length, ...digits];
}

/** SEQUENCE. */
export function derSequence(...parts: readonly Bytes[]): Bytes {
  return derValue(tag.sequence, ...parts);
}

/** A non-negative INTEGER from big-endian digits. */
export function derInteger(digits: Uint8Array): Bytes {
  const start = digits.findIndex((byte) => byte !== 0);
  const minimal = start < 0 ? [0] : [...digits.slice(start)];
  if ((minimal[0] ?? 0) >= 0x80) minimal.unshift(0);
  return derValue(tag.integer, Uint8Array.from(minimal));
}

/** An INTEGER up to 2^32-1. */
export function derNumber(value: number): Bytes {
  return derInteger(Uint8Array.of(value >>> 24, value >>> 16, value >>> 8, value));
}

/** OBJECT IDENTIFIER from its dotted form. */
export function derOid(dotted: string): Bytes {
  const [first = 0, second = 0, ...rest] = dotted.split(".").map(Number);
  return derValue(tag.oid, Uint8Array.from([40 * first + second, ...rest].flatMap(base128)));
}

function base128(arc: number): number[] {
  const digits = [arc % 128];
  for (let rest = Math.floor(arc / 128); rest > 0; rest = Math.floor(rest / 128))
    digits.unshift(0x80 | (rest % 128));
  return digits;
}

/** BIT STRING of whole bytes, or of named bits when some are unused. */
export function derBitString(bytes: Bytes, unused = 0): Bytes {
  return derValue(tag.bitString, Uint8Array.of(unused), bytes);
}

/** OCTET STRING. */
export function derOctets(bytes: Bytes): Bytes {
  return derValue(tag.octetString, bytes);
}

/** TRUE. */
export const derTrue: Bytes = Uint8Array.of(tag.boolean, 1, 0xff);

/** A name of a common name and an organisation. */
export function derName(commonName: string, organisation: string): Bytes {
  const part = (oid: string, text: string) =>
    derValue(tag.set, derSequence(derOid(oid), derValue(tag.utf8String, utf8(text))));
  return derSequence(part("2.5.4.3", commonName), part("2.5.4.10", organisation));
}

/** A time: two digits for the year before 2050, four from then on (RFC 5280, section 4.1.2.5). */
export function derTime(at: number): Bytes {
  const text = new Date(at).toISOString().replace(/[-:T]|\.\d+/g, "");
  const short = text < "2050";
  return derValue(short ? tag.utcTime : tag.generalizedTime, utf8(short ? text.slice(2) : text));
}
