/**
 * Layers of images: tar archives that depend on nothing but the files' paths, modes and contents. Source: OCI image
 * specification 1.1, "Image Layer Filesystem Changeset".
 */
import { createHash } from "node:crypto";
import { once } from "node:events";
import { createReadStream, createWriteStream, statSync } from "node:fs";
import type { Writable } from "node:stream";
import type { Digest } from "@sealflow/core";
import { Gzip } from "fflate";
import { pack } from "tar-stream";
import { type Descriptor, mediaTypes } from "./types.js";

/** A file or directory of a layer. Owner is root, times are zero. */
export interface LayerEntry {
  /** Absolute path in the image, without a slash at its end. */
  readonly path: string;
  readonly content: Uint8Array | string | { readonly file: string } | "directory";
  readonly executable?: boolean;
}

/** A layer that was written to a file. */
export interface BuiltLayer {
  readonly descriptor: Descriptor;
  /** Digest of the archive before compression: what the image's configuration names. */
  readonly diffId: Digest;
  readonly file: string;
  /** What is in it. */
  readonly entries: readonly LayerEntry[];
}

/** Level 6, as gzip's own default; the library is JavaScript, so that all machines compress to the same bytes. */
const LEVEL = 6;

/**
 * Writes a layer. The same entries give the same bytes, whatever their order, the machine, the time and the directory.
 *
 * @param file Where the compressed layer goes.
 */
export async function writeLayer(
  entries: readonly LayerEntry[],
  file: string,
  signal?: AbortSignal,
): Promise<BuiltLayer> {
  const sorted = [...withParents(entries)].sort((a, b) => (a.path < b.path ? -1 : 1));
  const output = createWriteStream(file);
  const [before, after] = [createHash("sha256"), createHash("sha256")];
  let size = 0;
  const gzip = new Gzip({ level: LEVEL, mtime: 0 }, (chunk) => {
    after.update(chunk);
    size += chunk.length;
    output.write(chunk);
  });
  for await (const chunk of archive(sorted)) {
    signal?.throwIfAborted();
    before.update(chunk);
    gzip.push(chunk);
    await drained(output);
  }
  gzip.push(new Uint8Array(0), true);
  output.end();
  await once(output, "close");
  const digest: Digest = `sha256:${after.digest("hex")}`;
  return {
    descriptor: { mediaType: mediaTypes.layer, digest, size },
    diffId: `sha256:${before.digest("hex")}`,
    file,
    entries: sorted,
  };
}

async function drained(output: Writable): Promise<void> {
  if (output.errored !== null) throw output.errored;
  if (output.writableNeedDrain) await once(output, "drain");
}

/** Directories above the entries are entries too; each path stands once, the last one counts. */
function withParents(entries: readonly LayerEntry[]): readonly LayerEntry[] {
  const all = new Map<string, LayerEntry>();
  for (const entry of entries) {
    const parts = entry.path.split("/");
    for (let depth = 2; depth < parts.length; depth++) {
      const path = parts.slice(0, depth).join("/");
      if (!all.has(path)) all.set(path, { path, content: "directory" });
    }
    all.set(entry.path, entry);
  }
  return [...all.values()];
}

async function* archive(entries: readonly LayerEntry[]): AsyncGenerator<Uint8Array> {
  const tar = pack();
  const writing = fill(tar, entries).catch((error: unknown) => tar.destroy(error as Error));
  yield* tar as AsyncIterable<Uint8Array>;
  await writing;
}

async function fill(tar: ReturnType<typeof pack>, entries: readonly LayerEntry[]): Promise<void> {
  for (const { path, content, executable = false } of entries) {
    const name = path.slice(1);
    const common = { mtime: new Date(0), uid: 0, gid: 0, uname: "", gname: "" };
    if (content === "directory") {
      tar.entry({ ...common, name: `${name}/`, type: "directory", mode: 0o755 });
      continue;
    }
    const mode = executable ? 0o755 : 0o644;
    if (typeof content === "string" || content instanceof Uint8Array) {
      tar.entry({ ...common, name, mode }, Buffer.from(content));
      continue;
    }
    const { size } = statSync(content.file);
    const entry = tar.entry({ ...common, name, mode, size });
    for await (const chunk of createReadStream(content.file)) {
      if (!entry.write(chunk)) await once(entry, "drain");
    }
    entry.end(new Uint8Array(0));
  }
  tar.finalize();
}
