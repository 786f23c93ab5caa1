/**
 * Sealing and opening files with few allocations: pieces fall together with chunks, so that nothing is copied, and their memory
 * is used again, since nobody but the cipher sees it.
 */
import { createHash } from "node:crypto";
import { tagBytes } from "../container/cipher.js";
import { type ArtifactOpening, type HashOfParts, openingOf } from "../container/digest.js";
import { defaultChunkBytes } from "../container/header.js";
import { type OpenedArtifact, type OpenOptions, openArtifact } from "../container/open.js";
import { readOpening } from "../container/opening.js";
import { pieceReader } from "../container/pieces.js";
import { type SealOptions, sealArtifact } from "../container/seal.js";
import { nodeAead } from "./aead.js";
import { piecesOfFile, readPieces } from "./files.js";

/** Pieces in use at once: one that is sealed or opened, the one after it, and one that is read. The cipher is done with a piece before the next one is asked for. */
const buffers = 3;
/** Bytes that are read at a time until the chunks are found. */
const openingPieceBytes = 64 * 1024;

/** The artifact of a file; the cipher is Node's. @throws SealflowError as `sealArtifact`, `SEAL_FILE_UNREADABLE` */
export function sealFile(path: string, options: Omit<SealOptions, "aead">): AsyncGenerator<Uint8Array> {
  const pieceBytes = options.chunkBytes ?? defaultChunkBytes;
  const plaintext = inTurns(pieceBytes, (buffer) => readPieces(path, { at: 0, pieceBytes, buffer }));
  return sealArtifact(plaintext, { ...options, aead: nodeAead });
}

/** Opens a sealed file; the cipher is Node's. @throws SealflowError as `openArtifact`, `SEAL_FILE_UNREADABLE` */
export async function openSealedFile(
  path: string,
  options: Omit<OpenOptions, "aead">,
): Promise<OpenedArtifact> {
  return openArtifact(alignedPieces(path), { ...options, aead: nodeAead });
}

/**
 * The opening of a sealed file with its digest, as `openingOf` gives it. No key is needed, and nothing is decrypted.
 *
 * @throws SealflowError as `openingOf`, `SEAL_FILE_UNREADABLE`
 */
export function openingOfFile(path: string): Promise<ArtifactOpening> {
  return openingOf(alignedPieces(path), nodeHash);
}

const nodeHash: HashOfParts = (...parts) => {
  const hash = createHash("sha256");
  for (const part of parts) hash.update(part);
  return Uint8Array.from(hash.digest());
};

/** First what stands before the chunks, then chunk by chunk. What is no sealed file comes as it is: opening it says what is wrong. */
async function* alignedPieces(path: string): AsyncGenerator<Uint8Array> {
  const { start, stride } = await layoutOf(path);
  if (start > 0) {
    const opening = readPieces(path, { at: 0, pieceBytes: start, buffer: () => Buffer.alloc(start) });
    for await (const piece of opening) {
      yield piece;
      break;
    }
  }
  yield* inTurns(stride, (buffer) => readPieces(path, { at: start, pieceBytes: stride, buffer }));
}

async function layoutOf(path: string): Promise<{ readonly start: number; readonly stride: number }> {
  const reader = pieceReader(piecesOfFile(path, openingPieceBytes));
  try {
    const { bytes, header } = await readOpening(reader);
    return { start: bytes, stride: header.chunkBytes + tagBytes };
  } catch {
    return { start: 0, stride: openingPieceBytes };
  } finally {
    await reader.close();
  }
}

/** Memory of files that are done with, for the next one; one ring of each size at most. */
const spare = new Map<number, Buffer[]>();

/** Buffers that take turns. Nobody has them any more when the pieces have ended. */
async function* inTurns(
  bytes: number,
  pieces: (buffer: () => Buffer) => AsyncGenerator<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  const all = spare.get(bytes) ?? [];
  spare.delete(bytes);
  let turn = 0;
  const buffer = () => {
    const index = turn++ % buffers;
    all[index] ??= Buffer.allocUnsafeSlow(bytes);
    return all[index];
  };
  try {
    yield* pieces(buffer);
  } finally {
    spare.clear();
    spare.set(bytes, all);
  }
}
