/** External inputs of a sealed run: sealed before anything runs, once per content, and never kept in the clear. */
import { createHash, createHmac } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { mkdir, rename, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { type Digest, isDigest, SealflowError, toBase64, toHex } from "@sealflow/core";
import { type ByteStream, rewrapArtifact, sealArtifact } from "@sealflow/seal";
import {
  nodeAead,
  openingOfFile,
  piecesOfDirectory,
  piecesOfFile,
  writeFileAtomically,
} from "@sealflow/seal/node";
import type { InputOpening } from "@sealflow/trust";
import { replaceFile } from "../store/artifacts.js";
import { blobPath } from "../store/layout.js";
import type { SealedProject } from "./project.js";

/** A sealed input in the store, and what proves its key to the broker. */
export interface SealedInput {
  readonly digest: Digest;
  readonly opening: InputOpening;
}

/**
 * Seals what is at a path to the broker and the project. What is sealed already is handed on as it is, with the broker among
 * its recipients.
 *
 * @param uri Path, `file:` URI, or path relative to `directory`.
 * @throws SealflowError `ENGINE_SEALED_IMPORT`, `SEAL_…`
 */
export async function sealInput(
  project: SealedProject,
  uri: string,
  directory: string,
): Promise<SealedInput> {
  const path = localPath(uri, directory);
  const status = await stat(path).catch((cause: unknown) => {
    throw unfit(uri, "nothing that can be read", cause);
  });
  const isDirectory = status.isDirectory();
  if (!isDirectory && (await isSealed(path))) return handOn(project, path);
  const read = () => (isDirectory ? piecesOfDirectory(path) : piecesOfFile(path));
  const note = join(project.layout.inputs, `${await contentName(project, read(), isDirectory)}.json`);
  return (await known(project, note)) ?? seal(project, { read, isDirectory, note });
}

function localPath(uri: string, directory: string): string {
  if (uri.startsWith("file:")) return fileURLToPath(uri);
  if (/^[a-z][a-z0-9+.-]*:\/\//i.test(uri)) throw unfit(uri, "an address of another machine");
  return resolve(directory, uri);
}

async function isSealed(path: string): Promise<boolean> {
  for await (const piece of piecesOfFile(path, 8))
    return Buffer.from(piece).toString("latin1") === "SEALFLOW";
  return false;
}

/** The same content has the same name here, and only who has the project's key can tell which. */
async function contentName(
  project: SealedProject,
  content: ByteStream,
  isDirectory: boolean,
): Promise<string> {
  const hash = createHash("sha256").update(isDirectory ? "tar\0" : "bytes\0");
  for await (const piece of content) hash.update(piece);
  const key = createHash("sha256")
    .update("sealflow input names v1\0")
    .update(project.secretForNames)
    .digest();
  return createHmac("sha256", key).update(hash.digest()).digest("hex");
}

async function known(project: SealedProject, note: string): Promise<SealedInput | undefined> {
  if (!existsSync(note)) return undefined;
  const { digest } = JSON.parse(readFileSync(note, "utf8")) as { digest: string };
  const path = isDigest(digest) ? blobPath(project.store, digest) : undefined;
  if (path === undefined || !existsSync(path)) return undefined;
  return inputAt(path);
}

async function seal(
  project: SealedProject,
  what: { readonly read: () => ByteStream; readonly isDirectory: boolean; readonly note: string },
): Promise<SealedInput> {
  const options = {
    recipients: [...project.recipients, brokerRecipient(project)],
    random: project.random,
    content: what.isDirectory ? ("tar" as const) : ("bytes" as const),
    lineage: { content: "input" },
    aead: nodeAead,
  };
  const input = await store(project, sealArtifact(what.read(), options));
  replaceFile(project.store, what.note, JSON.stringify({ digest: input.digest }));
  return input;
}

async function handOn(project: SealedProject, path: string): Promise<SealedInput> {
  const { identities, random } = project;
  const recipients = [brokerRecipient(project)];
  return store(
    project,
    rewrapArtifact(piecesOfFile(path), { unlock: { identities }, recipients, replaces: [], random }),
  );
}

function brokerRecipient(project: SealedProject): Uint8Array<ArrayBuffer> {
  return Uint8Array.from(Buffer.from(project.broker.recipient, "hex"));
}

/** Writes a sealed artifact into the store under its digest. */
async function store(project: SealedProject, pieces: ByteStream): Promise<SealedInput> {
  const temporary = join(project.store.temporary, `input-${toHex(project.random.bytes(8))}.sealed`);
  await mkdir(project.store.temporary, { recursive: true });
  await writeFileAtomically(temporary, pieces, { mode: 0o444 });
  const input = await inputAt(temporary);
  const target = blobPath(project.store, input.digest);
  await mkdir(dirname(target), { recursive: true });
  await rename(temporary, target);
  return input;
}

async function inputAt(path: string): Promise<SealedInput> {
  const { digest, opening, chunks, root } = await openingOfFile(path);
  return { digest, opening: { opening: toBase64(opening), chunks, root: toHex(root) } };
}

function unfit(uri: string, got: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_IMPORT",
    message: `importer: expected a file or directory of this machine at ${uri}, got ${got}`,
    hint: "bring the data here first: a sealed run seals its inputs before it starts, and keeps nothing in the clear",
    cause,
  });
}
