/**
 * Headers of the archive that stands for a directory: POSIX ustar (IEEE Std 1003.1, pax) with one text for one content.
 * Reading one encodes what was read again and compares, so that no second spelling is taken.
 */
import { concatBytes, equalBytes, fromUtf8, isSealflowError, SealflowError, utf8 } from "@sealflow/core";

type Bytes = Uint8Array<ArrayBuffer>;

/** Archives are made of blocks of this many bytes. */
export const blockBytes = 512;
/** Longest path that stands in the header itself. */
const nameBytes = 100;
/** Largest size that eleven octal digits hold: 8 GiB less one byte. */
const largestOctalSize = 8 ** 11 - 1;
/** Longest path in bytes. */
const maxPathBytes = 4096;

/** A file or directory of an archive. */
export interface ArchiveEntry {
  /** Relative, parts divided by `/`, no `/` at the end. */
  readonly path: string;
  readonly kind: "file" | "directory";
  /** For files: whether their owner may execute them. */
  readonly executable: boolean;
  /** Bytes of content; 0 for directories. */
  readonly size: number;
}

/** How an entry's path stands in the archive, and how entries are ordered. */
export function archivedPath({ path, kind }: Pick<ArchiveEntry, "path" | "kind">): Bytes {
  return utf8(kind === "directory" ? `${path}/` : path);
}

/** The header blocks of an entry: one, or three where path or size need an extended header. */
export function encodeEntry(entry: ArchiveEntry): Bytes {
  const path = archivedPath(entry);
  const records = concatBytes(
    ...(path.length > nameBytes ? [paxRecord("path", path)] : []),
    ...(entry.size > largestOctalSize ? [paxRecord("size", utf8(`${entry.size}`))] : []),
  );
  const own = block({
    name: path.subarray(0, nameBytes),
    mode: entry.kind === "directory" || entry.executable ? 0o755 : 0o644,
    size: entry.size > largestOctalSize ? 0 : entry.size,
    type: entry.kind === "directory" ? "5" : "0",
  });
  if (records.length === 0) return own;
  const extended = block({ name: utf8("PaxHeader"), mode: 0o644, size: records.length, type: "x" });
  return concatBytes(extended, padded(records), own);
}

/** Zeros that fill the last block of so many bytes. */
export function padding(length: number): Bytes {
  return new Uint8Array((blockBytes - (length % blockBytes)) % blockBytes);
}

function padded(bytes: Bytes): Bytes {
  return concatBytes(bytes, padding(bytes.length));
}

/** `LENGTH KEY=VALUE` and a line break, where the length counts its own digits too. */
function paxRecord(key: string, value: Uint8Array): Bytes {
  const rest = concatBytes(utf8(` ${key}=`), value, utf8("\n"));
  let length = rest.length + 1;
  while (`${length}`.length + rest.length !== length) length = `${length}`.length + rest.length;
  return concatBytes(utf8(`${length}`), rest);
}

interface Fields {
  readonly name: Uint8Array;
  readonly mode: number;
  readonly size: number;
  readonly type: "0" | "5" | "x";
}

/** Offsets and widths: IEEE Std 1003.1, pax, "ustar Interchange Format". */
function block({ name, mode, size, type }: Fields): Bytes {
  const bytes = new Uint8Array(blockBytes);
  bytes.set(name, 0);
  bytes.set(octal(mode, 7), 100);
  bytes.set(octal(0, 7), 108);
  bytes.set(octal(0, 7), 116);
  bytes.set(octal(size, 11), 124);
  bytes.set(octal(0, 11), 136);
  bytes.fill(0x20, 148, 156);
  bytes.set(utf8(type), 156);
  bytes.set(utf8("ustar\u000000"), 257);
  bytes.set(octal(0, 7), 329);
  bytes.set(octal(0, 7), 337);
  const sum = bytes.reduce((total, byte) => total + byte, 0);
  bytes.set(utf8(`${sum.toString(8).padStart(6, "0")}\u0000 `), 148);
  return bytes;
}

function octal(value: number, digits: number): Bytes {
  return utf8(value.toString(8).padStart(digits, "0"));
}

/** What a reader hands in for `decodeEntry`: the next whole blocks. */
export type ReadBlocks = (count: number) => Promise<Uint8Array>;

/**
 * Reads the next entry's header; undefined at the first block of zeros.
 *
 * @throws SealflowError `SEAL_ARCHIVE_MALFORMED`
 */
export async function decodeEntry(read: ReadBlocks): Promise<ArchiveEntry | undefined> {
  const first = await read(1);
  if (first.every((byte) => byte === 0)) return undefined;
  if (String.fromCharCode(first[156] ?? 0) !== "x") return same(entryOf(first, new Map()), first);
  const length = octalAt(first, 124, 11);
  if (length > maxPathBytes + 64)
    throw malformed("an extended header of a path and a size", `${length} bytes`);
  const records = await read(Math.ceil(length / blockBytes));
  const own = await read(1);
  const entry = entryOf(own, recordsOf(records.subarray(0, length)));
  return same(entry, concatBytes(first, records, own));
}

function same(entry: ArchiveEntry, got: Uint8Array): ArchiveEntry {
  if (equalBytes(encodeEntry(entry), got)) return entry;
  throw malformed("headers in their one spelling", `another one at ${JSON.stringify(entry.path)}`);
}

function entryOf(block: Uint8Array, records: ReadonlyMap<string, string>): ArchiveEntry {
  const type = String.fromCharCode(block[156] ?? 0);
  if (type !== "0" && type !== "5") throw malformed("files and directories", `an entry of type ${type}`);
  const kind = type === "5" ? "directory" : "file";
  const name = records.get("path") ?? text(block.subarray(0, nameBytes));
  const path = kind === "directory" ? name.replace(/\/$/, "") : name;
  requireSafe(path);
  const size = records.has("size") ? Number(records.get("size")) : octalAt(block, 124, 11);
  if (!Number.isSafeInteger(size) || (kind === "directory" && size !== 0))
    throw malformed("a size", `${size}`);
  return { path, kind, executable: kind === "file" && octalAt(block, 100, 7) === 0o755, size };
}

/** @throws SealflowError `SEAL_ARCHIVE_MALFORMED` for a path that could leave the directory. */
export function requireSafe(path: string): void {
  const bad = (part: string) => part === "" || part === "." || part === "..";
  // biome-ignore lint/suspicious/noControlCharactersInRegex: no file system has a name with a zero byte in it
  if (path.split("/").some(bad) || /\u0000/.test(path) || utf8(path).length > maxPathBytes) {
    throw malformed("a path inside the directory", JSON.stringify(path.slice(0, 200)));
  }
}

function recordsOf(bytes: Uint8Array): Map<string, string> {
  const records = new Map<string, string>();
  for (let at = 0; at < bytes.length; ) {
    const space = bytes.indexOf(0x20, at);
    const length = Number(text(bytes.subarray(at, space)));
    const record = text(bytes.subarray(space + 1, at + length));
    const equals = record.indexOf("=");
    const known = ["path", "size"].includes(record.slice(0, equals));
    if (!known || !Number.isSafeInteger(length) || length < 5 || !record.endsWith("\n")) {
      throw malformed("records of a path or a size", JSON.stringify(record.slice(0, 80)));
    }
    records.set(record.slice(0, equals), record.slice(equals + 1, -1));
    at += length;
  }
  return records;
}

function octalAt(bytes: Uint8Array, offset: number, digits: number): number {
  return Number.parseInt(text(bytes.subarray(offset, offset + digits)), 8);
}

function text(bytes: Uint8Array): string {
  const end = bytes.indexOf(0);
  try {
    return fromUtf8(end < 0 ? bytes : bytes.subarray(0, end));
  } catch (error) {
    if (isSealflowError(error)) throw malformed("paths in UTF-8", "other bytes");
    throw error;
  }
}

/** The error for an archive that is not what this format allows. */
export function malformed(expected: string, got: string): SealflowError {
  return new SealflowError({
    code: "SEAL_ARCHIVE_MALFORMED",
    message: `sealed directory: expected ${expected}, got ${got}`,
    hint: "archives of other programs are not taken: seal the directory itself",
  });
}
