/** Roots and proofs of a Merkle tree by the plain definition of RFC 6962, section 2.1: what the log's own tree is held against. */
import { concatBytes, sha256 } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  let split = 1;
  while (split * 2 < size) split *= 2;
  return split;
}

/** The root over leaf hashes; of an empty log, SHA-256 of nothing. */
export async function rootOf(leaves: readonly Bytes[]): Promise<Bytes> {
  const [only] = leaves;
  if (only === undefined) return sha256(new Uint8Array(0));
  if (leaves.length === 1) return only;
  const split = splitOf(leaves.length);
  return nodeHash(await rootOf(leaves.slice(0, split)), await rootOf(leaves.slice(split)));
}

/**
 * The audit path of one entry, from the leaf upwards.
 *
 * @throws RangeError when there is no entry of that index.
 */
export async function inclusionProof(leaves: readonly Bytes[], index: number): Promise<readonly Bytes[]> {
  if (!Number.isInteger(index) || index < 0 || index >= leaves.length) {
    throw new RangeError(`index: expected one below ${leaves.length}, got ${index}`);
  }
  if (leaves.length === 1) return [];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return index < split
    ? [...(await inclusionProof(left, index)), await rootOf(right)]
    : [...(await inclusionProof(right, index - split)), await rootOf(left)];
}

/**
 * The proof that the log of `size` entries was the beginning of this one.
 *
 * @throws RangeError when `size` is zero or above the number of leaves.
 */
export async function consistencyProof(leaves: readonly Bytes[], size: number): Promise<readonly Bytes[]> {
  if (!Number.isInteger(size) || size < 1 || size > leaves.length) {
    throw new RangeError(`size: expected 1 to ${leaves.length}, got ${size}`);
  }
  return subProof(leaves, size, true);
}

async function subProof(leaves: readonly Bytes[], size: number, whole: boolean): Promise<readonly Bytes[]> {
  if (size === leaves.length) return whole ? [] : [await rootOf(leaves)];
  const split = splitOf(leaves.length);
  const [left, right] = [leaves.slice(0, split), leaves.slice(split)];
  return size <= split
    ? [...(await subProof(left, size, whole)), await rootOf(right)]
    : [...(await subProof(right, size - split, false)), await rootOf(left)];
}
