import { fromHex, toHex } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  consistencyProof,
  inclusionProof,
  leafHash,
  rootOf,
  verifyConsistency,
  verifyInclusion,
} from "../src/index.js";

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
