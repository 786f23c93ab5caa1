/** The files and mounts that a manifest names. */
import { posix } from "node:path";
import { isJsonObject } from "@sealflow/core";
import type { ManifestTable } from "./manifest-file.js";

/** A trusted file or directory (a directory ends with a slash). */
export interface TrustedFile {
  readonly path: string;
  /** Hex; the signer adds what is missing. */
  readonly sha256?: string;
}

/** One mount. */
export interface Mount {
  readonly index: number;
  readonly path: string;
  /** `chroot` unless said otherwise. */
  readonly type: string;
  readonly keyName?: string;
}

/** The path of `file:…`; other URIs and plain paths as they are. Relative ones count from the root. */
export function pathOfUri(uri: string): string {
  const path = uri.startsWith("file:") ? uri.slice("file:".length) : uri;
  return posix.resolve("/", path) + (path.endsWith("/") && path !== "/" ? "/" : "");
}

/** True when `outer` is `inner`, or a directory above it. */
export function covers(outer: string, inner: string): boolean {
  const [a, b] = [trimmed(outer), trimmed(inner)];
  return a === b || b.startsWith(a === "/" ? "/" : `${a}/`);
}

function trimmed(path: string): string {
  return path.length > 1 && path.endsWith("/") ? path.slice(0, -1) : path;
}

/** `sgx.trusted_files`: texts, or tables with `uri` and `sha256`. */
export function trustedFilesOf(sgx: ManifestTable): readonly TrustedFile[] {
  return list(sgx.trusted_files).flatMap((entry): TrustedFile[] => {
    if (typeof entry === "string") return [{ path: pathOfUri(entry) }];
    if (!isJsonObject(entry) || typeof entry.uri !== "string") return [];
    const path = pathOfUri(entry.uri);
    return [typeof entry.sha256 === "string" ? { path, sha256: entry.sha256 } : { path }];
  });
}

/** `sgx.allowed_files`: files that the host may write. */
export function allowedPaths(sgx: ManifestTable): readonly string[] {
  return list(sgx.allowed_files).map((entry) => pathOfUri(typeof entry === "string" ? entry : ""));
}

/** `fs.root` and `fs.mounts`; the root has index -1. */
export function mountsOf(fs: ManifestTable): readonly Mount[] {
  const root = isJsonObject(fs.root) ? [mount({ path: "/", ...fs.root }, -1)] : [];
  return [...root, ...list(fs.mounts).map((entry, index) => mount(entry, index))];
}

function mount(entry: unknown, index: number): Mount {
  const table = isJsonObject(entry) ? entry : {};
  const text = (key: string) => (typeof table[key] === "string" ? table[key] : undefined);
  const keyName = text("key_name");
  return {
    index,
    path: pathOfUri(text("path") ?? "/"),
    type: text("type") ?? "chroot",
    ...(keyName === undefined ? {} : { keyName }),
  };
}

function list(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}
