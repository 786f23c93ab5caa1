/** Sealing: plaintext in, artifact out, in memory for two chunks. */
import { type Random, SealflowError, toHex } from "@sealflow/core";
import type { Recipient } from "../keys/recipient.js";
import { type AeadFactory, chunkCipher, maxChunks } from "./cipher.js";
import { type ContentKind, defaultChunkBytes, encodeHeader, type Lineage } from "./header.js";
import { encodeKeySection } from "./key-section.js";
import { type ByteStream, chunksOf, pieceReader } from "./pieces.js";

type Bytes = Uint8Array<ArrayBuffer>;

/** How to seal. */
export interface SealOptions {
  /** Up to 64; with none, only the data key opens the artifact. */
  readonly recipients: readonly Recipient[];
  readonly random: Random;
  /** Default none. */
  readonly lineage?: Lineage;
  /** Default `bytes`. */
  readonly content?: ContentKind;
  /** Plaintext per chunk in bytes, 1 to 16 MiB; default 1 MiB. */
  readonly chunkBytes?: number;
  /** 32 bytes, never used for another artifact; default fresh from `random`. */
  readonly dataKey?: Bytes;
  /** Default WebCrypto. */
  readonly aead?: AeadFactory;
}

/**
 * Seals a stream.
 *
 * @throws SealflowError `SEAL_ARTIFACT_MALFORMED` for a header or recipients beyond the format's limits,
 *   `SEAL_ARTIFACT_TOO_LARGE` past 2^32 chunks; and what the source throws.
 */
export async function* sealArtifact(plaintext: ByteStream, options: SealOptions): AsyncGenerator<Uint8Array> {
  const { random } = options;
  const dataKey = options.dataKey ?? random.bytes(32);
  if (dataKey.length !== 32) throw new TypeError(`data key: expected 32 bytes, got ${dataKey.length}`);
  const chunkBytes = options.chunkBytes ?? defaultChunkBytes;
  const headerBytes = encodeHeader({
    chunkBytes,
    content: options.content ?? "bytes",
    id: toHex(random.bytes(16)),
    lineage: options.lineage ?? {},
  });
  yield headerBytes;
  yield await encodeKeySection(headerBytes, dataKey, { recipients: options.recipients, random });
  const cipher = await chunkCipher(headerBytes, dataKey, options.aead);
  const reader = pieceReader(plaintext);
  let index = 0;
  try {
    for await (const { bytes, final } of chunksOf(reader, chunkBytes)) {
      if (index >= maxChunks) throw tooLarge(chunkBytes);
      yield* await cipher.seal(index++, final, bytes);
    }
  } finally {
    await reader.close();
  }
}

function tooLarge(chunkBytes: number): SealflowError {
  return new SealflowError({
    code: "SEAL_ARTIFACT_TOO_LARGE",
    message: `sealed artifact: expected at most ${maxChunks} chunks of ${chunkBytes} bytes, got more`,
    hint: "use larger chunks",
  });
}
