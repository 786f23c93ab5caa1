/** Content digests of files and directories: what cache keys, statements and the store's names are made of. */
import { createHash, type Hash } from "node:crypto";
import { createReadStream, type Stats } from "node:fs";
import { lstat, readdir, readFile, readlink, stat } from "node:fs/promises";
import { join } from "node:path";
import { canonicalJson, compareCodeUnits, type Digest } from "@sealflow/core";

/** What lies at a path. */
export interface Content {
  readonly digest: Digest;
  readonly kind: "file" | "directory";
  /** Bytes of all files together. */
  readonly bytes: number;
}

/** Files up to this size are read whole: a stream costs more than the reading. */
const SMALL_BYTES = 256 * 1024;

/** First line of a directory's listing, so that a listing is never taken for a file's content of another meaning. */
const TREE_HEADER = "sealflow-tree-v1";

/**
 * Digest of a file's bytes, or of a directory's canonical listing: per entry in code-unit order of its path the kind,
 * and the content's digest, or the link's target. Times, owners and permissions do not count.
 *
 * @throws the file system's own errors, for example ENOENT
 */
export async function contentOf(path: string): Promise<Content> {
  // A link at the top is followed, a link inside a directory is an entry of its own.
  const stats = await lstatFollowed(path);
  if (stats.isDirectory()) return treeContent(path);
  return { digest: await fileDigest(path, stats.size), kind: "file", bytes: stats.size };
}

async function lstatFollowed(path: string): Promise<Stats> {
  const stats = await lstat(path);
  return stats.isSymbolicLink() ? stat(path) : stats;
}

async function fileDigest(path: string, size: number): Promise<Digest> {
  const hash = createHash("sha256");
  if (size <= SMALL_BYTES) hash.update(await readFile(path));
  else await streamInto(hash, path);
  return `sha256:${hash.digest("hex")}`;
}

async function streamInto(hash: Hash, path: string): Promise<void> {
  for await (const chunk of createReadStream(path, { highWaterMark: 1 << 20 })) hash.update(chunk);
}

async function treeContent(root: string): Promise<Content> {
  const entries = (await readdir(root, { recursive: true, withFileTypes: true }))
    .map((entry) => ({ entry, path: join(entry.parentPath, entry.name) }))
    .map(({ entry, path }) => ({ entry, path, name: path.slice(root.length).replace(/^\/+/, "") }))
    .sort((a, b) => compareCodeUnits(a.name, b.name));
  const hash = createHash("sha256").update(`${TREE_HEADER}\n`);
  let bytes = 0;
  for (const { entry, path, name } of entries) {
    if (entry.isDirectory()) hash.update(listingLine({ name, kind: "directory" }));
    else if (entry.isSymbolicLink()) {
      hash.update(listingLine({ name, kind: "link", target: await readlink(path) }));
    } else {
      const { size } = await lstat(path);
      bytes += size;
      hash.update(listingLine({ name, kind: "file", digest: await fileDigest(path, size) }));
    }
  }
  return { digest: `sha256:${hash.digest("hex")}`, kind: "directory", bytes };
}

function listingLine(entry: Readonly<Record<string, string>>): string {
  return `${canonicalJson(entry)}\n`;
}
