/** Pipeline packages as the SDK makes and accepts them: YAML, or YAML in a .tar.gz or .zip. Recognised by content, not by name. */
import { gunzipSync, inflateRawSync } from "node:zlib";
import { isSealflowError, type SealflowError } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { invalid } from "../http/problem.js";

/** Largest content of a package once unpacked, in bytes, and most files in it. */
const MAX_UNPACKED_BYTES = 64 * 1024 * 1024;
const MOST_FILES = 1000;

/**
 * The pipeline in a package. Of several YAML files the one named `pipeline.yaml` counts.
 *
 * @throws SealflowError `SERVER_PACKAGE_INVALID`, `PIPELINE_…`
 */
export function readPackage(bytes: Uint8Array, file: string): PipelineDocument {
  const text = decode(unpacked(Buffer.from(bytes)));
  return parsePipelineDocument(text, { file });
}

function wrong(what: string): SealflowError {
  return invalid("SERVER_PACKAGE_INVALID", `package: expected ${what}`);
}

function decode(bytes: Buffer): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw wrong("YAML, or YAML in a .tar.gz or .zip, got bytes that are no text");
  }
}

function unpacked(bytes: Buffer): Buffer {
  try {
    if (bytes.readUInt16BE(0) === 0x1f8b) {
      return chosen(tarFiles(gunzipSync(bytes, { maxOutputLength: MAX_UNPACKED_BYTES })));
    }
    if (bytes.readUInt32LE(0) === 0x04034b50) return chosen(zipFiles(bytes));
  } catch (cause) {
    if (isSealflowError(cause)) throw cause;
    // Shorter than a signature: text.
    if (bytes.length >= 4) throw wrong(`a whole archive of at most ${MAX_UNPACKED_BYTES} bytes unpacked`);
  }
  return bytes;
}

interface PackedFile {
  readonly name: string;
  readonly content: () => Buffer;
}

function chosen(files: readonly PackedFile[]): Buffer {
  const yaml = files.filter(({ name }) => name.endsWith(".yaml"));
  const file = yaml.find(({ name }) => name === "pipeline.yaml") ?? (yaml.length === 1 ? yaml[0] : undefined);
  if (file !== undefined) return file.content();
  throw wrong(`pipeline.yaml or one .yaml file, got ${yaml.length} of them`);
}

const BLOCK = 512;

/** Files of a tar archive (POSIX.1-1988 "ustar"; sizes are octal text). Links and other kinds are passed over. */
function tarFiles(tar: Buffer): PackedFile[] {
  const files: PackedFile[] = [];
  for (let at = 0; at + BLOCK <= tar.length; ) {
    const name = textAt(tar, at, 100);
    if (name === "") break;
    const size = Number.parseInt(textAt(tar, at + 124, 12).trim() || "0", 8);
    if (!Number.isSafeInteger(size) || files.length > MOST_FILES) throw wrong("a tar archive of plain files");
    const start = at + BLOCK;
    const kind = tar[at + 156];
    if (start + size > tar.length) throw wrong("a whole tar archive");
    if (kind === 0x30 || kind === 0) {
      files.push({ name: name.replace(/^\.\//, ""), content: () => tar.subarray(start, start + size) });
    }
    at = start + Math.ceil(size / BLOCK) * BLOCK;
  }
  return files;
}

function textAt(bytes: Buffer, start: number, length: number): string {
  const field = bytes.subarray(start, start + length);
  const end = field.indexOf(0);
  return field.subarray(0, end < 0 ? length : end).toString("latin1");
}

/** Files of a zip archive, from its central directory (PKWARE APPNOTE 4.3.12, 4.3.16). Stored or deflated ones only. */
function zipFiles(zip: Buffer): PackedFile[] {
  const end = zip.lastIndexOf(Buffer.from("PK\u0005\u0006", "latin1"));
  if (end < 0) throw wrong("a whole zip archive");
  const count = zip.readUInt16LE(end + 10);
  let at = zip.readUInt32LE(end + 16);
  if (count > MOST_FILES) throw wrong(`a zip archive of at most ${MOST_FILES} files`);
  const files: PackedFile[] = [];
  for (let index = 0; index < count; index++) {
    if (zip.readUInt32LE(at) !== 0x02014b50) throw wrong("a whole zip archive");
    const lengths = [
      zip.readUInt16LE(at + 28),
      zip.readUInt16LE(at + 30),
      zip.readUInt16LE(at + 32),
    ] as const;
    const entry = {
      method: zip.readUInt16LE(at + 10),
      size: zip.readUInt32LE(at + 20),
      header: zip.readUInt32LE(at + 42),
    };
    const name = zip.subarray(at + 46, at + 46 + lengths[0]).toString("utf8");
    files.push({ name, content: () => zipContent(zip, entry) });
    at += 46 + lengths[0] + lengths[1] + lengths[2];
  }
  return files;
}

function zipContent(zip: Buffer, entry: { method: number; size: number; header: number }): Buffer {
  const start = entry.header + 30 + zip.readUInt16LE(entry.header + 26) + zip.readUInt16LE(entry.header + 28);
  const content = zip.subarray(start, start + entry.size);
  if (entry.method === 0) return content;
  if (entry.method === 8) return inflateRawSync(content, { maxOutputLength: MAX_UNPACKED_BYTES });
  throw wrong("a zip archive of stored or deflated files");
}
