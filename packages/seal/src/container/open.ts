/** Opening: artifact in, plaintext out, in memory for two chunks. */
import { SealflowError } from "@sealflow/core";
import { type AeadFactory, type ChunkCipher, chunkCipher, maxChunks, tagBytes } from "./cipher.js";
import { type Lineage, requireLineage, type SealedHeader } from "./header.js";
import { type Unlock, unlockDataKey, type WrappedKey } from "./key-section.js";
import { readOpening, truncated } from "./opening.js";
import { type ByteStream, type Chunk, chunksOf, type PieceReader, pieceReader } from "./pieces.js";

/** How to open. */
export interface OpenOptions {
  readonly unlock: Unlock;
  /** Lineage that the artifact must have; names that are not given may have any value. */
  readonly lineage?: Lineage;
  /** Default WebCrypto. */
  readonly aead?: AeadFactory;
}

/** An artifact whose header and keys are authentic. */
export interface OpenedArtifact {
  readonly header: SealedHeader;
  /**
   * The plaintext, each chunk authenticated before it is handed out. The artifact is whole only when the stream has
   * ended without an error: what came before an error must be thrown away.
   */
  readonly plaintext: AsyncGenerator<Uint8Array>;
}

/**
 * Opens a stream.
 *
 * @throws SealflowError `SEAL_ARTIFACT_…`, `SEAL_RECIPIENT_NONE`, `SEAL_KEY_WRONG`, `SEAL_LINEAGE_MISMATCH`; the
 *   plaintext throws `SEAL_ARTIFACT_TRUNCATED`, `SEAL_ARTIFACT_EXTENDED`, `SEAL_ARTIFACT_CORRUPT`.
 */
export async function openArtifact(sealed: ByteStream, options: OpenOptions): Promise<OpenedArtifact> {
  const reader = pieceReader(sealed);
  try {
    const opening = await readOpening(reader);
    const dataKey = await unlockDataKey(opening, options.unlock);
    requireLineage(opening.header, options.lineage ?? {});
    const cipher = await chunkCipher(opening.headerBytes, dataKey, options.aead);
    return { header: opening.header, plaintext: plaintextOf(reader, cipher, opening.header) };
  } catch (error) {
    await reader.close();
    throw error;
  }
}

async function* plaintextOf(
  reader: PieceReader,
  cipher: ChunkCipher,
  header: SealedHeader,
): AsyncGenerator<Uint8Array> {
  let index = 0;
  try {
    for await (const chunk of chunksOf(reader, header.chunkBytes + tagBytes)) {
      const bytes = await openChunk(cipher, index++, chunk);
      if (bytes.length > 0) yield bytes;
    }
  } finally {
    await reader.close();
  }
}

/**
 * Opens one chunk, or says what is wrong with it.
 *
 * @throws SealflowError `SEAL_ARTIFACT_TRUNCATED`, `SEAL_ARTIFACT_EXTENDED`, `SEAL_ARTIFACT_CORRUPT`
 */
export async function openChunk(cipher: ChunkCipher, index: number, chunk: Chunk): Promise<Uint8Array> {
  const { bytes, final } = chunk;
  if (bytes.length < tagBytes) throw truncated(`chunk ${index}`);
  const plaintext = index < maxChunks ? await cipher.open(index, final, bytes) : undefined;
  if (plaintext !== undefined && (plaintext.length > 0 || index === 0)) return plaintext;
  if (plaintext === undefined && (await cipher.open(index, !final, bytes)) !== undefined) {
    throw final ? truncated(`what follows chunk ${index}`) : extended(index);
  }
  throw new SealflowError({
    code: "SEAL_ARTIFACT_CORRUPT",
    message: `sealed artifact: expected chunk ${index} as it was sealed, got changed${final ? ", misplaced or incomplete" : " or misplaced"} bytes`,
    hint: "the file was changed, or is incomplete: take another copy of it, or seal it again",
    data: { chunk: index },
  });
}

function extended(index: number): SealflowError {
  return new SealflowError({
    code: "SEAL_ARTIFACT_EXTENDED",
    message: `sealed artifact: expected its end after chunk ${index}, got more bytes`,
  });
}

/** What anyone can read of an artifact without a key. Nothing of it is verified. */
export interface ArtifactDescription {
  readonly header: SealedHeader;
  readonly keys: readonly WrappedKey[];
}

/**
 * Reads header and recipients. Nothing is verified.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED`, `SEAL_ARTIFACT_VERSION`, `SEAL_ARTIFACT_TRUNCATED`
 */
export async function describeArtifact(sealed: ByteStream): Promise<ArtifactDescription> {
  const reader = pieceReader(sealed);
  try {
    const { header, keys } = await readOpening(reader);
    return { header, keys };
  } finally {
    await reader.close();
  }
}
