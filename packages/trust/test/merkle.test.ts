import { concatBytes, fromHex, sha256, toHex } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { leafHash, verifyConsistency, verifyInclusion } from "../src/index.js";
import { consistencyProof, inclusionProof, rootOf } from "./plain-merkle.js";

/** The entries that implementations of Certificate Transparency (RFC 6962) test with. */
const entries = [
  "",
  "00",
  "10",
  "2021",
  "3031",
  "40414243",
  "5051525354555657",
  "606162636465666768696a6b6c6d6e6f",
];
const leaves = await Promise.all(entries.map((hex) => leafHash(fromHex(hex))));
const runs = process.env.SEALFLOW_SLOW ? 1000 : 40;
const many = await Promise.all(Array.from({ length: 70 }, (_, i) => leafHash(Uint8Array.of(i))));

describe("the Merkle log", () => {
  it("has the roots of RFC 6962", async () => {
    expect(toHex(await rootOf([]))).toBe("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    expect(toHex(await rootOf(leaves.slice(0, 1)))).toBe(
      "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
    );
    expect(toHex(await rootOf(leaves))).toBe(
      "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    );
  });

  it("proves every entry of every size, and no other", async () => {
    for (let size = 1; size <= 20; size++) {
      const tree = { size, root: await rootOf(many.slice(0, size)) };
      for (let index = 0; index < size; index++) {
        const hash = many[index] ?? new Uint8Array(32);
        const proof = await inclusionProof(many.slice(0, size), index);
        expect(await verifyInclusion({ hash, index }, tree, proof)).toBe(true);
        const otherHash = many[index + 1] ?? new Uint8Array(32);
        expect(await verifyInclusion({ hash: otherHash, index }, tree, proof)).toBe(false);
        if (size > 1) {
          const wrong = { hash, index: (index + 1) % size };
          expect(await verifyInclusion(wrong, tree, proof)).toBe(false);
        }
        expect(await verifyInclusion({ hash, index }, tree, [...proof, hash])).toBe(false);
      }
    }
  });

  const [first, second] = [many[0] ?? new Uint8Array(32), many[1] ?? new Uint8Array(32)];
  const numbers = [-1, 0.5, 1.5, Number.NaN, 2 ** 53, Number.POSITIVE_INFINITY];

  it("proves nothing of an index or a size that no log has", async () => {
    const root = await rootOf(many.slice(0, 2));
    const proof = [second];
    expect(await verifyInclusion({ hash: first, index: 0 }, { size: 2, root }, proof)).toBe(true);
    for (const wrong of [...numbers, 2])
      expect(await verifyInclusion({ hash: first, index: wrong }, { size: 2, root }, proof)).toBe(false);
    for (const size of [...numbers, 0])
      expect(await verifyInclusion({ hash: first, index: 0 }, { size, root }, proof)).toBe(false);
  });

  it("takes no path that is longer or shorter than the tree is high, though it leads to the root", async () => {
    const root = await rootOf(many.slice(0, 2));
    expect(await verifyInclusion({ hash: second, index: 0 }, { size: 1, root }, [first])).toBe(false);
    expect(await verifyInclusion({ hash: root, index: 0 }, { size: 2, root }, [])).toBe(false);
  });

  it("proves no continuation from or to a size that no log has", async () => {
    const [earlier, later] = [
      { size: 1, root: first },
      { size: 2, root: await rootOf(many.slice(0, 2)) },
    ];
    expect(await verifyConsistency(earlier, later, [second])).toBe(true);
    // Paths that would lead to both roots, were the size not looked at.
    for (const size of [...numbers, 0, 3])
      for (const proof of [[second], [first, second]])
        expect(await verifyConsistency({ ...earlier, size }, later, proof)).toBe(false);
    for (const size of numbers)
      expect(await verifyConsistency(earlier, { ...later, size }, [second])).toBe(false);
  });

  it("takes a log for the continuation of itself alone when it has not grown, and without a proof", async () => {
    const [same, other] = [
      { size: 2, root: first },
      { size: 2, root: second },
    ];
    expect(await verifyConsistency(same, same, [])).toBe(true);
    expect(await verifyConsistency(same, other, [])).toBe(false);
    expect(await verifyConsistency(same, same, [second])).toBe(false);
  });

  it("takes no continuation whose proof is longer or shorter than it has to be, though it leads to both roots", async () => {
    const over = async (left: Uint8Array<ArrayBuffer>, right: Uint8Array<ArrayBuffer>) =>
      sha256(concatBytes(Uint8Array.of(1), left, right));
    const [three, four] = [await rootOf(many.slice(0, 3)), await rootOf(many.slice(0, 4))];
    const proof = await consistencyProof(many.slice(0, 4), 3);
    expect(await verifyConsistency({ size: 3, root: three }, { size: 4, root: four }, proof)).toBe(true);
    const [before, after] = [await over(first, three), await over(first, four)];
    const long = [...proof, first];
    expect(await verifyConsistency({ size: 3, root: before }, { size: 4, root: after }, long)).toBe(false);
    expect(await verifyConsistency({ size: 1, root: first }, { size: 2, root: first }, [])).toBe(false);
    expect(await verifyConsistency({ size: 3, root: three }, { size: 4, root: four }, [])).toBe(false);
  });

  it("proves that a log continues an earlier one, and refuses rewritten ones", async () => {
    const sizes = fc.integer({ min: 1, max: 70 });
    await fc.assert(
      fc.asyncProperty(sizes, sizes, sizes, async (a, b, at) => {
        const [small, large] = [Math.min(a, b), Math.max(a, b)];
        const later = { size: large, root: await rootOf(many.slice(0, large)) };
        const earlier = { size: small, root: await rootOf(many.slice(0, small)) };
        const proof = await consistencyProof(many.slice(0, large), small);
        expect(await verifyConsistency(earlier, later, proof)).toBe(true);
        const rewritten = many.slice(0, small);
        rewritten[at % small] = new Uint8Array(32);
        const other = { size: small, root: await rootOf(rewritten) };
        expect(await verifyConsistency(other, later, proof)).toBe(false);
        expect(await verifyConsistency(earlier, later, [...proof, new Uint8Array(32)])).toBe(false);
        if (proof.length > 0) expect(await verifyConsistency(earlier, later, proof.slice(1))).toBe(false);
      }),
      { numRuns: runs },
    );
  });
});
