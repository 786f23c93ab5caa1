/**
 * What the processor hashes while an enclave is built. Source: Intel SDM, volume 3D, section 37.1 ("Measurement of
 * enclave"): the operations ECREATE, EADD and EEXTEND.
 */
import { createHash } from "node:crypto";

/** Bytes of a page. */
export const PAGE_SIZE = 4096;

/** `SECINFO.FLAGS`: permissions and page type. */
export const PAGE = { read: 1, write: 2, execute: 4, tcs: 1 << 8, regular: 2 << 8 } as const;

/** Bytes that one operation adds to the hash, before data. */
const RECORD = 64;
/** Bytes that one EEXTEND measures. */
const CHUNK = 256;
/** Records of unmeasured pages that are hashed at once. */
const BATCH = 4096;

const tags = {
  ECREATE: Buffer.from("ECREATE\0"),
  EADD: Buffer.from("EADD\0\0\0\0"),
  EEXTEND: Buffer.from("EEXTEND\0"),
} as const;

/** The running hash of an enclave. Offsets are bytes from the enclave's start; pages are added in the loader's order. */
export class EnclaveMeasurement {
  private readonly hash = createHash("sha256");

  /**
   * @param size Bytes of the enclave's address range, a power of two.
   * @param ssaFramePages Pages of one frame of the state save area.
   */
  constructor(size: number, ssaFramePages: number) {
    const record = Buffer.alloc(RECORD);
    tags.ECREATE.copy(record);
    record.writeUInt32LE(ssaFramePages, 8);
    record.writeBigUInt64LE(BigInt(size), 12);
    this.hash.update(record);
  }

  /** Adds pages and measures what is in them; the last page is filled up with zeros. */
  addMeasured(offset: number, flags: number, content: Uint8Array, pages: number): void {
    const page = Buffer.alloc(PAGE_SIZE);
    for (let index = 0; index < pages; index++) {
      page.fill(0);
      page.set(content.subarray(index * PAGE_SIZE, (index + 1) * PAGE_SIZE));
      this.addPage(offset + index * PAGE_SIZE, flags, page);
    }
  }

  /** Adds pages whose content is not measured. */
  addUnmeasured(offset: number, flags: number, pages: number): void {
    const records = Buffer.alloc(RECORD * Math.min(BATCH, pages));
    for (let first = 0; first < pages; first += BATCH) {
      const count = Math.min(BATCH, pages - first);
      for (let index = 0; index < count; index++) {
        writeAdd(records, index * RECORD, offset + (first + index) * PAGE_SIZE, flags);
      }
      this.hash.update(records.subarray(0, count * RECORD));
    }
  }

  /** MRENCLAVE: 32 bytes. Nothing can be added after it. */
  digest(): Uint8Array {
    return this.hash.digest();
  }

  private addPage(offset: number, flags: number, page: Buffer): void {
    const chunks = PAGE_SIZE / CHUNK;
    const records = Buffer.alloc(RECORD + chunks * (RECORD + CHUNK));
    writeAdd(records, 0, offset, flags);
    for (let index = 0; index < chunks; index++) {
      const at = RECORD + index * (RECORD + CHUNK);
      tags.EEXTEND.copy(records, at);
      writeOffset(records, at + 8, offset + index * CHUNK);
      page.copy(records, at + RECORD, index * CHUNK, (index + 1) * CHUNK);
    }
    this.hash.update(records);
  }
}

function writeAdd(records: Buffer, at: number, offset: number, flags: number): void {
  tags.EADD.copy(records, at);
  writeOffset(records, at + 8, offset);
  records.writeUInt32LE(flags, at + 16);
}

/** A 64-bit number in two halves: offsets of an enclave stay far below 2^53, and this is faster than a bigint. */
function writeOffset(records: Buffer, at: number, offset: number): void {
  records.writeUInt32LE(offset % 2 ** 32, at);
  records.writeUInt32LE(Math.floor(offset / 2 ** 32), at + 4);
}
