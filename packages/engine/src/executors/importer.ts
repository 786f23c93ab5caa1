/** Importers: content from outside becomes an artifact, known by its digest. */
import { createHash, randomBytes } from "node:crypto";
import { createWriteStream, existsSync, mkdirSync } from "node:fs";
import { join, resolve } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { fileURLToPath, pathToFileURL } from "node:url";
import { type Digest, type Fetch, isDigest, type JsonObject, SealflowError } from "@sealflow/core";
import type { ArtifactTypeSchema, ArtifactValue } from "@sealflow/pipeline";
import { discard, storeContent } from "../store/artifacts.js";
import { contentOf } from "../store/content-digest.js";
import { systemCode, writing } from "../store/disk-errors.js";
import { blobPath, type StoreLayout } from "../store/layout.js";

/** What to import, with placeholders resolved. */
export interface ImportRequest {
  /** Relative path, absolute path, `file://`, `https://…#sha256=HEX`, or a remote URI that is passed on untouched. */
  readonly uri: string;
  readonly type: ArtifactTypeSchema;
  readonly metadata: JsonObject;
  /** Where relative paths start. */
  readonly baseDirectory: string;
  readonly store: StoreLayout;
  readonly fetch: Fetch;
  readonly signal?: AbortSignal;
}

/**
 * The artifact behind a URI. Local content stays where it is; downloaded content goes into the store.
 *
 * @throws SealflowError `ENGINE_IMPORT_MISSING`, `ENGINE_IMPORT_DIGEST_REQUIRED`, `ENGINE_IMPORT_DIGEST_MISMATCH`,
 *   `ENGINE_IMPORT_UNREACHABLE`
 */
export async function importArtifact(request: ImportRequest): Promise<ArtifactValue> {
  const { uri, type, metadata } = request;
  const artifact = { name: "artifact", type, metadata };
  if (uri.startsWith("https:") || uri.startsWith("http:")) {
    return { ...artifact, ...(await download(request)) };
  }
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(uri) && !uri.startsWith("file:")) return { ...artifact, uri };
  const path = uri.startsWith("file:") ? fileURLToPath(uri) : resolve(request.baseDirectory, uri);
  return { ...artifact, uri: pathToFileURL(path).href, digest: await localDigest(path, uri) };
}

async function localDigest(path: string, uri: string): Promise<Digest> {
  try {
    return (await contentOf(path)).digest;
  } catch (cause) {
    const missing = systemCode(cause) === "ENOENT";
    throw new SealflowError({
      code: "ENGINE_IMPORT_MISSING",
      message: `importer: expected a readable file or directory at ${uri}, got ${missing ? "nothing" : String(cause)}`,
      where: { file: path },
      hint: "Relative paths start at the pipeline's directory, where its file is.",
      cause,
    });
  }
}

async function download(request: ImportRequest): Promise<{ uri: string; digest: Digest }> {
  const { store } = request;
  const [address = "", fragment = ""] = request.uri.split("#");
  const expected = `sha256:${new URLSearchParams(fragment).get("sha256")?.toLowerCase()}`;
  if (!isDigest(expected)) {
    throw new SealflowError({
      code: "ENGINE_IMPORT_DIGEST_REQUIRED",
      message: `importer: expected a URL that ends in #sha256= and 64 hex digits, got ${request.uri}`,
      hint: "Content from the network is used only when it is what was meant: append the file's SHA-256.",
    });
  }
  const present = blobPath(store, expected);
  if (existsSync(present)) return { uri: pathToFileURL(present).href, digest: expected };
  const temporary = join(store.temporary, `download-${randomBytes(8).toString("hex")}`);
  writing(temporary, () => mkdirSync(store.temporary, { recursive: true }));
  try {
    const actual = await fetchInto(request, address, temporary);
    if (actual !== expected) throw digestMismatch(address, expected, actual);
    const { uri, digest } = await storeContent(store, temporary);
    return { uri, digest };
  } finally {
    discard(temporary);
  }
}

async function fetchInto(request: ImportRequest, address: string, file: string): Promise<Digest> {
  const hash = createHash("sha256");
  const hashing = new Transform({
    transform(chunk, _, done) {
      hash.update(chunk);
      done(null, chunk);
    },
  });
  try {
    const response = await request.fetch(address, request.signal ? { signal: request.signal } : {});
    if (!response.ok || response.body === null) throw new Error(`the server answered ${response.status}`);
    await pipeline(
      Readable.fromWeb(response.body as import("node:stream/web").ReadableStream),
      hashing,
      createWriteStream(file),
    );
  } catch (cause) {
    throw new SealflowError({
      code: "ENGINE_IMPORT_UNREACHABLE",
      message: `importer: cannot download ${address}: ${reasonOf(cause)}`,
      cause,
    });
  }
  return `sha256:${hash.digest("hex")}`;
}

function reasonOf(cause: unknown): string {
  if (!(cause instanceof Error)) return String(cause);
  return cause.cause instanceof Error ? `${cause.message} (${cause.cause.message})` : cause.message;
}

function digestMismatch(address: string, expected: Digest, actual: Digest): SealflowError {
  return new SealflowError({
    code: "ENGINE_IMPORT_DIGEST_MISMATCH",
    message: `importer: ${address}: expected content with ${expected}, got ${actual}`,
    hint: "The file behind the URL is not the one that was meant. Nothing of it was kept.",
  });
}
