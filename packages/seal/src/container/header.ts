/** The header of a sealed artifact: what is fixed when it is sealed. Layout: docs/reference/sealed-artifact.md. */
import { canonicalJson, concatBytes, isJsonObject, SealflowError, utf8 } from "@sealflow/core";
import { readCanonicalJson } from "../json/canonical.js";
import { type JsonPlace, jsonReader } from "../json/reader.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** What an artifact is part of: names to values, readable without a key, bound to every chunk. */
export type Lineage = Readonly<Record<string, string>>;

/** What the plaintext is: bytes as they are, or a directory as a tar archive. */
export type ContentKind = "bytes" | "tar";

/** The header. Readable by anyone; authentic once the artifact's key has opened something under it. */
export interface SealedHeader {
  /** Bytes of plaintext per chunk, 1 to 16 MiB. */
  readonly chunkBytes: number;
  readonly content: ContentKind;
  /** 32 lower-case hex digits, random: no two artifacts share it. */
  readonly id: string;
  readonly lineage: Lineage;
}

/** Chunk size unless another is asked for: 1 MiB. */
export const defaultChunkBytes = 1024 * 1024;
/** Largest chunk size: 16 MiB. A reader holds two chunks. */
export const maxChunkBytes = 16 * 1024 * 1024;
/** Largest header, and largest key section, without their length fields: 64 KiB. */
export const maxSectionBytes = 64 * 1024;
/** The first twelve bytes: `SEALFLOW`, and the format's version 1 as a big-endian number. */
export const magic = concatBytes(utf8("SEALFLOW"), Uint8Array.of(0, 0, 0, 1));

const reader = jsonReader("SEAL_ARTIFACT_MALFORMED", "sealed artifact's header");

/** A big-endian number of four bytes. */
export function uint32(value: number): Bytes {
  const bytes = new Uint8Array(4);
  new DataView(bytes.buffer).setUint32(0, value);
  return bytes;
}

/** Magic, length and header: the first bytes of the artifact. */
export function encodeHeader(header: SealedHeader): Bytes {
  const text = utf8(canonicalJson(checkHeader(header)));
  if (text.length > maxSectionBytes) {
    throw reader.error("lineage", `a header of at most ${maxSectionBytes} bytes`, text.length);
  }
  return concatBytes(magic, uint32(text.length), text);
}

/**
 * Reads the header's text strictly.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`
 */
export function parseHeader(text: Uint8Array): SealedHeader {
  return checkHeader(
    readCanonicalJson(text, {
      code: "SEAL_ARTIFACT_MALFORMED",
      what: "sealed artifact's header",
      maxBytes: maxSectionBytes,
    }),
  );
}

function checkHeader(value: unknown): SealedHeader {
  const members = reader.object({ value, path: "" }, ["chunkBytes", "content", "id", "lineage"]);
  return {
    chunkBytes: reader.integer(members("chunkBytes"), { min: 1, max: maxChunkBytes }),
    content: checkContent(members("content")),
    id: reader.text(members("id"), /^[0-9a-f]{32}$/, "32 lower-case hex digits"),
    lineage: checkLineage(members("lineage")),
  };
}

function checkContent({ value, path }: JsonPlace): ContentKind {
  if (value === "bytes" || value === "tar") return value;
  throw reader.error(path, '"bytes" or "tar"', value);
}

function checkLineage({ value, path }: JsonPlace): Lineage {
  if (!isJsonObject(value)) throw reader.error(path, "an object", value);
  for (const [name, text] of Object.entries(value)) {
    const place = `${path}.${name}`;
    reader.text({ value: name, path: place }, /^[A-Za-z][A-Za-z0-9._-]{0,63}$/, "a name");
    reader.text({ value: text, path: place }, /(?:)/, "a text");
  }
  return value as Lineage;
}

/**
 * Checks that each expected name has the expected value.
 *
 * @throws SealflowError `SEAL_LINEAGE_MISMATCH`
 */
export function requireLineage(header: SealedHeader, expected: Lineage): void {
  for (const [name, value] of Object.entries(expected)) {
    const got = Object.hasOwn(header.lineage, name) ? header.lineage[name] : undefined;
    if (got === value) continue;
    throw new SealflowError({
      code: "SEAL_LINEAGE_MISMATCH",
      message: `sealed artifact: expected ${name} ${JSON.stringify(value)}, got ${JSON.stringify(got) ?? "nothing"}`,
      hint: "this is another artifact than the one asked for",
    });
  }
}
