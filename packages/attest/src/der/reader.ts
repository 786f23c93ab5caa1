/**
 * A strict reader for DER (ITU-T X.690): one encoding per value, definite and minimal lengths, nothing left over.
 * Only what certificates and revocation lists need.
 */
import { Refusal } from "../refusal.js";

/** Tags, as they stand in the encoding. */
export const tag = {
  boolean: 0x01,
  integer: 0x02,
  bitString: 0x03,
  octetString: 0x04,
  null: 0x05,
  oid: 0x06,
  enumerated: 0x0a,
  utf8String: 0x0c,
  printableString: 0x13,
  ia5String: 0x16,
  utcTime: 0x17,
  generalizedTime: 0x18,
  sequence: 0x30,
  set: 0x31,
} as const;

/** One value: its tag, its content, and its whole encoding (what signatures cover). */
export interface DerValue {
  readonly tag: number;
  readonly content: Uint8Array<ArrayBuffer>;
  readonly encoding: Uint8Array<ArrayBuffer>;
}

/** The refusal of every malformed encoding; callers give it their own code. */
export function malformed(expected: string, got: string): Refusal {
  return new Refusal("ATTEST_DER_MALFORMED", expected, got);
}

/** Reads values one after the other. */
export class DerReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  get done(): boolean {
    return this.#offset >= this.#bytes.length;
  }

  /** The tag of the next value, or undefined at the end. */
  get nextTag(): number | undefined {
    return this.#bytes[this.#offset];
  }

  /** The next value; it must have the given tag. */
  read(expected: number): DerValue {
    const start = this.#offset;
    const found = this.#byte();
    if (found !== expected) throw malformed(`DER tag 0x${expected.toString(16)}`, `0x${found.toString(16)}`);
    const length = this.#length();
    const end = this.#offset + length;
    if (end > this.#bytes.length) throw malformed(`${length} bytes of DER content`, "fewer");
    const content = this.#bytes.slice(this.#offset, end);
    this.#offset = end;
    return { tag: found, content, encoding: this.#bytes.slice(start, end) };
  }

  /** The next value whatever its tag; only low tag numbers exist in the structures read here. */
  readAny(): DerValue {
    const next = this.nextTag ?? 0;
    if ((next & 0x1f) === 0x1f) throw malformed("a low DER tag number", "a high one");
    return this.read(next);
  }

  /** The next value when it has that tag. */
  readOptional(expected: number): DerValue | undefined {
    return this.nextTag === expected ? this.read(expected) : undefined;
  }

  /** A reader over the content of the next value. */
  enter(expected: number): DerReader {
    return new DerReader(this.read(expected).content);
  }

  /** Refuses anything left over. */
  end(): void {
    if (!this.done)
      throw malformed("the end of a DER structure", `${this.#bytes.length - this.#offset} more bytes`);
  }

  #byte(): number {
    const byte = this.#bytes[this.#offset];
    if (byte === undefined) throw malformed("a DER value", "the end");
    this.#offset++;
    return byte;
  }

  #length(): number {
    const first = this.#byte();
    if (first < 0x80) return first;
    const count = first & 0x7f;
    if (count === 0 || count > 4)
      throw malformed("a definite DER length below 4 GiB", `0x${first.toString(16)}`);
    let length = 0;
    for (let i = 0; i < count; i++) length = length * 256 + this.#byte();
    if (length < 0x80 || length < 256 ** (count - 1)) throw malformed("a minimal DER length", "a longer one");
    return length;
  }
}
