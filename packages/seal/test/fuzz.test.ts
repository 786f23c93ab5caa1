/** Parsers under inputs that nobody meant: no crash, no hang, and nothing accepted that was not sealed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isSealflowError, SealflowError, toHex, utf8 } from "@sealflow/core";
import { afterAll, describe, expect, it } from "vitest";
import {
  combineShares,
  compareEntries,
  describeArtifact,
  encodeEnvelope,
  encodeStatement,
  hpkeOpen,
  hpkeSeal,
  inTotoPayloadType,
  openArtifact,
  parseEnvelope,
  parseRecipient,
  parseStatement,
  projectKeyFrom,
  readArchive,
  type Statement,
  sealArtifact,
  signerFromSeed,
  signStatement,
  splitSecret,
  statementType,
  verifyEnvelope,
  writeArchive,
} from "../src/index.js";
import { openKeyFile, writeKeyFile } from "../src/node.js";
import { collect, reproducible } from "./random.js";

const inputs = process.env.SEALFLOW_SLOW ? 1_000_000 : 1500;
const { identity } = await projectKeyFrom(new Uint8Array(32).fill(3));
const unlock = { identities: [identity] };

/** A generator of numbers that is fast and the same each time (xorshift32). */
function numbers(seed: number): (below: number) => number {
  let state = seed | 1;
  return (below) => {
    state ^= state << 13;
    state ^= state >>> 17;
    state ^= state << 5;
    return (state >>> 0) % below;
  };
}

/** The bytes with something done to them: bits turned, pieces cut, repeated, exchanged, put in, or lengths made large. */
function mutated(bytes: Uint8Array, next: (below: number) => number): Uint8Array {
  let result = Uint8Array.from(bytes);
  for (let count = 1 + next(3); count > 0; count--) {
    const at = next(result.length);
    const kind = next(6);
    if (kind < 2) result[at] = (result[at] ?? 0) ^ (1 << next(8));
    else if (kind === 2) result = result.slice(0, at);
    else if (kind === 3)
      result = Uint8Array.from([...result.slice(0, at), ...result.slice(next(result.length))]);
    else if (kind === 4) result.set([255, 255, 255, 255].slice(0, result.length - at), at);
    else result[at] = next(256);
    if (result.length === 0) return result;
  }
  return result;
}

async function fuzz(
  name: string,
  seeds: readonly Uint8Array[],
  parse: (bytes: Uint8Array) => Promise<unknown>,
): Promise<number> {
  const next = numbers(name.length * 7919);
  let accepted = 0;
  for (let i = 0; i < inputs; i++) {
    const seed = seeds[next(seeds.length)] ?? new Uint8Array();
    const input = mutated(seed, next);
    if (seeds.some((each) => Buffer.compare(each, input) === 0)) continue;
    try {
      await parse(input);
      accepted++;
    } catch (error) {
      if (!isSealflowError(error))
        throw new Error(`${name} ${i}: ${Buffer.from(input).toString("base64")}`, { cause: error });
    }
  }
  return accepted;
}

const refused = new SealflowError({ code: "TEST_REFUSED", message: "refused" });
const random = reproducible("fuzz");
const sealed = (chunkBytes: number, recipients = [identity.recipient]) =>
  collect(sealArtifact([utf8("some plaintext")], { recipients, random, chunkBytes, lineage: { run: "r" } }));
const artifacts = await Promise.all([
  sealed(4),
  sealed(1024),
  sealed(14, [identity.recipient, new Uint8Array(32).fill(9)]),
]);

const entry = (path: string, size: number) => ({
  ...{ path, kind: "file" as const, executable: size > 3, size },
  content: [new Uint8Array(size)],
});
const archives = await Promise.all(
  [[entry("a", 3), entry("b", 600)], [entry("x".repeat(140), 0)], []].map((entries) =>
    collect(writeArchive(entries.sort(compareEntries), () => new Error("changed"))),
  ),
);

const statement: Statement = {
  _type: statementType,
  subject: [{ name: "model", digest: { sha256: "ab".repeat(32) } }],
  predicateType: "urn:sealflow:test:v1",
  predicate: { rows: 3, list: [1, null, "häuser"] },
};
const signer = await signerFromSeed(new Uint8Array(32).fill(7));
const signed = encodeEnvelope(await signStatement(statement, [signer]));

const keys = mkdtempSync(join(tmpdir(), "sealflow-fuzz-"));
afterAll(() => rmSync(keys, { recursive: true, force: true }));

describe(`${inputs} changed inputs`, { timeout: 3_600_000 }, () => {
  it("of a sealed artifact: none is opened", async () => {
    const open = async (bytes: Uint8Array) => collect((await openArtifact([bytes], { unlock })).plaintext);
    expect(await fuzz("artifact", artifacts, open)).toBe(0);
  });

  it("of an artifact's opening, which says nothing that is proven", async () => {
    await fuzz("opening", artifacts, (bytes) => describeArtifact([bytes]));
  });

  it("of an archive: what is accepted is the archive of what it says", async () => {
    await fuzz("archive", archives, async (bytes) => {
      const read = [];
      for await (const each of readArchive([bytes]))
        read.push({ ...each, content: [await collect(each.content)] });
      const again = await collect(writeArchive(read, () => new Error("changed")));
      if (Buffer.compare(again, bytes) !== 0) throw new Error("another archive than was read");
    });
  });

  it("of a signed statement: none is verified", async () => {
    const trust = { keys: [signer.publicKey], payloadType: inTotoPayloadType };
    expect(await fuzz("envelope", [signed], (bytes) => verifyEnvelope(parseEnvelope(bytes), trust))).toBe(0);
  });

  it("of a statement: what is accepted is the one text of what it says", async () => {
    await fuzz("statement", [encodeStatement(statement)], async (bytes) => {
      const again = encodeStatement(parseStatement(bytes));
      if (Buffer.compare(again, bytes) !== 0) throw new Error("another statement than was read");
    });
  });

  it("of an HPKE message: none is opened", async () => {
    const info = utf8("fuzz");
    const sent = { plaintext: utf8("a key"), recipient: identity.recipient, random };
    const message = await hpkeSeal(sent, { info });
    const whole = Uint8Array.from([...message.enc, ...message.ciphertext]);
    const taken = await fuzz("hpke", [whole], async (bytes) => {
      const parts = { enc: bytes.slice(0, 32), ciphertext: bytes.slice(32) };
      const opened = await hpkeOpen({ ...parts, identity }, { info });
      if (opened === undefined) throw refused;
    });
    expect(taken).toBe(0);
  });

  it("of a key file: none gives another secret than it had", async () => {
    const path = join(keys, "key.json");
    const secret = new Uint8Array(32).fill(5);
    const about = { name: "key", createdAt: "2026-01-01T00:00:00Z", secrets: [secret] };
    await writeKeyFile(path, about, { protection: { kind: "permissions" } });
    const access = {
      passphrase: () => Promise.reject(new Error("no passphrase was asked for")),
      wrapper: () => Promise.reject(refused),
    };
    const whole = Uint8Array.from(readFileSync(path));
    await fuzz("key file", [whole], async (bytes) => {
      writeFileSync(path, bytes);
      const [opened] = (await openKeyFile(path, access)).secrets;
      if (toHex(opened ?? secret) !== toHex(secret)) throw new Error("another secret");
    });
  });

  it("of recipients and shares: none is taken for another", async () => {
    const recipient = utf8("sealflow-recipient-1-AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgLM");
    expect(
      await fuzz("recipient", [recipient], (bytes) => parseRecipient(Buffer.from(bytes).toString("latin1"))),
    ).toBe(0);
    const shares = await splitSecret(random.bytes(32), { shares: 2, threshold: 2 });
    const [one = "", two = ""] = shares;
    const taken = await fuzz("share", [utf8(one)], (bytes) =>
      combineShares([Buffer.from(bytes).toString("latin1"), two]),
    );
    expect(taken).toBe(0);
  });
});
