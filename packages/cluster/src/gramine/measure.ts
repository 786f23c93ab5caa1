/** MRENCLAVE of a Gramine enclave, computed without SGX. */
import { createHash } from "node:crypto";
import { type Digest, SealflowError, toHex } from "@sealflow/core";
import { GRAMINE_1_9, type GramineBuild } from "./build.js";
import { type ElfImage, parseElf } from "./elf.js";
import { type EnclaveRegion, enclaveRegions } from "./layout.js";
import { parseManifest } from "./manifest-file.js";
import { EnclaveMeasurement, PAGE_SIZE } from "./measurement.js";
import { isPowerOfTwo, parseSize } from "./size.js";

/** What is measured. */
export interface MeasureInput {
  /** The final manifest (`*.manifest.sgx`), byte for byte: one more blank line is another enclave. */
  readonly manifest: Uint8Array;
  /** `libpal.so` of the very Gramine build that will load it. */
  readonly libpal: Uint8Array;
  /** Default: Gramine 1.9. */
  readonly build?: GramineBuild;
}

/** The measurement, and what it was made from. */
export interface EnclaveMeasured {
  /** 64 lower-case hex digits. */
  readonly mrenclave: string;
  /** Bytes. */
  readonly enclaveSize: number;
  readonly maxThreads: number;
  readonly edmm: boolean;
  readonly manifest: Digest;
  readonly libpal: Digest;
  readonly build: string;
  readonly regions: readonly EnclaveRegionSummary[];
}

/** One region, without its content. */
export interface EnclaveRegionSummary {
  readonly what: string;
  readonly offset: number;
  readonly pages: number;
  readonly measured: boolean;
}

/** Largest address range that is hashed page by page: twice the EPC of the largest machine that Azure had. */
const MOST_COMMITTED = 2 ** 39;

/**
 * Computes the measurement that the processor would give.
 *
 * It is computed from the published layout and has not been compared with a Gramine build on hardware yet: compare it
 * once with `gramine-sgx-sigstruct-view` or `gsc info-image` (docs/reference/measurement.md).
 *
 * @throws SealflowError `CLUSTER_MANIFEST_…`, `CLUSTER_ELF_INVALID`, `CLUSTER_SIZE_INVALID`, `CLUSTER_ENCLAVE_…`
 */
export function measureEnclave(input: MeasureInput): EnclaveMeasured {
  const { manifest, libpal, build = GRAMINE_1_9 } = input;
  const sizes = sizesOf(manifest);
  const elf = parseElf(libpal, "libpal.so");
  checkImage(elf);
  const regions = enclaveRegions({ manifest, libpal, elf, ...sizes, build });
  const measurement = new EnclaveMeasurement(sizes.enclaveSize, build.ssaFrameSize / PAGE_SIZE);
  for (const region of regions) add(measurement, region);
  return {
    mrenclave: toHex(measurement.digest()),
    ...sizes,
    manifest: digest(manifest),
    libpal: digest(libpal),
    build: build.name,
    regions: regions.map(({ what, offset, pages, content }) => ({
      what,
      offset,
      pages,
      measured: content !== undefined,
    })),
  };
}

function add(measurement: EnclaveMeasurement, { offset, flags, pages, content }: EnclaveRegion): void {
  if (content === undefined) measurement.addUnmeasured(offset, flags, pages);
  else measurement.addMeasured(offset, flags, content, pages);
}

function digest(bytes: Uint8Array): Digest {
  return `sha256:${createHash("sha256").update(bytes).digest("hex")}`;
}

/** Size, threads and EDMM as the manifest has them, or as Gramine takes them when it does not say. */
function sizesOf(bytes: Uint8Array): { enclaveSize: number; maxThreads: number; edmm: boolean } {
  const { sgx } = parseManifest(bytes);
  const edmm = sgx.edmm_enable === true;
  const text = sgx.enclave_size ?? (edmm ? "1024G" : "256M");
  const enclaveSize = parseSize(String(text), "sgx.enclave_size");
  const maxThreads = sgx.max_threads ?? 4;
  if (!isPowerOfTwo(enclaveSize)) {
    throw unfit("sgx.enclave_size", "a power of two, as the processor demands it", text);
  }
  if (!edmm && enclaveSize > MOST_COMMITTED) throw unfit("sgx.enclave_size", "at most 512G", text);
  if (
    typeof maxThreads !== "number" ||
    !Number.isInteger(maxThreads) ||
    maxThreads < 1 ||
    maxThreads > 4096
  ) {
    throw unfit("sgx.max_threads", "a whole number from 1 to 4096", maxThreads);
  }
  return { enclaveSize, maxThreads, edmm };
}

function unfit(what: string, expected: string, got: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ENCLAVE_SIZE",
    message: `${what}: expected ${expected}, got ${String(got)}`,
  });
}

/** Gramine loads a position-independent `libpal.so` whose segments do not share pages. */
function checkImage(elf: ElfImage): void {
  let end = 0;
  for (const { address, memorySize } of elf.segments) {
    const start = address - (address % PAGE_SIZE);
    if (start < end) throw elfRefusal("segments that overlap or are out of order");
    end = Math.ceil((address + memorySize) / PAGE_SIZE) * PAGE_SIZE;
  }
  const first = elf.segments[0]?.address ?? 0;
  if (first >= PAGE_SIZE) throw elfRefusal(`a first segment at ${first}`);
}

function elfRefusal(got: string): SealflowError {
  return new SealflowError({
    code: "CLUSTER_ELF_INVALID",
    message: `libpal.so: expected a position-independent shared object from address 0, got ${got}`,
  });
}
