/** Merkle trees over log entries: hashes of RFC 6962, section 2.1, and verification as in RFC 9162. */
import { concatBytes, equalBytes, sha256 } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** The hash of an entry: SHA-256 over a zero byte and the entry, so that no entry passes for an inner node. */
export function leafHash(entry: Uint8Array): Promise<Bytes> {
  return sha256(concatBytes(Uint8Array.of(0), entry));
}

/** The hash of an inner node. */
export function nodeHash(left: Bytes, right: Bytes): Promise<Bytes> {
  return sha256(concatBytes(Uint8Array.of(1), left, right));
}

/** True when the proof leads from the entry's hash to the root (RFC 9162, section 2.1.3.2). */
export async function verifyInclusion(
  entry: { readonly hash: Bytes; readonly index: number },
  tree: { readonly size: number; readonly root: Bytes },
  proof: readonly Bytes[],
): Promise<boolean> {
  if (!Number.isSafeInteger(entry.index) || !Number.isSafeInteger(tree.size)) return false;
  if (entry.index < 0 || entry.index >= tree.size) return false;
  let [at, last, hash] = [entry.index, tree.size - 1, entry.hash];
  for (const sibling of proof) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      hash = await nodeHash(sibling, hash);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      hash = await nodeHash(hash, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equalBytes(hash, tree.root);
}

/** A log's size and root. */
export interface TreeHead {
  readonly size: number;
  readonly root: Bytes;
}

/** True when the proof shows that the earlier log was the beginning of the later one (RFC 9162, section 2.1.4.2). */
export async function verifyConsistency(
  earlier: TreeHead,
  later: TreeHead,
  proof: readonly Bytes[],
): Promise<boolean> {
  if (!Number.isSafeInteger(earlier.size) || !Number.isSafeInteger(later.size)) return false;
  if (earlier.size < 1 || earlier.size > later.size) return false;
  if (earlier.size === later.size) return proof.length === 0 && equalBytes(earlier.root, later.root);
  const path = isPowerOfTwo(earlier.size) ? [earlier.root, ...proof] : proof;
  const [seed, ...rest] = path;
  if (seed === undefined) return false;
  let [at, last] = [earlier.size - 1, later.size - 1];
  while (at % 2 === 1) [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  let [before, after] = [seed, seed];
  for (const sibling of rest) {
    if (last === 0) return false;
    if (at % 2 === 1 || at === last) {
      before = await nodeHash(sibling, before);
      after = await nodeHash(sibling, after);
      while (at % 2 === 0 && at !== 0) [at, last] = [at / 2, Math.floor(last / 2)];
    } else {
      after = await nodeHash(after, sibling);
    }
    [at, last] = [Math.floor(at / 2), Math.floor(last / 2)];
  }
  return last === 0 && equalBytes(before, earlier.root) && equalBytes(after, later.root);
}

function isPowerOfTwo(size: number): boolean {
  let power = 1;
  while (power < size) power *= 2;
  return power === size;
}
