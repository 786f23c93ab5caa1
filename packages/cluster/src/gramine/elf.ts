/**
 * The loadable segments of an ELF file. Source: System V ABI, chapters "ELF header" and "Program header"; x86-64
 * supplement.
 */
import { SealflowError } from "@sealflow/core";

/** A segment of type PT_LOAD. */
export interface LoadSegment {
  /** Offset of its bytes in the file. */
  readonly offset: number;
  /** Virtual address, relative to the start of the image. */
  readonly address: number;
  readonly fileSize: number;
  readonly memorySize: number;
  readonly readable: boolean;
  readonly writable: boolean;
  readonly executable: boolean;
}

/** What a loader needs to know of a shared object. */
export interface ElfImage {
  /** Address of the first instruction, relative to the start of the image. */
  readonly entry: number;
  /** In the file's order. */
  readonly segments: readonly LoadSegment[];
}

const HEADER_SIZE = 64;
const PROGRAM_HEADER_SIZE = 56;
const PT_LOAD = 1;
const EM_X86_64 = 62;

/**
 * Reads a 64-bit little-endian ELF file for x86-64.
 *
 * @param name For messages.
 * @throws SealflowError `CLUSTER_ELF_INVALID`
 */
export function parseElf(bytes: Uint8Array, name: string): ElfImage {
  const refuse = (got: string) => refusal(name, got);
  if (bytes.length < HEADER_SIZE) throw refuse(`${bytes.length} bytes`);
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (view.getUint32(0) !== 0x7f454c46) throw refuse("another kind of file");
  if (view.getUint8(4) !== 2 || view.getUint8(5) !== 1) throw refuse("another class or byte order");
  if (view.getUint16(18, true) !== EM_X86_64) throw refuse(`machine ${view.getUint16(18, true)}`);
  const number = (offset: number) => safe(view.getBigUint64(offset, true), refuse);
  const start = number(32);
  const size = view.getUint16(54, true);
  const count = view.getUint16(56, true);
  if (size !== PROGRAM_HEADER_SIZE) throw refuse(`program headers of ${size} bytes`);
  if (start + size * count > bytes.length) throw refuse("program headers beyond its end");
  const headers = Array.from({ length: count }, (_, index) => start + index * size);
  const segments = headers
    .filter((at) => view.getUint32(at, true) === PT_LOAD)
    .map((at) => segmentAt(view, at, number));
  if (segments.length === 0) throw refuse("no loadable segment");
  for (const segment of segments) checkSegment(segment, bytes.length, refuse);
  return { entry: number(24), segments };
}

function segmentAt(view: DataView, at: number, number: (offset: number) => number): LoadSegment {
  const flags = view.getUint32(at + 4, true);
  return {
    offset: number(at + 8),
    address: number(at + 16),
    fileSize: number(at + 32),
    memorySize: number(at + 40),
    executable: (flags & 1) !== 0,
    writable: (flags & 2) !== 0,
    readable: (flags & 4) !== 0,
  };
}

function checkSegment(segment: LoadSegment, length: number, refuse: (got: string) => SealflowError): void {
  if (segment.offset + segment.fileSize > length) throw refuse("a segment beyond its end");
  if (segment.fileSize > segment.memorySize) throw refuse("a segment larger in the file than in memory");
  if (segment.offset % 4096 !== segment.address % 4096)
    throw refuse("a segment that is not aligned to pages");
}

function safe(value: bigint, refuse: (got: string) => SealflowError): number {
  if (value > 1n << 48n) throw refuse("a number beyond 48 bits");
  return Number(value);
}

function refusal(name: string, got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ELF_INVALID",
    message: `${name}: expected a 64-bit ELF shared object for x86-64, got ${got}`,
    where: { file: name },
  });
}
