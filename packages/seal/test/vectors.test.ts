import { mkdirSync, writeFileSync } from "node:fs";
import {
  canonicalJson,
  concatBytes,
  equalBytes,
  fromBase64,
  fromHex,
  fromUtf8,
  toBase64,
  toHex,
  utf8,
} from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { encodeHeader, magic, uint32 } from "../src/container/header.js";
import {
  artifactDigest,
  dataKeyOf,
  describeArtifact,
  openArtifact,
  projectKeyFrom,
  sealArtifact,
} from "../src/index.js";
import { collect, reproducible } from "./random.js";
import {
  type ArtifactVector,
  type MalformedArtifact,
  plaintextOf,
  readMalformed,
  readVectors,
  testdata,
} from "./vectors.js";

const write = process.env.SEALFLOW_WRITE_VECTORS === "1";
const secretsOf = (count: number) => Array.from({ length: count }, (_, i) => new Uint8Array(32).fill(i + 1));
const plans = [
  { name: "empty", length: 0, chunkBytes: 16, recipients: 1 },
  { name: "one byte in chunks of one", length: 1, chunkBytes: 1, recipients: 1 },
  { name: "a last chunk that is full", length: 64, chunkBytes: 16, recipients: 1 },
  { name: "a last chunk that is not full", length: 65, chunkBytes: 16, recipients: 1 },
  { name: "the default chunk size", length: 100, chunkBytes: 1024 * 1024, recipients: 1 },
  { name: "several recipients", length: 30, chunkBytes: 16, recipients: 3 },
  { name: "no recipients", length: 30, chunkBytes: 16, recipients: 0 },
  { name: "a directory", length: 30, chunkBytes: 7, recipients: 1, content: "tar" as const },
  {
    name: "a lineage with texts that need care",
    length: 10,
    chunkBytes: 16,
    recipients: 1,
    lineage: { Run: "", task: 'quotes " \\ / \n \u0001 \u007f', z: "häuser 🏠 \u2028" },
  },
];

async function makeVector(plan: (typeof plans)[number]): Promise<ArtifactVector> {
  const secrets = secretsOf(plan.recipients);
  const keys = await Promise.all(secrets.map((secret) => projectKeyFrom(secret)));
  const options = {
    recipients: keys.map(({ identity }) => identity.recipient),
    random: reproducible(plan.name),
    chunkBytes: plan.chunkBytes,
    content: plan.content ?? ("bytes" as const),
    lineage: plan.lineage ?? {},
  };
  const artifact = await collect(sealArtifact([plaintextOf(plan.length)], options));
  const known = reproducible(plan.name);
  return {
    name: plan.name,
    producer: "typescript",
    secrets: secrets.map(toHex),
    dataKey: toHex(known.bytes(32)),
    id: toHex(known.bytes(16)),
    chunkBytes: options.chunkBytes,
    content: options.content,
    lineage: options.lineage,
    plaintextLength: plan.length,
    digest: await artifactDigest([artifact]),
    artifact: toBase64(artifact),
  };
}

/** Headers and key sections that parse as far as their flaw; each is refused for the reason given. */
async function makeMalformed(): Promise<MalformedArtifact[]> {
  const plan = plans[3];
  if (!plan) throw new Error("plan");
  const good = fromBase64((await makeVector(plan)).artifact);
  const headerEnd = 16 + new DataView(good.buffer).getUint32(12);
  const keysEnd = headerEnd + 4 + new DataView(good.buffer).getUint32(headerEnd);
  const header = JSON.parse(fromUtf8(good.slice(16, headerEnd))) as Record<string, unknown>;
  const keys = JSON.parse(fromUtf8(good.slice(headerEnd + 4, keysEnd))) as { recipients: object[] };
  const rest = good.slice(headerEnd);
  const withHeader = (text: string) => concatBytes(magic, uint32(utf8(text).length), utf8(text), rest);
  const headerOf = (change: object) => withHeader(canonicalJson({ ...header, ...change }));
  const withKeys = (text: string) =>
    concatBytes(good.slice(0, headerEnd), uint32(utf8(text).length), utf8(text), good.slice(keysEnd));
  const [wrapped] = keys.recipients;
  const body = keysEnd + 32;
  const malformed = "SEAL_ARTIFACT_MALFORMED";
  const corrupt = "SEAL_ARTIFACT_CORRUPT";
  const truncated = "SEAL_ARTIFACT_TRUNCATED";
  const cases: (readonly [reason: string, code: string, bytes: Uint8Array])[] = [
    ["nothing at all", truncated, new Uint8Array(0)],
    ["the first letters only", truncated, good.slice(0, 5)],
    ["another kind of file", malformed, utf8("PAR1 and more of a Parquet file")],
    ["a short file of another kind", malformed, utf8("PAR1")],
    ["a later version", "SEAL_ARTIFACT_VERSION", concatBytes(magic.slice(0, 11), utf8("\u0002"), rest)],
    ["no header's length", truncated, good.slice(0, 14)],
    ["a header's length past the limit", malformed, concatBytes(magic, uint32(65537), new Uint8Array(65537))],
    ["a header's length past the file", truncated, concatBytes(magic, uint32(65536), good.slice(16))],
    ["a header with white space", malformed, withHeader(JSON.stringify(header, null, 1))],
    ["a header with a member twice", malformed, withHeader(`{"id":"",${canonicalJson(header).slice(1)}`)],
    ["a header that is not UTF-8", malformed, concatBytes(magic, uint32(1), Uint8Array.of(0xff), rest)],
    ["a header that is a list", malformed, withHeader("[]")],
    ["an unknown member, which this version cannot honour", malformed, headerOf({ extra: 1 })],
    ["no lineage", malformed, headerOf({ lineage: undefined })],
    ["chunks of no bytes, which never end", malformed, headerOf({ chunkBytes: 0 })],
    ["chunks that do not fit into memory", malformed, headerOf({ chunkBytes: 16 * 1024 * 1024 + 1 })],
    ["a fraction of a byte", malformed, headerOf({ chunkBytes: 16.5 })],
    ["a truth value as chunk size", malformed, headerOf({ chunkBytes: true })],
    ["an unknown content", malformed, headerOf({ content: "zip" })],
    ["a short id", malformed, headerOf({ id: "00" })],
    ["an upper-case id, a second spelling", malformed, headerOf({ id: "A".repeat(32) })],
    ["a lineage that is not all text", malformed, headerOf({ lineage: { run: 1 } })],
    ["a lineage's name with a space", malformed, headerOf({ lineage: { "a b": "" } })],
    ["another header, well-formed", "SEAL_ARTIFACT_KEYS", headerOf({ lineage: { run: "other" } })],
    ["another chunk size, well-formed", "SEAL_ARTIFACT_KEYS", headerOf({ chunkBytes: 17 })],
    [
      "a key section's length past the limit",
      malformed,
      concatBytes(good.slice(0, headerEnd), uint32(65537), new Uint8Array(65537)),
    ],
    ["an unknown member of the key section", malformed, withKeys(canonicalJson({ ...keys, extra: 1 }))],
    ["a recipient twice", malformed, withKeys(canonicalJson({ recipients: [wrapped, wrapped] }))],
    [
      "too many recipients",
      malformed,
      withKeys(
        canonicalJson({
          recipients: Array.from({ length: 65 }, (_, i) => ({
            ...wrapped,
            recipient: i.toString(16).padStart(64, "0"),
          })),
        }),
      ),
    ],
    [
      "recipients out of order",
      malformed,
      withKeys(canonicalJson({ recipients: [{ ...wrapped, recipient: "f".repeat(64) }, wrapped] })),
    ],
    [
      "an encapsulated key that is too short",
      malformed,
      withKeys(canonicalJson({ recipients: [{ ...wrapped, enc: "AAAA" }] })),
    ],
    [
      "an encrypted key that is too long",
      malformed,
      withKeys(canonicalJson({ recipients: [{ ...wrapped, key: toBase64(new Uint8Array(49)) }] })),
    ],
    [
      "base64 with unused bits set",
      malformed,
      withKeys(canonicalJson({ recipients: [{ ...wrapped, enc: `${"A".repeat(42)}B=` }] })),
    ],
    ["the recipient taken out", "SEAL_RECIPIENT_NONE", withKeys('{"recipients":[]}')],
    [
      "an encapsulated point of low order",
      "SEAL_ARTIFACT_KEYS",
      withKeys(canonicalJson({ recipients: [{ ...wrapped, enc: toBase64(new Uint8Array(32)) }] })),
    ],
    [
      "a recipient more, by someone without the data key",
      "SEAL_ARTIFACT_KEYS",
      withKeys(canonicalJson({ recipients: [{ ...wrapped, recipient: "0".repeat(64) }, wrapped] })),
    ],
    ["a tag that is cut off", truncated, good.slice(0, body - 1)],
    ["no chunk", truncated, good.slice(0, body)],
    ["half a tag of a chunk", truncated, good.slice(0, body + 8)],
    ["a chunk cut off inside", corrupt, good.slice(0, body + 20)],
    ["a last chunk that is missing", truncated, good.slice(0, body + 4 * 32)],
    ["a last chunk twice", corrupt, concatBytes(good, good.slice(body + 4 * 32))],
    [
      "chunks in another order",
      corrupt,
      concatBytes(
        good.slice(0, body),
        good.slice(body + 32, body + 64),
        good.slice(body, body + 32),
        good.slice(body + 64),
      ),
    ],
    ["bytes after the end", corrupt, concatBytes(good, Uint8Array.of(0))],
  ];
  return cases.map(([reason, code, bytes]) => ({ reason, code, artifact: toBase64(bytes) }));
}

if (write) {
  mkdirSync(testdata, { recursive: true });
  const vectors = await Promise.all(plans.map(makeVector));
  writeFileSync(`${testdata}made-by-typescript.json`, `${JSON.stringify(vectors, null, 1)}\n`);
  writeFileSync(`${testdata}malformed.json`, `${JSON.stringify(await makeMalformed(), null, 1)}\n`);
}

describe("vectors", () => {
  const vectors = readVectors();
  it("are there from each language", () => {
    expect(new Set(vectors.map(({ producer }) => producer))).toEqual(new Set(["typescript", "python"]));
  });

  it.each(vectors)("open: $name, made by $producer", async (vector) => {
    const artifact = fromBase64(vector.artifact);
    const dataKey = fromHex(vector.dataKey);
    const expected = plaintextOf(vector.plaintextLength);
    const keys = await Promise.all(vector.secrets.map((secret) => projectKeyFrom(fromHex(secret))));
    for (const { identity } of keys) {
      const unlock = { identities: [identity] };
      const opened = await openArtifact([artifact], { unlock });
      expect(await collect(opened.plaintext)).toEqual(expected);
      expect(await dataKeyOf([artifact], unlock)).toEqual(dataKey);
    }
    expect(await collect((await openArtifact([artifact], { unlock: { dataKey } })).plaintext)).toEqual(
      expected,
    );
    expect(await artifactDigest([artifact])).toBe(vector.digest);
    const { chunkBytes, content, id, lineage } = vector;
    expect((await describeArtifact([artifact])).header).toEqual({ chunkBytes, content, id, lineage });
  });

  it.each(vectors)("are made again, but for the wrapped keys: $name, made by $producer", async (vector) => {
    const { chunkBytes, content, id, lineage } = vector;
    const artifact = fromBase64(vector.artifact);
    const header = encodeHeader({ chunkBytes, content, id, lineage });
    expect(equalBytes(artifact.subarray(0, header.length), header)).toBe(true);
    const fixed = { bytes: (length: number) => (length === 16 ? fromHex(id) : new Uint8Array(length)) };
    const options = {
      recipients: [],
      random: fixed,
      chunkBytes,
      content,
      lineage,
      dataKey: fromHex(vector.dataKey),
    };
    const again = await collect(sealArtifact([plaintextOf(vector.plaintextLength)], options));
    const body = vector.plaintextLength + 16 * Math.max(1, Math.ceil(vector.plaintextLength / chunkBytes));
    expect(again.slice(-body)).toEqual(artifact.slice(-body));
  });

  it.each(plans)("are what this version makes: $name", async (plan) => {
    const vector = vectors.find(({ name, producer }) => name === plan.name && producer === "typescript");
    expect(await makeVector(plan)).toEqual(vector);
  });
});

describe("a malformed artifact", async () => {
  const { identity } = await projectKeyFrom(new Uint8Array(32).fill(1));
  it.each(readMalformed())("is refused: $reason", async ({ artifact, code }) => {
    const open = async () => {
      const opened = await openArtifact([fromBase64(artifact)], { unlock: { identities: [identity] } });
      return collect(opened.plaintext);
    };
    await expect(open()).rejects.toMatchObject({ code });
  });
});
