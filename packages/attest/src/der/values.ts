/** The primitive values of DER. */
import { fromUtf8 } from "@sealflow/core";
import { type DerReader, malformed, tag } from "./reader.js";

/** Content of the next INTEGER: two's complement, minimal. */
export function readIntegerBytes(reader: DerReader): Uint8Array<ArrayBuffer> {
  const { content } = reader.read(tag.integer);
  checkMinimalInteger(content);
  return content;
}

function checkMinimalInteger(content: Uint8Array): void {
  const [first, second] = content;
  if (first === undefined) throw malformed("an integer", "no content");
  if (second === undefined) return;
  if ((first === 0 && second < 0x80) || (first === 0xff && second >= 0x80)) {
    throw malformed("a minimal integer", "a padded one");
  }
}

/** A non-negative integer up to 2^31-1. */
export function readSmallInteger(reader: DerReader, expected: number = tag.integer): number {
  const { content } = reader.read(expected);
  checkMinimalInteger(content);
  if (content.length > 4 || (content[0] ?? 0) >= 0x80)
    throw malformed("a small integer", "a large or negative one");
  return content.reduce((value, byte) => value * 256 + byte, 0);
}

/** True or false; DER knows only 0x00 and 0xff. */
export function readBoolean(reader: DerReader): boolean {
  const { content } = reader.read(tag.boolean);
  const [byte] = content;
  if (content.length !== 1 || (byte !== 0 && byte !== 0xff)) throw malformed("a boolean", "another value");
  return byte === 0xff;
}

/** An object identifier in dotted form. */
export function readOid(reader: DerReader): string {
  const { content } = reader.read(tag.oid);
  const arcs: number[] = [];
  let value = 0;
  let fresh = true;
  for (const byte of content) {
    if (fresh && byte === 0x80) throw malformed("a minimal object identifier", "a padded one");
    value = value * 128 + (byte & 0x7f);
    if (value > 2 ** 40) throw malformed("an object identifier", "an arc that is too large");
    fresh = byte < 0x80;
    if (fresh) {
      arcs.push(value);
      value = 0;
    }
  }
  const [first] = arcs;
  if (first === undefined || !fresh) throw malformed("an object identifier", "a cut one");
  const top = Math.min(2, Math.floor(first / 40));
  return [top, first - 40 * top, ...arcs.slice(1)].join(".");
}

/** A BIT STRING of whole bytes (keys, signatures). */
export function readBitStringBytes(reader: DerReader): Uint8Array<ArrayBuffer> {
  const { content } = reader.read(tag.bitString);
  if (content[0] !== 0) throw malformed("a bit string of whole bytes", "unused bits");
  return content.slice(1);
}

/** A BIT STRING of named bits: no trailing zero bits, unused bits zero. Bit 0 first. */
export function readNamedBits(reader: DerReader): readonly boolean[] {
  const { content } = reader.read(tag.bitString);
  const unused = content[0] ?? 8;
  const last = content.at(-1) ?? 0;
  if (unused > 7 || content.length < 2) throw malformed("named bits", "none");
  if ((last & ((1 << unused) - 1)) !== 0 || (last & (1 << unused)) === 0) {
    throw malformed("named bits without trailing zeros", "others");
  }
  const bits: boolean[] = [];
  for (const byte of content.slice(1)) {
    for (let bit = 7; bit >= 0; bit--) bits.push((byte & (1 << bit)) !== 0);
  }
  return bits.slice(0, bits.length - unused);
}

/** A time as milliseconds since the Unix epoch (RFC 5280, section 4.1.2.5: UTC, seconds, no fractions). */
export function readTime(reader: DerReader): number {
  const short = reader.nextTag === tag.utcTime;
  const { content } = reader.read(short ? tag.utcTime : tag.generalizedTime);
  const text = String.fromCharCode(...content.slice(0, 32));
  const digits = /^(\d{2}|\d{4})(\d{2})(\d{2})(\d{2})(\d{2})(\d{2})Z$/.exec(text);
  if (!digits || content.length !== (short ? 13 : 15)) throw malformed("a time in UTC", "another form");
  const [, year = "", ...rest] = digits;
  const full = short ? (Number(year) < 50 ? `20${year}` : `19${year}`) : year;
  const [month, day, hour, minute, second] = rest;
  return parseUtc(`${full}-${month}-${day}T${hour}:${minute}:${second}Z`);
}

/** Milliseconds behind `YYYY-MM-DDThh:mm:ssZ`, refusing dates that do not exist. */
export function parseUtc(text: string): number {
  const value = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}:\d{2}Z$/.test(text) ? Date.parse(text) : Number.NaN;
  if (Number.isNaN(value) || new Date(value).toISOString() !== `${text.slice(0, -1)}.000Z`) {
    throw malformed("a date and time in UTC", "one that does not exist");
  }
  return value;
}

/** Text of the string types that names use. */
export function readString(reader: DerReader): string {
  const { tag: found, content } = reader.readAny();
  if (found !== tag.utf8String && found !== tag.printableString && found !== tag.ia5String) {
    throw malformed("a string", `tag 0x${found.toString(16)}`);
  }
  try {
    return fromUtf8(content);
  } catch {
    throw malformed("UTF-8 text", "other bytes");
  }
}
