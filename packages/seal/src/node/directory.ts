/** Directories of this machine as archives, and archives as directories. */
import { randomBytes } from "node:crypto";
import { type FileHandle, lstat, mkdir, open, readdir, rename, rm, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { SealflowError } from "@sealflow/core";
import { type ArchivedContent, compareEntries, readArchive, writeArchive } from "../archive/archive.js";
import type { ArchiveEntry } from "../archive/header.js";
import type { ByteStream } from "../container/pieces.js";
import { piecesOfFile, unreadable, unwritable } from "./files.js";

/**
 * The archive of a directory. Times, owners and permissions other than the right to execute are not kept.
 *
 * @throws SealflowError `SEAL_FILE_UNREADABLE`, `SEAL_SOURCE_KIND` for links, devices and sockets, `SEAL_SOURCE_CHANGED`
 */
export async function* piecesOfDirectory(directory: string): AsyncGenerator<Uint8Array> {
  const entries = (await entriesOf(directory)).sort(compareEntries);
  const contents = entries.map((entry) => {
    const content = entry.kind === "file" ? piecesOfFile(join(directory, entry.path)) : [];
    return { ...entry, content };
  });
  yield* writeArchive(contents, ({ path }) => changedSource(join(directory, path)));
}

async function entriesOf(root: string, below = ""): Promise<ArchiveEntry[]> {
  const names = await readdir(join(root, below)).catch((cause: unknown) => {
    throw unreadable(join(root, below), cause);
  });
  const entries: ArchiveEntry[] = [];
  for (const name of names) {
    const path = below === "" ? name : `${below}/${name}`;
    const status = await lstat(join(root, path));
    if (status.isDirectory()) {
      entries.push({ path, kind: "directory", executable: false, size: 0 }, ...(await entriesOf(root, path)));
    } else if (status.isFile()) {
      entries.push({ path, kind: "file", executable: (status.mode & 0o100) !== 0, size: status.size });
    } else throw unfit(join(root, path));
  }
  return entries;
}

/**
 * Unpacks an archive into a directory that appears under its name whole or not at all.
 *
 * @throws SealflowError `SEAL_OUTPUT_EXISTS`, `SEAL_FILE_UNWRITABLE`, `SEAL_ARCHIVE_MALFORMED`, and what the archive throws.
 */
export async function writeDirectoryAtomically(
  path: string,
  archive: ByteStream,
  options: { readonly replace?: boolean } = {},
): Promise<void> {
  const partial = join(dirname(path), `.${basename(path)}.${randomBytes(6).toString("hex")}.partial`);
  try {
    await mkdir(partial, { mode: 0o700 }).catch(rethrow(path));
    for await (const entry of readArchive(archive)) await unpack(partial, entry);
    const present = await stat(path).catch(() => undefined);
    if (present !== undefined && options.replace !== true) throw unwritable(path, existing());
    if (present !== undefined) await rm(path, { recursive: true }).catch(rethrow(path));
    await rename(partial, path).catch(rethrow(path));
  } finally {
    await rm(partial, { recursive: true, force: true });
  }
}

function existing(): Error {
  return Object.assign(new Error("exists"), { code: "EEXIST" });
}

async function unpack(root: string, entry: ArchivedContent): Promise<void> {
  const path = join(root, entry.path);
  if (entry.kind === "directory") {
    await mkdir(path, { mode: 0o755 }).catch(rethrow(path));
    return;
  }
  const file = await open(path, "wx", entry.executable ? 0o755 : 0o644).catch(rethrow(path));
  try {
    for await (const piece of entry.content) await writeWhole(file, piece, path);
  } finally {
    await file.close();
  }
}

async function writeWhole(file: FileHandle, piece: Uint8Array, path: string): Promise<void> {
  for (let done = 0; done < piece.length; ) {
    done += (await file.write(piece, done).catch(rethrow(path))).bytesWritten;
  }
}

function rethrow(path: string): (cause: unknown) => never {
  return (cause) => {
    throw unwritable(path, cause);
  };
}

function unfit(path: string): SealflowError {
  return new SealflowError({
    code: "SEAL_SOURCE_KIND",
    message: `${path}: expected a file or directory, got a link, device or socket`,
    where: { file: path },
    hint: "a sealed directory holds files and directories only: copy what the link points to, or leave it out",
  });
}

function changedSource(path: string): SealflowError {
  return new SealflowError({
    code: "SEAL_SOURCE_CHANGED",
    message: `${path}: expected a file that stays as it is while it is sealed, got one that changed its size`,
    where: { file: path },
    hint: "seal it again when nothing writes to it",
  });
}
