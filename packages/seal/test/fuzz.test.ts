/** Parsers under inputs that nobody meant: no crash, no hang, and nothing accepted that was not sealed. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { canonicalJson, SealflowError, utf8 } from "@sealflow/core";
import { afterAll, describe, expect, it } from "vitest";
import {
  fuzz as fuzzed,
  fuzzTimeout,
  mutatedBytes,
  mutatedDocument,
  mutatedValue,
  type Numbers,
  slow,
  spelled,
} from "../../../test-support/fuzz.js";
import { encodeHeader, uint32 } from "../src/container/header.js";
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

type Bytes = Uint8Array<ArrayBuffer>;

/** A million each in the slow suite. */
const count = slow ? 1_000_000 : 1000;
const { identity } = await projectKeyFrom(new Uint8Array(32).fill(3));
const unlock = { identities: [identity] };

const fuzz = (name: string, one: (next: Numbers, place: number) => unknown) => fuzzed(name, { count }, one);

/** Gives a parser changed inputs; what it takes of them must be right in a sense that `parse` checks. */
const fuzzBytes = (name: string, seeds: readonly Uint8Array[], parse: (bytes: Bytes) => unknown) =>
  fuzz(name, async (next) => {
    const input = mutatedBytes(oneOf(seeds, next), next);
    if (!known(seeds, input)) await parse(input);
  });

const oneOf = <Item>(items: readonly Item[], next: Numbers): Item => items[next(items.length)] as Item;
const known = (seeds: readonly Uint8Array[], input: Uint8Array) =>
  seeds.some((each) => Buffer.compare(each, input) === 0);

function requireSame(got: Uint8Array, expected: Uint8Array): void {
  if (Buffer.compare(got, expected) !== 0) throw new Error("accepted, but as something else than it is");
}

async function requireRefused(work: Promise<unknown>): Promise<void> {
  await work;
  throw new Error("accepted");
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

/** An artifact in its parts: what its two JSON sections say can be changed without breaking their lengths. */
function partsOf(artifact: Uint8Array) {
  const view = Buffer.from(artifact);
  const header = 16 + view.readUInt32BE(12);
  const section = header + 4 + view.readUInt32BE(header);
  const read = (from: number, until: number) => JSON.parse(view.toString("utf8", from, until)) as object;
  return { header: read(16, header), section: read(header + 4, section), rest: artifact.subarray(section) };
}
const parts = artifacts.map(partsOf);

function joined({ header, section, rest }: ReturnType<typeof partsOf>, next: Numbers): Bytes {
  const changesHeader = next(2) === 0;
  const texts = [
    spelled(changesHeader ? mutatedValue(header, next) : header),
    spelled(changesHeader && next(4) > 0 ? section : mutatedValue(section, next)),
  ];
  const [first, second] = texts.map((text) => Buffer.concat([uint32(text.length), text]));
  return Uint8Array.from(
    Buffer.concat([artifacts[0]?.subarray(0, 12), first, second, rest].filter((part) => part !== undefined)),
  );
}

/** An artifact with something done to its bytes or to what its header and its keys say. */
function changedArtifact(next: Numbers): Bytes {
  return next(2) === 0 ? mutatedBytes(oneOf(artifacts, next), next) : joined(oneOf(parts, next), next);
}

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
const envelope = await signStatement(statement, [signer]);
const signed = encodeEnvelope(envelope);
const secret = (byte: number) => new Uint8Array(32).fill(byte);
const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");

const keys = mkdtempSync(join(tmpdir(), "sealflow-fuzz-"));
afterAll(() => rmSync(keys, { recursive: true, force: true }));

describe(`${count} changed inputs`, { timeout: fuzzTimeout }, () => {
  it("of a sealed artifact: none is opened", async () => {
    await fuzz("artifact", async (next) => {
      const input = changedArtifact(next);
      if (known(artifacts, input)) return;
      const opened = await openArtifact([input], { unlock });
      await requireRefused(collect(opened.plaintext));
    });
  });

  it("of an artifact's opening: what is read is the one text of what it says", async () => {
    await fuzz("opening", async (next) => {
      const input = changedArtifact(next);
      const described = await describeArtifact([input]);
      const header = encodeHeader(described.header);
      const section = utf8(canonicalJson({ recipients: described.keys }));
      const own = Uint8Array.from(Buffer.concat([header, uint32(section.length), section]));
      requireSame(input.subarray(0, own.length), own);
    });
  });

  it("of an archive: what is accepted is the archive of what it says", async () => {
    await fuzzBytes("archive", archives, async (bytes) => {
      const read = [];
      for await (const each of readArchive([bytes]))
        read.push({ ...each, content: [await collect(each.content)] });
      requireSame(await collect(writeArchive(read, () => new Error("changed"))), bytes);
    });
  });

  it("of an envelope's text: what is accepted is the one text of what it says", async () => {
    await fuzz("envelope text", (next) => {
      const input = mutatedDocument(signed, envelope, next);
      requireSame(encodeEnvelope(parseEnvelope(input)), input);
    });
  });

  it("of a signed statement: none is verified", async () => {
    const trust = { keys: [signer.publicKey], payloadType: inTotoPayloadType };
    await fuzz("signed statement", async (next) => {
      const input = mutatedDocument(signed, envelope, next);
      if (!known([signed], input)) await requireRefused(verifyEnvelope(parseEnvelope(input), trust));
    });
  });

  it("of a statement: what is accepted is the one text of what it says", async () => {
    const text = encodeStatement(statement);
    await fuzz("statement", (next) => {
      const input = mutatedDocument(text, statement, next);
      requireSame(encodeStatement(parseStatement(input)), input);
    });
  });

  it("of an HPKE message: none is opened", async () => {
    const info = utf8("fuzz");
    const sent = { plaintext: utf8("a key"), recipient: identity.recipient, random };
    const message = await hpkeSeal(sent, { info });
    const whole = Uint8Array.from([...message.enc, ...message.ciphertext]);
    await fuzzBytes("hpke", [whole], async (bytes) => {
      const parts = { enc: bytes.slice(0, 32), ciphertext: bytes.slice(32) };
      if ((await hpkeOpen({ ...parts, identity }, { info })) !== undefined) throw new Error("opened");
    });
  });

  it.each(["permissions", "passphrase"] as const)(
    "of a key file under %s: none gives another key than it had",
    async (kind) => {
      const path = join(keys, `${kind}.json`);
      const about = { name: "key", createdAt: "2026-01-01T00:00:00Z", secrets: [secret(5), secret(6)] };
      const cost = { n: 2, r: 1, p: 1 };
      const protection = kind === "permissions" ? { kind } : { kind, passphrase: "open", cost };
      const info = await writeKeyFile(path, about, { protection });
      const access = { passphrase: () => Promise.resolve("open"), wrapper: () => Promise.reject(refused) };
      const whole = Uint8Array.from(readFileSync(path));
      const value = JSON.parse(Buffer.from(whole).toString()) as object;
      await fuzz(`key file ${kind}`, async (next, place) => {
        const changed = `${path}.${place}`;
        writeFileSync(changed, mutatedDocument(whole, value, next), { mode: 0o600 });
        const opened = await openKeyFile(changed, access);
        expect(opened.secrets).toEqual(about.secrets);
        // Only what names the key may be changed by whoever may write the file, and not even that under a passphrase.
        const { name, createdAt } = kind === "permissions" ? opened.info : info;
        expect(opened.info).toEqual({ ...info, name, createdAt });
      });
    },
  );

  it("of recipients: none is taken for another", async () => {
    const recipient = utf8("sealflow-recipient-1-AgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgLM");
    await fuzzBytes("recipient", [recipient], (bytes) => requireRefused(parseRecipient(latin(bytes))));
  });

  it("of shares: none gives another key", async () => {
    const [one = "", two = ""] = await splitSecret(random.bytes(32), { shares: 2, threshold: 2 });
    await fuzzBytes("share", [utf8(one)], (bytes) => requireRefused(combineShares([latin(bytes), two])));
  });
});
