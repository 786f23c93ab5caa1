/** The part of an artifact before its chunks. */
import { concatBytes, equalBytes, SealflowError } from "@sealflow/core";
import { magic, maxSectionBytes, parseHeader, type SealedHeader } from "./header.js";
import { keyTagBytes, type Opening, parseKeySection } from "./key-section.js";
import { ownedBytes, type PieceReader } from "./pieces.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** Header and key section, read and well-formed. Nothing is verified yet. */
export interface ReadOpening extends Opening {
  readonly header: SealedHeader;
  /** Where the chunks start. */
  readonly bytes: number;
}

/**
 * Reads up to the first chunk.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`, `SEAL_ARTIFACT_VERSION`, `SEAL_ARTIFACT_TRUNCATED`
 */
export async function readOpening(reader: PieceReader): Promise<ReadOpening> {
  requireMagic(await reader.take(magic.length));
  const headerText = await readSection(reader, "header");
  const header = parseHeader(headerText.subarray(4));
  const sectionBytes = await readSection(reader, "key section");
  const keys = parseKeySection(sectionBytes.subarray(4));
  const tag = await exactly(reader, keyTagBytes, "key section's tag");
  const headerBytes = concatBytes(magic, headerText);
  const bytes = headerBytes.length + sectionBytes.length + tag.length;
  return { header, headerBytes, sectionBytes, tag, keys, bytes };
}

function requireMagic(bytes: Uint8Array): void {
  if (equalBytes(bytes, magic)) return;
  const name = magic.subarray(0, 8);
  if (bytes.length === magic.length && equalBytes(bytes.subarray(0, 8), name)) {
    throw new SealflowError({
      code: "SEAL_ARTIFACT_VERSION",
      message: `sealed artifact: expected format version 1, got ${new DataView(ownedBytes(bytes).buffer).getUint32(8)}`,
      hint: "open it with a newer release",
    });
  }
  if (bytes.length < magic.length && equalBytes(bytes, magic.subarray(0, bytes.length))) {
    throw truncated("its first bytes");
  }
  throw new SealflowError({
    code: "SEAL_ARTIFACT_MALFORMED",
    message: "sealed artifact: expected a file that begins with SEALFLOW, got another one",
    hint: "is this file sealed?",
  });
}

/** Length field and text. */
async function readSection(reader: PieceReader, what: string): Promise<Bytes> {
  const field = await exactly(reader, 4, what);
  const length = new DataView(field.buffer).getUint32(0);
  if (length > maxSectionBytes) {
    throw new SealflowError({
      code: "SEAL_ARTIFACT_MALFORMED",
      message: `sealed artifact: expected a ${what} of at most ${maxSectionBytes} bytes, got ${length}`,
    });
  }
  return concatBytes(field, await exactly(reader, length, what));
}

async function exactly(reader: PieceReader, length: number, what: string): Promise<Bytes> {
  const bytes = await reader.take(length);
  if (bytes.length < length) throw truncated(what);
  return ownedBytes(bytes);
}

/** @param where What is cut off. */
export function truncated(where: string): SealflowError {
  return new SealflowError({
    code: "SEAL_ARTIFACT_TRUNCATED",
    message: `sealed artifact: expected more bytes, got an end in ${where}`,
    hint: "the file is incomplete: copy or seal it again",
  });
}
