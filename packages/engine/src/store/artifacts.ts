/** Artifacts by content: each file or directory stands once, read-only, under the digest of what it holds. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { type FileHandle, open, rename } from "node:fs/promises";
import { dirname, join } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import type { Digest } from "@sealflow/core";
import { contentOf } from "./content-digest.js";
import { systemCode, writing, writingAsync } from "./disk-errors.js";
import { blobPath, type StoreLayout } from "./layout.js";

/** A stored artifact's content. */
export interface StoredContent {
  readonly digest: Digest;
  /** `file://` URI, stable as long as the content is kept. */
  readonly uri: string;
  readonly bytes: number;
  /** Resolves when the content is on the disk and not only in the system's cache. */
  readonly durable: Promise<void>;
}

const onDisk = Promise.resolve();

/**
 * Moves a file or directory into the store. The path no longer exists afterwards.
 *
 * @throws SealflowError `ENGINE_STORE_FULL`, `ENGINE_STORE_UNWRITABLE`; the file system's ENOENT for a missing path
 */
export async function storeContent(store: StoreLayout, path: string): Promise<StoredContent> {
  const { digest, kind, bytes } = await contentOf(path);
  const target = blobPath(store, digest);
  const uri = pathToFileURL(target).href;
  if (existsSync(target)) {
    discard(path);
    return { digest, uri, bytes, durable: onDisk };
  }
  await writingAsync(target, async () => {
    mkdirSync(dirname(target), { recursive: true });
    makeReadOnly(path, kind);
    await moveInto(path, target);
    // Only now: moving a directory needs the right to write it.
    if (kind === "directory") chmodSync(target, 0o555);
  });
  const durable = kind === "file" ? syncFile(target) : syncTree(target);
  durable.catch(() => {});
  return { digest, uri, bytes, durable };
}

/** Renames; two tasks that made the same content at once are both served by whichever came first. */
async function moveInto(path: string, target: string): Promise<void> {
  try {
    await rename(path, target);
  } catch (cause) {
    const code = systemCode(cause);
    if (code !== "ENOTEMPTY" && code !== "EEXIST") throw cause;
    discard(path);
  }
}

async function syncFile(path: string): Promise<void> {
  let handle: FileHandle | undefined;
  try {
    handle = await open(path, "r");
    await handle.datasync();
  } finally {
    await handle?.close();
  }
}

async function syncTree(path: string): Promise<void> {
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (entry.isFile()) await syncFile(join(entry.parentPath, entry.name));
  }
}

function makeReadOnly(path: string, kind: "file" | "directory"): void {
  if (kind === "file") {
    chmodSync(path, 0o444);
    return;
  }
  for (const entry of readdirSync(path, { recursive: true, withFileTypes: true })) {
    if (entry.isSymbolicLink()) continue;
    chmodSync(join(entry.parentPath, entry.name), entry.isDirectory() ? 0o555 : 0o444);
  }
}

/** Removes a file or directory, read-only parts too. Nothing happens when there is nothing. */
export function discard(path: string): void {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (stats.isDirectory()) {
    chmodSync(path, 0o755);
    for (const entry of readdirSync(path, { withFileTypes: true })) {
      if (entry.isDirectory()) discard(join(path, entry.name));
    }
  }
  rmSync(path, { recursive: true, force: true });
}

/** True when the URI's content is (still) in this store, or is a file of the machine that still exists. */
export function isUriPresent(uri: string): boolean {
  return !uri.startsWith("file:") || existsSync(fileURLToPath(uri));
}

/** Writes a file whole or not at all: under another name first, then in place in one step. */
export function replaceFile(store: StoreLayout, path: string, text: string): void {
  writing(path, () => replace(store, path, text));
}

let counter = 0;

function replace(store: StoreLayout, path: string, text: string): void {
  const temporary = join(store.temporary, `${process.pid}.${++counter}`);
  writeCreating(temporary, text);
  try {
    renameSync(temporary, path);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
    mkdirSync(dirname(path), { recursive: true });
    renameSync(temporary, path);
  }
}

function writeCreating(path: string, text: string): void {
  try {
    writeFileSync(path, text);
  } catch (cause) {
    if (systemCode(cause) !== "ENOENT") throw cause;
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, text);
  }
}
