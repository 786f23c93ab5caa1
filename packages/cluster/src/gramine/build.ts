/**
 * Numbers of one build of Gramine that a measurement depends on.
 *
 * Architectural offsets (TCS, GPRSGX) are fixed by the Intel SDM, volume 3D, sections 36.8 and 36.9; the others belong
 * to Gramine's own binary interface between its loader and `libpal.so`, and may change with its version.
 */
import { SealflowError } from "@sealflow/core";

/** Sizes in bytes, offsets in bytes from the start of the thread's page. */
export interface GramineBuild {
  /** For people: which build these numbers describe. */
  readonly name: string;
  /** One frame of the state save area. */
  readonly ssaFrameSize: number;
  /** Frames for each thread. */
  readonly ssaFrames: number;
  readonly stackSize: number;
  readonly signalStackSize: number;
  /** First address of the heap. */
  readonly heapMin: number;
  /** Value of the stack guard before the first random one. */
  readonly stackCanary: bigint;
  /** Where fields stand in the thread's control block. */
  readonly thread: ThreadFields;
}

/** Offsets in the page that GS points to. */
export interface ThreadFields {
  readonly self: number;
  readonly canary: number;
  readonly enclaveSize: number;
  readonly tcsOffset: number;
  readonly initialStack: number;
  readonly signalStackLow: number;
  readonly signalStackHigh: number;
  readonly ssa: number;
  readonly gpr: number;
  readonly manifestSize: number;
  readonly heapMin: number;
  readonly heapMax: number;
}

/** Gramine 1.9 (June 2025) on x86-64. The control block starts with 16 bytes of its own and 256 bytes of the LibOS. */
export const GRAMINE_1_9: GramineBuild = {
  name: "Gramine 1.9",
  ssaFrameSize: 0x4000,
  ssaFrames: 2,
  stackSize: 64 * 4096,
  signalStackSize: 16 * 4096,
  heapMin: 0x10000,
  stackCanary: 0xbadbadbadbadn,
  thread: {
    self: 0,
    canary: 8,
    enclaveSize: 272,
    tcsOffset: 280,
    initialStack: 288,
    signalStackLow: 304,
    signalStackHigh: 312,
    ssa: 328,
    gpr: 336,
    manifestSize: 416,
    heapMin: 424,
    heapMax: 432,
  },
};

/** Names that Gramine gives these numbers in the Python module that it installs beside its signer. */
const installedNames = {
  ssaFrameSize: "SSA_FRAME_SIZE",
  ssaFrames: "SSA_FRAME_NUM",
  stackSize: "ENCLAVE_STACK_SIZE",
  signalStackSize: "ENCLAVE_SIG_STACK_SIZE",
  heapMin: "MMAP_MIN_ADDR",
} as const;

const installedThreadNames = {
  self: "SGX_COMMON_SELF",
  canary: "SGX_COMMON_STACK_PROTECTOR_CANARY",
  enclaveSize: "SGX_ENCLAVE_SIZE",
  tcsOffset: "SGX_TCS_OFFSET",
  initialStack: "SGX_INITIAL_STACK_ADDR",
  signalStackLow: "SGX_SIG_STACK_LOW",
  signalStackHigh: "SGX_SIG_STACK_HIGH",
  ssa: "SGX_SSA",
  gpr: "SGX_GPR",
  manifestSize: "SGX_MANIFEST_SIZE",
  heapMin: "SGX_HEAP_MIN",
  heapMax: "SGX_HEAP_MAX",
} as const;

/**
 * The numbers of an installed Gramine, from the lines `NAME = number` of its module `_graminelibos_offsets`.
 *
 * @param name For messages.
 * @throws SealflowError `CLUSTER_GRAMINE_OFFSETS` when a number is missing.
 */
export function parseGramineOffsets(text: string, name: string): GramineBuild {
  const found = new Map<string, bigint>();
  for (const [, key = "", value = ""] of text.matchAll(/^(\w+)\s*=\s*(0x[0-9a-fA-F]+|\d+)\s*$/gm)) {
    found.set(key, BigInt(value));
  }
  const missing = [
    ...Object.values(installedNames),
    ...Object.values(installedThreadNames),
    "STACK_PROTECTOR_CANARY_DEFAULT",
  ].filter((key) => !found.has(key));
  if (missing.length > 0) {
    throw new SealflowError({
      code: "CLUSTER_GRAMINE_OFFSETS",
      message: `${name}: expected lines NAME = number, got none for ${missing.join(", ")}`,
      hint: "give the module _graminelibos_offsets.py of the Gramine that builds the image",
      where: { file: name },
    });
  }
  const number = (key: string) => Number(found.get(key) ?? 0n);
  const all = (names: Readonly<Record<string, string>>) =>
    Object.fromEntries(Object.entries(names).map(([field, key]) => [field, number(key)]));
  return {
    ...GRAMINE_1_9,
    name,
    ...all(installedNames),
    stackCanary: found.get("STACK_PROTECTOR_CANARY_DEFAULT") ?? 0n,
    thread: { ...GRAMINE_1_9.thread, ...all(installedThreadNames) },
  };
}
