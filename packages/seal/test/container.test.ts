import { concatBytes, isSealflowError, utf8 } from "@sealflow/core";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import {
  artifactDigest,
  dataKeyOf,
  describeArtifact,
  type OpenOptions,
  openArtifact,
  openArtifactAt,
  piecesOf,
  projectKeyFrom,
  readableOf,
  rewrapArtifact,
  type SealOptions,
  sealArtifact,
} from "../src/index.js";
import { collect, cut, random } from "./random.js";

const numRuns = process.env.SEALFLOW_SLOW ? 1000 : 25;
const [alice, bob] = await Promise.all([1, 2].map((byte) => projectKeyFrom(new Uint8Array(32).fill(byte))));
if (!alice || !bob) throw new Error("keys");
const unlock = { identities: [alice.identity] };

const seal = (plaintext: Uint8Array, options: Partial<SealOptions> = {}) =>
  collect(sealArtifact([plaintext], { recipients: [alice.identity.recipient], random, ...options }));
const open = async (sealed: Uint8Array, options: Partial<OpenOptions> = {}) =>
  collect((await openArtifact([sealed], { unlock, ...options })).plaintext);
const openAt = async (sealed: Uint8Array) => {
  const read = async (offset: number, length: number) => sealed.subarray(offset, offset + length);
  const reader = await openArtifactAt({ size: sealed.length, read }, { unlock });
  return reader.read(0, reader.size);
};
const bodyStart = async (sealed: Uint8Array) => {
  const view = new DataView(sealed.buffer, sealed.byteOffset);
  const header = 12 + 4 + view.getUint32(12);
  return header + 4 + view.getUint32(header) + 32;
};
const codeOf = async (work: Promise<unknown>) => {
  try {
    await work;
  } catch (error) {
    if (isSealflowError(error)) return error.code;
    throw error;
  }
  return "accepted";
};

describe("a sealed artifact", () => {
  it("opens to what was sealed, whatever the sizes of chunks and pieces", async () => {
    const sizes = fc.array(fc.integer({ min: 1, max: 50 }), { minLength: 1, maxLength: 5 });
    await fc.assert(
      fc.asyncProperty(
        fc.uint8Array({ maxLength: 300 }),
        fc.integer({ min: 1, max: 64 }),
        sizes,
        async (plaintext, chunkBytes, lengths) => {
          const options = { recipients: [alice.identity.recipient], random, chunkBytes };
          const sealed = await collect(sealArtifact(cut(plaintext, lengths), options));
          const opened = await openArtifact(cut(sealed, lengths), { unlock });
          expect(await collect(opened.plaintext)).toEqual(Uint8Array.from(plaintext));
          expect(await openAt(sealed)).toEqual(Uint8Array.from(plaintext));
          const chunks = Math.max(1, Math.ceil(plaintext.length / chunkBytes));
          expect(sealed.length - (await bodyStart(sealed))).toBe(plaintext.length + 16 * chunks);
        },
      ),
      { numRuns },
    );
  });

  it("cut off at any byte is refused", async () => {
    const sealed = await seal(utf8("a plaintext in several chunks"), { chunkBytes: 7 });
    for (let length = 0; length < sealed.length; length++) {
      const part = sealed.slice(0, length);
      expect(await codeOf(open(part))).toMatch(/^SEAL_ARTIFACT_(TRUNCATED|CORRUPT)$/);
      expect(await codeOf(openAt(part))).toMatch(/^SEAL_ARTIFACT_(TRUNCATED|CORRUPT)$/);
    }
  });

  it("with any bit changed is refused", async () => {
    const sealed = await seal(utf8("a plaintext in chunks"), { chunkBytes: 7, lineage: { run: "r1" } });
    for (let at = 0; at < sealed.length; at++) {
      const changed = sealed.slice();
      changed[at] = (changed[at] ?? 0) ^ (1 << (at % 8));
      expect(await codeOf(open(changed)), `byte ${at}`).toMatch(/^SEAL_(ARTIFACT_|RECIPIENT_NONE)/);
      expect(await codeOf(openAt(changed)), `byte ${at}`).toMatch(/^SEAL_(ARTIFACT_|RECIPIENT_NONE)/);
    }
  });

  it("hands out nothing of a chunk that does not hold", async () => {
    const sealed = await seal(utf8("0123456789"), { chunkBytes: 4 });
    const start = await bodyStart(sealed);
    sealed[start + 20] = (sealed[start + 20] ?? 0) ^ 1;
    const opened = await openArtifact([sealed], { unlock });
    expect((await opened.plaintext.next()).value).toEqual(utf8("0123"));
    await expect(opened.plaintext.next()).rejects.toMatchObject({
      code: "SEAL_ARTIFACT_CORRUPT",
      data: { chunk: 1 },
    });
  });

  it("with chunks left out, repeated, in another order or added is refused", async () => {
    const sealed = await seal(utf8("aaaabbbbccccdd"), { chunkBytes: 4 });
    const start = await bodyStart(sealed);
    const opening = sealed.slice(0, start);
    const [a, b, c, d] = [0, 20, 40, 60].map((at) => sealed.slice(start + at, start + at + 20));
    if (!a || !b || !c || !d) throw new Error("chunks");
    const variant = (...chunks: Uint8Array[]) => codeOf(open(concatBytes(opening, ...chunks)));
    expect(await variant(a, b, c, d)).toBe("accepted");
    expect(await variant(a, b, c)).toBe("SEAL_ARTIFACT_TRUNCATED");
    expect(await variant(b, a, c, d)).toBe("SEAL_ARTIFACT_CORRUPT");
    expect(await variant(a, a, b, c, d)).toBe("SEAL_ARTIFACT_CORRUPT");
    expect(await variant(a, b, d)).toBe("SEAL_ARTIFACT_CORRUPT");
    expect(await variant(a, b, c, d, utf8("x"))).toBe("SEAL_ARTIFACT_CORRUPT");
    const whole = await seal(utf8("aaaa"), { chunkBytes: 4 });
    expect(await codeOf(open(concatBytes(whole, utf8("x"))))).toBe("SEAL_ARTIFACT_EXTENDED");
  });

  it("with parts of another artifact is refused, even under the same data key", async () => {
    const dataKey = random.bytes(32);
    const [one, two] = [
      await seal(utf8("aaaabb"), { chunkBytes: 4, dataKey }),
      await seal(utf8("ccccdd"), { chunkBytes: 4, dataKey }),
    ];
    const [from, length] = [await bodyStart(one), one.length];
    const swapped = concatBytes(one.slice(0, from), two.slice(from, from + 20), one.slice(from + 20));
    expect(await codeOf(open(swapped))).toBe("SEAL_ARTIFACT_CORRUPT");
    const otherBody = concatBytes(one.slice(0, from), two.slice(from));
    expect(await codeOf(open(otherBody))).toBe("SEAL_ARTIFACT_CORRUPT");
    const header = 16 + new DataView(one.buffer).getUint32(12);
    const otherKeys = concatBytes(one.slice(0, header), two.slice(header, from), one.slice(from, length));
    expect(await codeOf(open(otherKeys))).toBe("SEAL_ARTIFACT_KEYS");
  });

  it("never uses a nonce and key twice, and says nothing of its plaintext but the length", async () => {
    const same = utf8("the same plaintext");
    const [one, two] = [await seal(same), await seal(same)];
    const [a, b] = [one.slice(await bodyStart(one)), two.slice(await bodyStart(two))];
    expect(a).not.toEqual(b);
    expect(a.length).toBe(b.length);
  });

  it("is bound to its lineage", async () => {
    const sealed = await seal(utf8("x"), { lineage: { run: "r1", task: "train" } });
    expect(await open(sealed, { lineage: { run: "r1" } })).toEqual(utf8("x"));
    expect(await codeOf(open(sealed, { lineage: { run: "r2" } }))).toBe("SEAL_LINEAGE_MISMATCH");
    expect(await codeOf(open(sealed, { lineage: { output: "model" } }))).toBe("SEAL_LINEAGE_MISMATCH");
    expect((await describeArtifact([sealed])).header.lineage).toEqual({ run: "r1", task: "train" });
  });

  it("opens for each recipient and for nobody else", async () => {
    const recipients = [alice.identity.recipient, bob.identity.recipient, alice.identity.recipient];
    const both = await seal(utf8("x"), { recipients });
    expect((await describeArtifact([both])).keys).toHaveLength(2);
    expect(await open(both, { unlock: { identities: [bob.identity] } })).toEqual(utf8("x"));
    const one = await seal(utf8("x"));
    expect(await codeOf(open(one, { unlock: { identities: [bob.identity] } }))).toBe("SEAL_RECIPIENT_NONE");
    expect(await codeOf(open(one, { unlock: { identities: [] } }))).toBe("SEAL_RECIPIENT_NONE");
    const posing = { ...bob.identity, recipient: alice.identity.recipient };
    expect(await codeOf(open(one, { unlock: { identities: [posing] } }))).toBe("SEAL_ARTIFACT_KEYS");
  });

  it("opens with its data key alone", async () => {
    const dataKey = random.bytes(32);
    const sealed = await seal(utf8("x"), { recipients: [], dataKey });
    expect(await open(sealed, { unlock: { dataKey } })).toEqual(utf8("x"));
    expect(await codeOf(open(sealed, { unlock: { dataKey: random.bytes(32) } }))).toBe("SEAL_KEY_WRONG");
  });

  it("passes through Web streams", async () => {
    const plaintext = random.bytes(5000);
    const options = { recipients: [alice.identity.recipient], random, chunkBytes: 1000 };
    const sealed = readableOf(sealArtifact(piecesOf(new Blob([plaintext]).stream()), options));
    const opened = await openArtifact(piecesOf(sealed), { unlock });
    const response = new Response(readableOf(opened.plaintext));
    expect(new Uint8Array(await response.arrayBuffer())).toEqual(plaintext);
  });

  it("stops its source when the reader stops", async () => {
    let stopped = false;
    async function* endless() {
      try {
        for (;;) yield new Uint8Array(1000);
      } finally {
        stopped = true;
      }
    }
    const options = { recipients: [alice.identity.recipient], random, chunkBytes: 1000 };
    const sealing = sealArtifact(endless(), options);
    for (let i = 0; i < 4; i++) await sealing.next();
    await sealing.return(undefined);
    expect(stopped).toBe(true);
  });
});

describe("random access", () => {
  it("reads what a slice would give", async () => {
    const plaintext = random.bytes(1000);
    const sealed = await seal(plaintext, { chunkBytes: 64 });
    const reads: number[] = [];
    const read = async (offset: number, length: number) => {
      reads.push(length);
      return sealed.subarray(offset, offset + length);
    };
    const reader = await openArtifactAt({ size: sealed.length, read }, { unlock });
    expect([reader.size, reader.chunks]).toEqual([1000, 16]);
    await fc.assert(
      fc.asyncProperty(fc.nat(1100), fc.nat(1100), async (offset, length) => {
        reads.length = 0;
        expect(await reader.read(offset, length)).toEqual(plaintext.slice(offset, offset + length));
        expect(reads.length).toBeLessThanOrEqual(Math.ceil(length / 64) + 1);
      }),
      { numRuns },
    );
    await expect(reader.chunk(16)).rejects.toThrow(RangeError);
    await expect(reader.read(-1, 1)).rejects.toThrow(RangeError);
  });
});

describe("rewrapping", () => {
  it("changes the recipients and nothing else", async () => {
    const sealed = await seal(random.bytes(5000), { chunkBytes: 1000 });
    const options = { unlock, recipients: [bob.identity.recipient], random };
    const rewrapped = await collect(rewrapArtifact([sealed], options));
    expect(await open(rewrapped, { unlock: { identities: [bob.identity] } })).toEqual(await open(sealed));
    expect(await codeOf(open(rewrapped))).toBe("SEAL_RECIPIENT_NONE");
    expect(await artifactDigest([rewrapped])).toBe(await artifactDigest([sealed]));
    expect(rewrapped.slice(await bodyStart(rewrapped))).toEqual(sealed.slice(await bodyStart(sealed)));
    expect(await dataKeyOf([rewrapped], { identities: [bob.identity] })).toEqual(
      await dataKeyOf([sealed], unlock),
    );
  });
});

describe("the digest", () => {
  it("is that of RFC 6962's tree over the chunks, for any number of them", async () => {
    const { createHash } = await import("node:crypto");
    const sha = (...parts: Uint8Array[]) =>
      createHash("sha256")
        .update(concatBytes(...parts))
        .digest();
    const tree = (leaves: Uint8Array[]): Uint8Array => {
      if (leaves.length === 1) return sha(Uint8Array.of(0), leaves[0] ?? new Uint8Array(0));
      let split = 1;
      while (split * 2 < leaves.length) split *= 2;
      return sha(Uint8Array.of(1), tree(leaves.slice(0, split)), tree(leaves.slice(split)));
    };
    for (let chunks = 1; chunks <= 17; chunks++) {
      const sealed = await seal(random.bytes(10 * chunks - 3), { chunkBytes: 10 });
      const start = await bodyStart(sealed);
      const leaves = [...cut(sealed.slice(start), [26])];
      expect(leaves).toHaveLength(chunks);
      const header = sealed.slice(0, 16 + new DataView(sealed.buffer).getUint32(12));
      const count = new Uint8Array(8);
      count[7] = chunks;
      const domain = utf8("sealflow sealed artifact v1 digest");
      const expected = sha(domain, sha(header), count, tree(leaves)).toString("hex");
      expect(await artifactDigest([sealed])).toBe(`sha256:${expected}`);
    }
  });
});
