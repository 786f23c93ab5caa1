/**
 * The files of an image, layer over layer, with the hash of each: what a manifest's trusted files are made from. Source: OCI
 * image specification 1.1, "Applying Changesets" and "Whiteouts".
 */
import { createHash } from "node:crypto";
import { posix } from "node:path";
import type { Readable } from "node:stream";
import { createGunzip } from "node:zlib";
import { SealflowError } from "@sealflow/core";
import { extract, type Header } from "tar-stream";

/** What lies at a path. */
export type FileNode =
  | { readonly kind: "file"; readonly sha256: string; readonly size: number }
  | { readonly kind: "link"; readonly target: string }
  | { readonly kind: "directory" };

/** An image's file system. Paths are absolute. */
export class ImageFileSystem {
  private readonly nodes = new Map<string, FileNode>();
  /** Contents that were asked for, by path. */
  private readonly kept = new Map<string, Uint8Array>();
  private readonly keep: (path: string) => boolean;

  /** @param keep Paths whose content is kept in memory, for example `libpal.so`. */
  constructor(keep: (path: string) => boolean = () => false) {
    this.keep = keep;
  }

  /**
   * Applies a layer.
   *
   * @throws SealflowError `CLUSTER_LAYER_UNREADABLE`
   */
  async apply(layer: Readable, mediaType: string): Promise<void> {
    const own = new Set<string>();
    const reader = extract();
    const source = decompressed(layer, mediaType);
    source.on("error", (error) => reader.destroy(error));
    source.pipe(reader as unknown as NodeJS.WritableStream);
    for await (const entry of reader) {
      const { header } = entry;
      const path = posix.resolve("/", header.name);
      const base = posix.basename(path);
      if (base === ".wh..wh..opq") this.remove(posix.dirname(path), own, false);
      else if (base.startsWith(".wh."))
        this.remove(posix.join(posix.dirname(path), base.slice(4)), own, true);
      else {
        const node = await this.read(entry, path);
        if (node !== undefined) {
          if (node.kind !== "directory") this.remove(path, own, true);
          this.set(path, node);
          own.add(path);
        }
      }
      entry.resume();
    }
  }

  private async read(
    entry: AsyncIterable<unknown> & { readonly header: Header },
    path: string,
  ): Promise<FileNode | undefined> {
    const { type, linkname } = entry.header;
    if (type === "directory") return { kind: "directory" };
    if (type === "symlink") return { kind: "link", target: linkname ?? "" };
    if (type === "link") {
      const target = posix.resolve("/", linkname ?? "");
      const content = this.kept.get(target);
      if (content !== undefined && this.keep(path)) this.kept.set(path, content);
      return this.nodes.get(target);
    }
    if (type !== "file" && type !== "contiguous-file") return undefined;
    const hash = createHash("sha256");
    const chunks: Uint8Array[] = [];
    let size = 0;
    const wanted = this.keep(path);
    for await (const piece of entry) {
      const chunk = piece as Uint8Array;
      hash.update(chunk);
      size += chunk.length;
      if (wanted) chunks.push(chunk);
    }
    if (wanted) this.kept.set(path, Uint8Array.from(Buffer.concat(chunks)));
    return { kind: "file", sha256: hash.digest("hex"), size };
  }

  /** Removes what earlier layers put at or below a path. */
  private remove(path: string, own: ReadonlySet<string>, itself: boolean): void {
    this.children = undefined;
    if (itself && !own.has(path)) this.nodes.delete(path);
    const below = `${path}/`;
    for (const other of [...this.nodes.keys()]) {
      if (other.startsWith(below) && !own.has(other)) this.nodes.delete(other);
    }
  }

  /** Puts something there, as a layer would; directories above it that nobody named are there too. */
  set(path: string, node: FileNode): void {
    this.children = undefined;
    this.nodes.set(path, node);
    for (let above = posix.dirname(path); !this.nodes.has(above); above = posix.dirname(above)) {
      this.nodes.set(above, { kind: "directory" });
      if (above === "/") break;
    }
  }

  /** Content that was kept. */
  content(path: string): Uint8Array | undefined {
    return this.kept.get(path);
  }

  /** All paths, in order. */
  paths(): readonly string[] {
    return [...this.nodes.keys()].sort();
  }

  node(path: string): FileNode | undefined {
    return this.nodes.get(path);
  }

  /** The path behind all symbolic links on the way; undefined when it leads nowhere. */
  resolve(path: string, hops = 40): string | undefined {
    const parts = path.split("/").slice(1);
    let at = "";
    for (const [index, part] of parts.entries()) {
      at = `${at}/${part}`;
      const node = this.nodes.get(at);
      if (node?.kind !== "link") continue;
      if (hops === 0) return undefined;
      const target = posix.resolve(posix.dirname(at), node.target);
      return this.resolve(posix.join(target, ...parts.slice(index + 1)), hops - 1);
    }
    return this.nodes.has(at) ? at : undefined;
  }

  /**
   * Every path under which a file can be opened below the given directories, links followed, with the file's hash. Gramine looks
   * files up by the path that is opened, so that a library has to be listed under each of its names.
   */
  *filesUnder(directories: readonly string[]): Generator<{ readonly path: string; readonly sha256: string }> {
    for (const directory of directories) {
      const real = this.resolve(directory);
      if (real === undefined) continue;
      yield* this.walk(directory, real, new Set([real]));
    }
  }

  private *walk(
    shown: string,
    real: string,
    seen: ReadonlySet<string>,
  ): Generator<{ readonly path: string; readonly sha256: string }> {
    const node = this.nodes.get(real);
    if (node?.kind === "file") yield { path: shown, sha256: node.sha256 };
    if (node?.kind !== "directory") return;
    for (const name of this.namesIn(real)) {
      const target = this.resolve(`${real}/${name}`);
      if (target === undefined || (seen.has(target) && this.nodes.get(target)?.kind === "directory"))
        continue;
      yield* this.walk(`${shown}/${name}`, target, new Set([...seen, target]));
    }
  }

  private children: ReadonlyMap<string, readonly string[]> | undefined;

  private namesIn(directory: string): readonly string[] {
    this.children ??= this.listChildren();
    return this.children.get(directory) ?? [];
  }

  private listChildren(): ReadonlyMap<string, readonly string[]> {
    const children = new Map<string, string[]>();
    for (const path of this.paths()) {
      const parent = posix.dirname(path);
      const names = children.get(parent) ?? [];
      names.push(posix.basename(path));
      children.set(parent, names);
    }
    return children;
  }
}

function decompressed(layer: Readable, mediaType: string): Readable {
  if (/\+gzip$|\.gzip$/.test(mediaType)) {
    const gunzip = createGunzip();
    layer.on("error", (error) => gunzip.destroy(error));
    return layer.pipe(gunzip);
  }
  if (/\.tar$/.test(mediaType)) return layer;
  throw new SealflowError({
    code: "CLUSTER_LAYER_UNREADABLE",
    message: `layer: expected a tar archive, plain or with gzip, got ${mediaType}`,
    hint: "take a base image whose layers are compressed with gzip",
  });
}
