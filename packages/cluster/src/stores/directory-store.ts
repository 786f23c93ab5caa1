/** A directory as a store: for one machine, and for what a cluster mounts everywhere. */
import { randomBytes } from "node:crypto";
import { linkSync, mkdirSync, readdirSync, renameSync, rmSync, statSync } from "node:fs";
import { readFile, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { pathToFileURL } from "node:url";
import { type AddressOptions, type ArtifactStore, checkKey, type SignedAddress } from "./store.js";

/** A store in a directory. Objects appear whole or not at all. */
export class DirectoryStore implements ArtifactStore {
  readonly root: string;
  private readonly directory: string;

  /** @param directory Absolute. */
  constructor(directory: string) {
    this.directory = directory;
    this.root = pathToFileURL(directory).href.replace(/\/+$/, "");
  }

  async put(key: string, content: Uint8Array | Blob, { ifAbsent = false } = {}): Promise<boolean> {
    const target = this.path(key);
    mkdirSync(dirname(target), { recursive: true });
    const temporary = `${target}.${randomBytes(6).toString("hex")}~`;
    await writeFile(
      temporary,
      content instanceof Uint8Array ? content : new Uint8Array(await content.arrayBuffer()),
    );
    if (!ifAbsent) {
      renameSync(temporary, target);
      return true;
    }
    try {
      linkSync(temporary, target);
      return true;
    } catch (cause) {
      if ((cause as NodeJS.ErrnoException).code === "EEXIST") return false;
      throw cause;
    } finally {
      rmSync(temporary, { force: true });
    }
  }

  async get(key: string): Promise<Uint8Array | undefined> {
    try {
      return await readFile(this.path(key));
    } catch (cause) {
      if (isAbsent(cause)) return undefined;
      throw cause;
    }
  }

  async has(key: string): Promise<boolean> {
    return statSync(this.path(key), { throwIfNoEntry: false })?.isFile() === true;
  }

  async list(prefix: string): Promise<readonly string[]> {
    const start = prefix.slice(0, prefix.lastIndexOf("/") + 1);
    try {
      return readdirSync(join(this.directory, start), { recursive: true, withFileTypes: true })
        .filter((entry) => entry.isFile() && !entry.name.endsWith("~"))
        .map((entry) => join(entry.parentPath, entry.name).slice(this.directory.length + 1))
        .filter((key) => key.startsWith(prefix))
        .sort();
    } catch (cause) {
      if (isAbsent(cause)) return [];
      throw cause;
    }
  }

  async delete(key: string): Promise<void> {
    rmSync(this.path(key), { force: true });
  }

  async address(key: string, _: AddressOptions): Promise<SignedAddress> {
    return { url: pathToFileURL(this.path(key)).href, headers: {} };
  }

  private path(key: string): string {
    return join(this.directory, checkKey(key));
  }
}

function isAbsent(cause: unknown): boolean {
  const { code } = cause as NodeJS.ErrnoException;
  return code === "ENOENT" || code === "ENOTDIR";
}
