/** A growing Merkle tree that remembers its full subtrees: roots and proofs cost the logarithm of its size. */
import { sha256 } from "@sealflow/core";
import { nodeHash, type TreeHead } from "./merkle.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** The tree over leaf hashes of RFC 6962, section 2.1; roots and proofs as they are defined there. */
export class MerkleTree {
  /** `#levels[k]` has at `i` the root of the full subtree of `2^k` leaves that begins at leaf `i * 2^k`. */
  readonly #levels: HashList[] = [new HashList()];

  get size(): number {
    return this.#levels[0]?.length ?? 0;
  }

  async append(leaf: Bytes): Promise<void> {
    let node = leaf;
    for (let level = 0; ; level++) {
      const nodes = this.#levels[level] ?? new HashList();
      this.#levels[level] = nodes;
      nodes.push(node);
      if (nodes.length % 2 === 1) return;
      node = await nodeHash(nodes.at(nodes.length - 2), node);
    }
  }

  async head(size = this.size): Promise<TreeHead> {
    return { size, root: size === 0 ? await sha256(new Uint8Array(0)) : await this.#range(0, size) };
  }

  /** Audit path of a leaf in the tree of the given size. */
  async inclusionProof(index: number, size = this.size): Promise<readonly Bytes[]> {
    if (!(Number.isInteger(index) && index >= 0 && index < size && size <= this.size)) {
      throw new RangeError(`index: expected one below ${size}, got ${index}`);
    }
    const proof: Bytes[] = [];
    let [start, end] = [0, size];
    while (end - start > 1) {
      const middle = start + splitOf(end - start);
      const left = index < middle;
      proof.push(await (left ? this.#range(middle, end) : this.#range(start, middle)));
      if (left) end = middle;
      else start = middle;
    }
    return proof.reverse();
  }

  /** The proof that the tree of `earlier` leaves is the beginning of the one of `size`. */
  async consistencyProof(earlier: number, size = this.size): Promise<readonly Bytes[]> {
    if (!(Number.isInteger(earlier) && earlier >= 1 && earlier <= size && size <= this.size)) {
      throw new RangeError(`size: expected 1 to ${size}, got ${earlier}`);
    }
    const proof: Bytes[] = [];
    let [start, end] = [0, size];
    while (earlier !== end) {
      const middle = start + splitOf(end - start);
      const left = earlier <= middle;
      proof.push(await (left ? this.#range(middle, end) : this.#range(start, middle)));
      if (left) end = middle;
      else start = middle;
    }
    if (start !== 0) proof.push(await this.#range(start, end));
    return proof.reverse();
  }

  /** Root over the leaves from `start` to before `end`; `start` is a multiple of the split above. */
  async #range(start: number, end: number): Promise<Bytes> {
    const length = end - start;
    const level = Math.log2(length);
    if (Number.isInteger(level)) {
      const full = this.#levels[level]?.at(start / length);
      if (full !== undefined) return full;
    }
    const middle = start + splitOf(length);
    return nodeHash(await this.#range(start, middle), await this.#range(middle, end));
  }
}

/** Hashes side by side: a log has two for each entry, and objects of their own would take several times the room. */
class HashList {
  #bytes = new Uint8Array(32 * 16);
  #length = 0;

  get length(): number {
    return this.#length;
  }

  push(hash: Bytes): void {
    const end = this.#length * 32;
    if (end === this.#bytes.length) {
      const grown = new Uint8Array(end * 2);
      grown.set(this.#bytes);
      this.#bytes = grown;
    }
    this.#bytes.set(hash, end);
    this.#length++;
  }

  /** @param index Below the length. */
  at(index: number): Bytes {
    return this.#bytes.slice(index * 32, index * 32 + 32);
  }
}

/** The largest power of two below `size`, which is at least 2. */
function splitOf(size: number): number {
  return 2 ** Math.ceil(Math.log2(size) - 1);
}
