/** Reading chunks in any order. */
import { type ChunkCipher, chunkCipher, tagBytes } from "./cipher.js";
import { requireLineage, type SealedHeader } from "./header.js";
import { unlockDataKey } from "./key-section.js";
import { type OpenOptions, openChunk } from "./open.js";
import { type ReadOpening, readOpening, truncated } from "./opening.js";
import type { PieceReader } from "./pieces.js";

/** Bytes that can be read anywhere: a file, a blob, ranges of an object. */
export interface ByteRange {
  /** Bytes in all. */
  readonly size: number;
  /** Exactly `length` bytes from `offset`, both within `size`. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/** An artifact whose header, keys and length are authentic. */
export interface ArtifactReader {
  readonly header: SealedHeader;
  /** Bytes of plaintext. */
  readonly size: number;
  readonly chunks: number;
  /** The plaintext of one chunk, authenticated. */
  chunk(index: number): Promise<Uint8Array>;
  /** `length` bytes from `offset`, cut at the end. */
  read(offset: number, length: number): Promise<Uint8Array>;
}

/**
 * Opens an artifact for reading in any order. The last chunk is opened first, which proves how long the artifact is.
 *
 * @throws SealflowError as `openArtifact` and its plaintext
 */
export async function openArtifactAt(source: ByteRange, options: OpenOptions): Promise<ArtifactReader> {
  const opening = await readOpening(rangeReader(source));
  const dataKey = await unlockDataKey(opening, options.unlock);
  requireLineage(opening.header, options.lineage ?? {});
  const cipher = await chunkCipher(opening.headerBytes, dataKey, options.aead);
  const layout = layoutOf(source, opening);
  const last = await layout.open(cipher, layout.chunks - 1);
  const { chunkBytes } = opening.header;
  const size = (layout.chunks - 1) * chunkBytes + last.length;
  const chunk = (index: number) => {
    if (!Number.isInteger(index) || index < 0 || index >= layout.chunks) {
      throw new RangeError(`chunk: expected 0 to ${layout.chunks - 1}, got ${index}`);
    }
    return layout.open(cipher, index);
  };
  return {
    header: opening.header,
    size,
    chunks: layout.chunks,
    chunk: async (index) => chunk(index),
    read: async (offset, length) => {
      const end = Math.min(size, offset + length);
      if (!(offset >= 0 && length >= 0)) throw new RangeError("offset and length: expected at least 0");
      const result = new Uint8Array(Math.max(0, end - offset));
      for (let at = offset; at < end; ) {
        const index = Math.floor(at / chunkBytes);
        const bytes = (await chunk(index)).subarray(at - index * chunkBytes, end - index * chunkBytes);
        result.set(bytes, at - offset);
        at += bytes.length;
      }
      return result;
    },
  };
}

function layoutOf(source: ByteRange, opening: ReadOpening) {
  const stride = opening.header.chunkBytes + tagBytes;
  const body = source.size - opening.bytes;
  if (body < tagBytes) throw truncated("chunk 0");
  const chunks = Math.ceil(body / stride);
  const open = async (cipher: ChunkCipher, index: number) => {
    const offset = opening.bytes + index * stride;
    const final = index === chunks - 1;
    const bytes = await source.read(offset, final ? source.size - offset : stride);
    return openChunk(cipher, index, { bytes, final });
  };
  return { chunks, open };
}

function rangeReader(source: ByteRange): PieceReader {
  let offset = 0;
  return {
    take: async (length) => {
      const bytes = await source.read(offset, Math.min(length, source.size - offset));
      offset += bytes.length;
      return bytes;
    },
    close: async () => {},
  };
}
