/** How large enclaves may be on the machines that have SGX. */
import { SealflowError } from "@sealflow/core";
import { formatSize } from "./size.js";

const GIB = 2 ** 30;

/** Cores and EPC in bytes. */
export interface SgxNode {
  readonly cores: number;
  readonly epc: number;
}

/** Azure's sizes with SGX. Source: Microsoft's page of the DCsv3 and DCdsv3 series; they retire on 2029-10-31. */
const azure: Readonly<Record<string, readonly [cores: number, epcGiB: number]>> = {
  DC1: [1, 4],
  DC2: [2, 8],
  DC4: [4, 16],
  DC8: [8, 32],
  DC16: [16, 64],
  DC24: [24, 128],
  DC32: [32, 192],
  DC48: [48, 256],
};

/**
 * A machine by the name of its size, for example `Standard_DC4s_v3`.
 *
 * @throws SealflowError `CLUSTER_NODE_UNKNOWN`
 */
export function sgxNode(size: string): SgxNode {
  const [, series = ""] = /^Standard_(DC\d+)(?:s|ds)_v3$/.exec(size) ?? [];
  const found = azure[series];
  if (found !== undefined) return { cores: found[0], epc: found[1] * GIB };
  throw new SealflowError({
    code: "CLUSTER_NODE_UNKNOWN",
    message: `node size: expected a size with SGX such as Standard_DC4s_v3, got ${size}`,
    hint: "for machines of another kind leave --node-size out, and give --enclave-size and --threads",
  });
}

/** What one enclave gets. */
export interface EnclaveSizing {
  /** Bytes, a power of two: `sgx.enclave_size`. */
  readonly enclaveSize: number;
  /** `sgx.max_threads`. */
  readonly maxThreads: number;
  /** Threads for OpenMP and BLAS. */
  readonly computeThreads: number;
  /** Bytes of EPC that the pod asks for: `sgx.intel.com/epc`. */
  readonly epcLimit: number;
}

/** EPC that stays free for the quoting enclave and the kernel's own pages. */
const RESERVED = GIB;
/** Thread slots for Python, Arrow's pools and Gramine's helpers, besides those that compute. */
const OTHER_THREADS = 24;

/**
 * The largest enclave that fits `perNode` times into a node. Without dynamic memory all of it is committed at the start,
 * so that the limit must hold it whole; a ninth is added for the kernel's version pages and the enclave's own structures.
 *
 * @param perNode Tasks that run on one node at the same time. Default 1.
 * @throws SealflowError `CLUSTER_ENCLAVE_SIZE`
 */
export function enclaveSizing(node: SgxNode, perNode = 1): EnclaveSizing {
  const share = Math.floor((node.epc - RESERVED) / perNode);
  const enclaveSize = 2 ** Math.floor(Math.log2(share / epcFactor));
  if (enclaveSize < 2 ** 28) {
    throw new SealflowError({
      code: "CLUSTER_ENCLAVE_SIZE",
      message: `enclaves: expected at least 256M each, got ${perNode} on a node with ${formatSize(node.epc)} of EPC`,
      hint: "run fewer tasks on a node, or take larger nodes",
    });
  }
  const computeThreads = Math.max(1, Math.floor(node.cores / perNode));
  return {
    enclaveSize,
    maxThreads: OTHER_THREADS + 2 * computeThreads,
    computeThreads,
    epcLimit: epcLimitOf(enclaveSize),
  };
}

const epcFactor = 1.125;

/** Bytes of EPC to ask for, for an enclave of a size. */
export function epcLimitOf(enclaveSize: number): number {
  return enclaveSize * epcFactor;
}
