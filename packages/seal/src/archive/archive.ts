/** Directories as archives, in order, in bounded memory. */
import { equalBytes } from "@sealflow/core";
import { type ByteStream, pieceReader } from "../container/pieces.js";
import {
  type ArchiveEntry,
  archivedPath,
  blockBytes,
  decodeEntry,
  encodeEntry,
  malformed,
  padding,
  requireSafe,
} from "./header.js";

/** Largest piece of content that is handed on at once: 1 MiB. */
const pieceBytes = 1024 * 1024;

/** An entry with what it holds. */
export interface ArchivedContent extends ArchiveEntry {
  /** Exactly `size` bytes; for directories nothing. */
  readonly content: ByteStream;
}

/** Ascending order of archived paths' bytes. */
export function compareEntries(
  a: Pick<ArchiveEntry, "path" | "kind">,
  b: Pick<ArchiveEntry, "path" | "kind">,
): number {
  const [left, right] = [archivedPath(a), archivedPath(b)];
  for (let i = 0; i < Math.min(left.length, right.length); i++) {
    const difference = (left[i] ?? 0) - (right[i] ?? 0);
    if (difference !== 0) return difference;
  }
  return left.length - right.length;
}

/**
 * The archive of entries that come in order (`compareEntries`), each directory before what is in it.
 *
 * @throws SealflowError `SEAL_ARCHIVE_MALFORMED` for a path that could leave the directory; `SEAL_SOURCE_CHANGED` when a
 *   file has another size than its entry says.
 */
export async function* writeArchive(
  entries: AsyncIterable<ArchivedContent> | Iterable<ArchivedContent>,
  changed: (entry: ArchiveEntry) => Error,
): AsyncGenerator<Uint8Array> {
  for await (const entry of entries) {
    requireSafe(entry.path);
    yield encodeEntry(entry);
    let left = entry.size;
    for await (const piece of entry.content) {
      left -= piece.length;
      if (left < 0) throw changed(entry);
      yield piece;
    }
    if (left !== 0) throw changed(entry);
    yield padding(entry.size);
  }
  yield new Uint8Array(2 * blockBytes);
}

/**
 * The entries of an archive, strictly: the order, the headers and the padding that the format prescribes. The content
 * of an entry must be read, whole, before the next entry is asked for.
 *
 * @throws SealflowError `SEAL_ARCHIVE_MALFORMED`
 */
export async function* readArchive(archive: ByteStream): AsyncGenerator<ArchivedContent> {
  const reader = pieceReader(archive);
  const exactly = async (length: number) => {
    const bytes = await reader.take(length);
    if (bytes.length < length) throw malformed("more bytes", "the end of the archive");
    return bytes;
  };
  const directories = new Set<string>([""]);
  let previous: ArchiveEntry | undefined;
  try {
    for (;;) {
      const entry = await decodeEntry((count) => exactly(count * blockBytes));
      if (entry === undefined) break;
      requireOrder(entry, previous, directories);
      previous = entry;
      yield { ...entry, content: contentOf(entry, exactly) };
      const filling = await exactly(padding(entry.size).length);
      if (!equalBytes(filling, padding(entry.size))) throw malformed("zeros after a file", "other bytes");
    }
    const rest = await reader.take(blockBytes + 1);
    if (rest.length !== blockBytes || rest.some((byte) => byte !== 0)) {
      throw malformed("two blocks of zeros at the end", "something else");
    }
  } finally {
    await reader.close();
  }
}

function requireOrder(
  entry: ArchiveEntry,
  previous: ArchiveEntry | undefined,
  directories: Set<string>,
): void {
  if (previous !== undefined && compareEntries(previous, entry) >= 0) {
    throw malformed("paths in ascending order, none twice", JSON.stringify(entry.path));
  }
  const parent = entry.path.slice(0, Math.max(0, entry.path.lastIndexOf("/")));
  if (!directories.has(parent))
    throw malformed("a directory before what is in it", JSON.stringify(entry.path));
  if (entry.kind === "directory") directories.add(entry.path);
}

async function* contentOf(
  { size }: ArchiveEntry,
  exactly: (length: number) => Promise<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  for (let left = size; left > 0; ) {
    const piece = await exactly(Math.min(left, pieceBytes));
    left -= piece.length;
    yield piece;
  }
}
