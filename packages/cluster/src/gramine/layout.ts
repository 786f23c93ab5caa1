/**
 * Where a Gramine enclave's parts lie before it starts, and what is in them. From the end of the address range
 * downwards: the manifest, state save areas, TCS pages, thread control blocks, stacks, signal stacks, `libpal.so`; below
 * it the heap. Source of the TCS's fields: Intel SDM, volume 3D, section 36.8.
 */
import { SealflowError } from "@sealflow/core";
import type { GramineBuild } from "./build.js";
import type { ElfImage, LoadSegment } from "./elf.js";
import { PAGE, PAGE_SIZE } from "./measurement.js";

/** Pages with the same permissions, in the order in which they are added. */
export interface EnclaveRegion {
  readonly what: string;
  /** Bytes from the enclave's start. */
  readonly offset: number;
  readonly pages: number;
  /** `SECINFO.FLAGS`. */
  readonly flags: number;
  /** What is measured, zeros after it; undefined for the heap, which is not measured. */
  readonly content?: Uint8Array;
}

/** What the layout depends on. */
export interface LayoutInput {
  /** The final manifest, byte for byte. */
  readonly manifest: Uint8Array;
  readonly libpal: Uint8Array;
  readonly elf: ElfImage;
  /** Bytes of the address range, a power of two. */
  readonly enclaveSize: number;
  readonly maxThreads: number;
  /** With dynamic memory the heap is not added before the start. */
  readonly edmm: boolean;
  readonly build: GramineBuild;
}

const TCS_LIMIT = 0xfff;
/** Bytes of GPRSGX, at the end of a frame (Intel SDM, volume 3D, section 36.9.2). */
const GPR_SIZE = 184;

const readWrite = PAGE.read | PAGE.write | PAGE.regular;

interface Places {
  readonly manifest: number;
  readonly ssa: number;
  readonly tcs: number;
  readonly threads: number;
  /** Of the thread with that index; each lies below the one before. */
  readonly stack: (thread: number) => number;
  readonly signalStack: (thread: number) => number;
  readonly pal: number;
}

/**
 * All regions in the order in which Gramine's loader adds them.
 *
 * @throws SealflowError `CLUSTER_ENCLAVE_TOO_SMALL`
 */
export function enclaveRegions(input: LayoutInput): readonly EnclaveRegion[] {
  const { manifest, maxThreads, build } = input;
  const places = placesOf(input);
  const zeros = new Uint8Array(0);
  const region = (what: string, offset: number, size: number, flags: number, content: Uint8Array) => ({
    what,
    offset,
    pages: Math.ceil(size / PAGE_SIZE),
    flags,
    content,
  });
  const threads = Array.from({ length: maxThreads }, (_, index) => index);
  const ssaSize = maxThreads * build.ssaFrames * build.ssaFrameSize;
  return [
    region("manifest", places.manifest, manifest.length + 1, PAGE.read | PAGE.regular, manifest),
    region("state save areas", places.ssa, ssaSize, readWrite, zeros),
    region(
      "thread control structures",
      places.tcs,
      maxThreads * PAGE_SIZE,
      PAGE.tcs,
      tcsPages(input, places),
    ),
    region("thread blocks", places.threads, maxThreads * PAGE_SIZE, readWrite, threadPages(input, places)),
    ...threads.map((index) =>
      region(`stack ${index}`, places.stack(index), build.stackSize, readWrite, zeros),
    ),
    ...threads.map((index) =>
      region(`signal stack ${index}`, places.signalStack(index), build.signalStackSize, readWrite, zeros),
    ),
    ...input.elf.segments.map((segment) => palRegion(segment, input, places)),
    ...heap(input, places),
  ];
}

function placesOf({ manifest, elf, enclaveSize, maxThreads, build }: LayoutInput): Places {
  const ssaSize = maxThreads * build.ssaFrames * build.ssaFrameSize;
  const manifestAt = enclaveSize - roundUp(manifest.length + 1);
  const ssa = manifestAt - ssaSize;
  const tcs = ssa - maxThreads * PAGE_SIZE;
  const threads = tcs - maxThreads * PAGE_SIZE;
  const stack = (thread: number) => threads - (thread + 1) * build.stackSize;
  const signalStack = (thread: number) => stack(maxThreads - 1) - (thread + 1) * build.signalStackSize;
  const pal = signalStack(maxThreads - 1) - imageSize(elf);
  if (pal < build.heapMin) {
    throw new SealflowError({
      code: "CLUSTER_ENCLAVE_TOO_SMALL",
      message: `sgx.enclave_size: expected room for ${enclaveSize - pal} bytes and a heap, got ${enclaveSize}`,
      hint: "raise sgx.enclave_size, or lower sgx.max_threads",
    });
  }
  return { manifest: manifestAt, ssa, tcs, threads, stack, signalStack, pal };
}

/** Bytes in memory of all segments; they start at address 0. */
function imageSize(elf: ElfImage): number {
  return roundUp(Math.max(...elf.segments.map(({ address, memorySize }) => address + memorySize)));
}

function tcsPages({ maxThreads, build, elf }: LayoutInput, places: Places): Uint8Array {
  const pages = Buffer.alloc(maxThreads * PAGE_SIZE);
  for (let thread = 0; thread < maxThreads; thread++) {
    const at = thread * PAGE_SIZE;
    pages.writeBigUInt64LE(BigInt(ssaOf(thread, build, places)), at + 16);
    pages.writeUInt32LE(build.ssaFrames, at + 28);
    pages.writeBigUInt64LE(BigInt(places.pal + elf.entry), at + 32);
    pages.writeBigUInt64LE(BigInt(places.threads + at), at + 56);
    pages.writeUInt32LE(TCS_LIMIT, at + 64);
    pages.writeUInt32LE(TCS_LIMIT, at + 68);
  }
  return pages;
}

function ssaOf(thread: number, build: GramineBuild, places: Places): number {
  return places.ssa + thread * build.ssaFrames * build.ssaFrameSize;
}

function threadPages(input: LayoutInput, places: Places): Uint8Array {
  const { maxThreads, build } = input;
  const pages = Buffer.alloc(maxThreads * PAGE_SIZE);
  for (let thread = 0; thread < maxThreads; thread++) {
    for (const [field, value] of Object.entries(threadFields(thread, input, places))) {
      const offset = build.thread[field as keyof GramineBuild["thread"]];
      pages.writeBigUInt64LE(BigInt(value), thread * PAGE_SIZE + offset);
    }
  }
  return pages;
}

function threadFields(
  thread: number,
  { build, enclaveSize, manifest }: LayoutInput,
  places: Places,
): Record<keyof GramineBuild["thread"], number | bigint> {
  const ssa = ssaOf(thread, build, places);
  const signalStack = places.signalStack(thread);
  return {
    self: places.threads + thread * PAGE_SIZE,
    canary: build.stackCanary,
    enclaveSize,
    tcsOffset: places.tcs + thread * PAGE_SIZE,
    initialStack: places.stack(thread) + build.stackSize,
    signalStackLow: signalStack,
    signalStackHigh: signalStack + build.signalStackSize,
    ssa,
    gpr: ssa + build.ssaFrameSize - GPR_SIZE,
    manifestSize: manifest.length + 1,
    heapMin: build.heapMin,
    heapMax: places.pal,
  };
}

function palRegion(segment: LoadSegment, { libpal }: LayoutInput, places: Places): EnclaveRegion {
  const start = segment.address - (segment.address % PAGE_SIZE);
  const lead = segment.address - start;
  const content = new Uint8Array(lead + segment.fileSize);
  content.set(libpal.subarray(segment.offset, segment.offset + segment.fileSize), lead);
  const flags =
    (segment.readable ? PAGE.read : 0) |
    (segment.writable ? PAGE.write : 0) |
    (segment.executable ? PAGE.execute : 0) |
    PAGE.regular;
  const pages = roundUp(lead + segment.memorySize) / PAGE_SIZE;
  return { what: `libpal.so at ${segment.address}`, offset: places.pal + start, pages, flags, content };
}

function heap({ build, edmm }: LayoutInput, places: Places): readonly EnclaveRegion[] {
  const pages = (places.pal - build.heapMin) / PAGE_SIZE;
  if (edmm || pages === 0) return [];
  return [{ what: "heap", offset: build.heapMin, pages, flags: readWrite | PAGE.execute }];
}

function roundUp(size: number): number {
  return Math.ceil(size / PAGE_SIZE) * PAGE_SIZE;
}
