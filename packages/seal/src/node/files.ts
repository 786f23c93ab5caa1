/** Files as pieces, read one ahead and written one behind, so that disk and cipher work at the same time. */
import { randomBytes } from "node:crypto";
import { type FileHandle, link, open, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { ByteStream } from "../container/pieces.js";

/** Bytes per piece read, unless another size is asked for: 1 MiB. */
const defaultPieceBytes = 1024 * 1024;

/**
 * The content of a file.
 *
 * @param pieceBytes Bytes per piece, at least 1; default 1 MiB.
 * @throws SealflowError `SEAL_FILE_UNREADABLE`
 */
export function piecesOfFile(path: string, pieceBytes = defaultPieceBytes): AsyncGenerator<Uint8Array> {
  return readPieces(path, { at: 0, pieceBytes, buffer: () => Buffer.allocUnsafeSlow(pieceBytes) });
}

/** How pieces are read. */
export interface Reading {
  /** Where the first piece starts. */
  readonly at: number;
  readonly pieceBytes: number;
  /** The memory for the next piece. */
  readonly buffer: () => Buffer;
}

/** The content of a file in pieces, one read ahead. @throws SealflowError `SEAL_FILE_UNREADABLE` */
export async function* readPieces(
  path: string,
  { at, pieceBytes, buffer }: Reading,
): AsyncGenerator<Uint8Array> {
  const file = await open(path, "r").catch((cause: unknown) => {
    throw unreadable(path, cause);
  });
  let position = at;
  const read = () => {
    const piece = readPiece(file, buffer(), position).catch((cause: unknown) => unreadable(path, cause));
    position += pieceBytes;
    return piece;
  };
  let next = read();
  try {
    for (;;) {
      const piece = await next;
      if (piece instanceof SealflowError) throw piece;
      if (piece.length === 0) return;
      next = read();
      yield piece;
    }
  } finally {
    await next;
    await file.close();
  }
}

/** What stands at a place, as much as the buffer holds or the file has. */
async function readPiece(file: FileHandle, buffer: Buffer, position: number): Promise<Uint8Array> {
  let filled = 0;
  while (filled < buffer.length) {
    const { bytesRead } = await file.read(buffer, filled, buffer.length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return buffer.subarray(0, filled);
}

/** How a file is written. */
export interface AtomicWrite {
  /** Whether a file that is there may be replaced; default false. */
  readonly replace?: boolean;
  /** Permissions; default 0o666 less the process's mask. */
  readonly mode?: number;
  /** Whether the file must be on the disk before it appears; default true. */
  readonly sync?: boolean;
}

/**
 * Writes a file that appears under its name whole or not at all. Until then it stands beside it, hidden, and its name
 * ends in `.partial`; it is removed when anything fails.
 *
 * @returns How many bytes were written.
 * @throws SealflowError `SEAL_OUTPUT_EXISTS`, `SEAL_FILE_UNWRITABLE`, and what the pieces throw.
 */
export async function writeFileAtomically(
  path: string,
  pieces: ByteStream,
  options: AtomicWrite = {},
): Promise<number> {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.partial`);
  const file = await open(partial, "wx", options.mode ?? 0o666).catch((cause: unknown) => {
    throw unwritable(path, cause);
  });
  try {
    let written: number;
    try {
      written = await writeAll(file, pieces, path);
      if (options.sync !== false) await file.sync().catch(rethrow(path));
    } finally {
      await file.close();
    }
    if (options.replace === true) await rename(partial, path).catch(rethrow(path));
    else await link(partial, path).catch(rethrow(path));
    return written;
  } finally {
    await rm(partial, { force: true });
  }
}

function rethrow(path: string): (cause: unknown) => never {
  return (cause) => {
    throw unwritable(path, cause);
  };
}

/** Small pieces are put together; one write is on its way while the next piece is made. */
async function writeAll(file: FileHandle, pieces: ByteStream, path: string): Promise<number> {
  const gatherBytes = 64 * 1024;
  let total = 0;
  let gathered: Uint8Array[] = [];
  let waiting = 0;
  let writing: Promise<unknown> = Promise.resolve();
  const flush = async () => {
    const failure = await writing;
    if (failure instanceof Error) throw unwritable(path, failure);
    const batch = gathered;
    writing = writeBatch(file, batch).catch((cause: unknown) => (cause instanceof Error ? cause : Error()));
    gathered = [];
    waiting = 0;
  };
  try {
    for await (const piece of pieces) {
      gathered.push(piece);
      waiting += piece.length;
      total += piece.length;
      if (waiting >= gatherBytes) await flush();
    }
    await flush();
  } finally {
    await writing;
  }
  const failure = await writing;
  if (failure instanceof Error) throw unwritable(path, failure);
  return total;
}

async function writeBatch(file: FileHandle, pieces: readonly Uint8Array[]): Promise<undefined> {
  let rest = pieces.filter((piece) => piece.length > 0);
  while (rest.length > 0) {
    let { bytesWritten } = await file.writev(rest);
    rest = rest.flatMap((piece) => {
      const done = Math.min(bytesWritten, piece.length);
      bytesWritten -= done;
      return done === piece.length ? [] : [piece.subarray(done)];
    });
  }
  return undefined;
}

/** The error for a file that cannot be read. */
export function unreadable(path: string, cause: unknown): SealflowError {
  return new SealflowError({
    code: "SEAL_FILE_UNREADABLE",
    message: `${path}: expected a readable file, got ${reasonOf(cause)}`,
    where: { file: path },
    cause,
  });
}

/** The error for a place that cannot be written. */
export function unwritable(path: string, cause: unknown): SealflowError {
  const exists = cause instanceof Error && "code" in cause && cause.code === "EEXIST";
  return new SealflowError({
    code: exists ? "SEAL_OUTPUT_EXISTS" : "SEAL_FILE_UNWRITABLE",
    message: `${path}: expected ${exists ? "no file of this name, got one" : `a place to write, got ${reasonOf(cause)}`}`,
    where: { file: path },
    cause,
    ...(exists ? { hint: "choose another name, or give --force to replace it" } : {}),
  });
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Error) return "code" in cause ? String(cause.code) : cause.message;
  return String(cause);
}
