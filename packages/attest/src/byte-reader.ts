/** Reads fixed-width little-endian fields; refuses before reading past the end. */
import { Refusal } from "./refusal.js";

const code = "ATTEST_QUOTE_MALFORMED";

/** A cursor over bytes. */
export class ByteReader {
  readonly #bytes: Uint8Array<ArrayBuffer>;
  #offset = 0;

  constructor(bytes: Uint8Array<ArrayBuffer>) {
    this.#bytes = bytes;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.#offset;
  }

  /** The next `length` bytes. */
  bytes(length: number, what: string): Uint8Array<ArrayBuffer> {
    if (length > this.left) throw new Refusal(code, `${length} bytes of ${what}`, `${this.left}`);
    const start = this.#offset;
    this.#offset += length;
    return this.#bytes.slice(start, this.#offset);
  }

  uint16(what: string): number {
    const [low = 0, high = 0] = this.bytes(2, what);
    return low + 256 * high;
  }

  uint32(what: string): number {
    return this.bytes(4, what).reduceRight((value, byte) => value * 256 + byte, 0);
  }

  /** Refuses anything left over. */
  end(what: string): void {
    if (this.left > 0) throw new Refusal(code, `the end of ${what}`, `${this.left} more bytes`);
  }
}
