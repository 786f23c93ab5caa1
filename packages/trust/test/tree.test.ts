import { toHex } from "@sealflow/core";
import { expect, it } from "vitest";
import { leafHash } from "../src/index.js";
import { MerkleTree } from "../src/log/tree.js";
import { consistencyProof, inclusionProof, rootOf } from "./plain-merkle.js";

it("a growing tree has the roots and proofs of the plain definition at every size", async () => {
  const leaves = await Promise.all(Array.from({ length: 40 }, (_, i) => leafHash(Uint8Array.of(i))));
  const tree = new MerkleTree();
  const hex = (proof: readonly Uint8Array[]) => proof.map(toHex);
  expect(toHex((await tree.head()).root)).toBe(toHex(await rootOf([])));
  for (const [i, leaf] of leaves.entries()) {
    await tree.append(leaf);
    const size = i + 1;
    const part = leaves.slice(0, size);
    expect(toHex((await tree.head()).root)).toBe(toHex(await rootOf(part)));
    for (const at of [0, i >> 1, i]) {
      expect(hex(await tree.inclusionProof(at))).toEqual(hex(await inclusionProof(part, at)));
      expect(hex(await tree.consistencyProof(at + 1))).toEqual(hex(await consistencyProof(part, at + 1)));
    }
  }
  // Of earlier sizes too.
  expect(toHex((await tree.head(13)).root)).toBe(toHex(await rootOf(leaves.slice(0, 13))));
  for (const index of [-1, 0.5, 40, Number.NaN])
    await expect(tree.inclusionProof(index)).rejects.toThrow(RangeError);
  for (const size of [-1, 0, 0.5, 41, Number.NaN])
    await expect(tree.consistencyProof(size)).rejects.toThrow(RangeError);
  await expect(tree.inclusionProof(40, 41)).rejects.toThrow(RangeError);
  await expect(tree.consistencyProof(1, 41)).rejects.toThrow(RangeError);
  await expect(tree.inclusionProof(13, 13)).rejects.toThrow(RangeError);
  await expect(tree.consistencyProof(14, 13)).rejects.toThrow(RangeError);
});
