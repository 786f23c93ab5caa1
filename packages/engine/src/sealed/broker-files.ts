/**
 * The broker's durable store, for the one in a sealed run's process and for the one that is served: its records in a file, one after
 * the other, and its newest checkpoint in another.
 */
import { constants, fstatSync, mkdirSync, readSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { crc32 } from "node:zlib";
import { isSealflowError, SealflowError } from "@sealflow/core";
import { type Envelope, encodeEnvelope, parseEnvelope } from "@sealflow/seal";
import { writeFileAtomically } from "@sealflow/seal/node";
import type { BrokerStore, CheckpointKeeper } from "@sealflow/trust";
import { systemCode, writingAsync } from "../store/disk-errors.js";

/** First bytes of every file of records. */
const magic = Buffer.from("sealflow records\x01\n");
/** Before each record: its length, the same with all bits turned, and a CRC-32 of it; four bytes each, big-endian. */
const headBytes = 12;
/** Largest record: 64 MiB. */
const maxRecordBytes = 64 * 1024 * 1024;

/** A file of records, open for appending. */
interface OpenFile {
  readonly handle: FileHandle;
  /** Where each record's head is. */
  readonly starts: number[];
  /** Where the next one's will be. */
  end: number;
}

/**
 * An append-only file of records. Its owner sees to it that nobody else writes.
 *
 * A record that a crash cut off was never answered for: it is cut away when the file is opened. Anything else that is not as it was
 * written is an error, and nothing is cut away. After an append that failed there is no other: what is on the disk shows when the
 * file is opened again.
 */
export class RecordFile implements BrokerStore {
  readonly #path: string;
  #file: Promise<OpenFile> | undefined;
  #failed: { readonly cause: unknown } | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** @throws SealflowError `ENGINE_SEALED_LOG_DAMAGED` */
  async *read(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    const { starts } = await this.#opened();
    for (let index = 0; index < starts.length; index++) yield this.get(index);
  }

  /** @throws SealflowError `ENGINE_SEALED_LOG_DAMAGED` */
  async get(index: number): Promise<Uint8Array<ArrayBuffer>> {
    const { handle, starts, end } = await this.#opened();
    const start = starts[index];
    if (start === undefined)
      throw new RangeError(`record: expected one below ${starts.length}, got ${index}`);
    const frame = new Uint8Array((starts[index + 1] ?? end) - start);
    for (let at = 0; at < frame.length; ) {
      const { bytesRead } = await handle.read(frame, at, frame.length - at, start + at);
      if (bytesRead === 0) throw damaged(this.#path, start);
      at += bytesRead;
    }
    const record = frame.subarray(headBytes);
    if (headOf(record).compare(frame, 0, headBytes) !== 0) throw damaged(this.#path, start);
    return record;
  }

  /** @throws SealflowError `ENGINE_SEALED_LOG_DAMAGED`, `ENGINE_STORE_FULL`, `ENGINE_STORE_UNWRITABLE` */
  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    if (record.length > maxRecordBytes)
      throw new RangeError(`record: expected at most ${maxRecordBytes} bytes, got ${record.length}`);
    if (this.#failed !== undefined) throw this.#failed.cause;
    const file = await this.#opened();
    const frame = Buffer.concat([headOf(record), record]);
    try {
      await writingAsync(this.#path, () => writeAt(file, frame));
    } catch (cause) {
      this.#failed = { cause };
      throw cause;
    }
    file.starts.push(file.end);
    file.end += frame.length;
  }

  async close(): Promise<void> {
    const file = this.#file;
    this.#file = undefined;
    await (await file?.catch(() => undefined))?.handle.close();
  }

  #opened(): Promise<OpenFile> {
    this.#file ??= openRecords(this.#path);
    return this.#file;
  }
}

async function writeAt({ handle, end }: OpenFile, frame: Buffer): Promise<void> {
  for (let at = 0; at < frame.length; ) {
    const { bytesWritten } = await handle.write(frame, at, frame.length - at, end + at);
    at += bytesWritten;
  }
  await handle.datasync();
}

function headOf(record: Uint8Array): Buffer {
  const head = Buffer.alloc(headBytes);
  head.writeUInt32BE(record.length);
  head.writeUInt32BE(~record.length >>> 0, 4);
  head.writeUInt32BE(crc32(record), 8);
  return head;
}

async function openRecords(path: string): Promise<OpenFile> {
  return writingAsync(path, async () => {
    mkdirSync(dirname(path), { recursive: true });
    const handle = await open(path, constants.O_RDWR | constants.O_CREAT, 0o600);
    try {
      const { starts, end } = wholeRecords(handle.fd, path);
      if (end === 0) await handle.write(magic, 0, magic.length, 0);
      const whole = Math.max(end, magic.length);
      await handle.truncate(whole);
      await handle.sync();
      await syncDirectory(dirname(path));
      return { handle, starts, end: whole };
    } catch (error) {
      await handle.close();
      throw error;
    }
  });
}

/** Whole records: where their heads are, and where the last one ends; 0 when not even the file's first bytes are there. */
interface Whole {
  readonly starts: number[];
  readonly end: number;
}

function wholeRecords(file: number, path: string): Whole {
  const { size } = fstatSync(file);
  const starts: number[] = [];
  // A file that was only begun.
  if (size < magic.length) return { starts, end: 0 };
  if (!bytesAt(file, 0, magic.length).equals(magic)) throw damaged(path, 0);
  let end = magic.length;
  for (let next = endOf(file, { path, size, at: end }); next !== undefined; ) {
    starts.push(end);
    end = next;
    next = endOf(file, { path, size, at: end });
  }
  return { starts, end };
}

/** Where the record ends that begins at a place; undefined where nothing follows but what a crash cut off. */
function endOf(file: number, of: { path: string; size: number; at: number }): number | undefined {
  const { path, size, at } = of;
  if (at + headBytes > size) return undefined;
  const head = bytesAt(file, at, headBytes);
  const length = head.readUInt32BE();
  if (length > maxRecordBytes || head.readUInt32BE(4) !== ~length >>> 0) {
    if (isUnwritten(file, at, size)) return undefined;
    throw damaged(path, at);
  }
  const end = at + headBytes + length;
  if (end > size) return undefined;
  // All but the last one were durable before the next one came.
  if (end === size && !headOf(bytesAt(file, at + headBytes, length)).equals(head)) return undefined;
  return end;
}

/** Whether the rest of the file is what the disk gives for blocks that it never got: zeros. */
function isUnwritten(file: number, at: number, size: number): boolean {
  if (size - at > headBytes + maxRecordBytes) return false;
  return bytesAt(file, at, size - at).every((byte) => byte === 0);
}

function bytesAt(file: number, at: number, length: number): Buffer {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const got = readSync(file, bytes, filled, length - filled, at + filled);
    if (got === 0) break;
    filled += got;
  }
  return bytes;
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}

function damaged(path: string, at: number): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_LOG_DAMAGED",
    message: `broker's records: expected a whole record at byte ${at}, got something else`,
    where: { file: path },
    hint: "the file was changed by something else than Sealflow, or by its disk: restore it from a backup, together with the checkpoint",
  });
}

/**
 * The newest checkpoint in a file that is replaced whole. Keep it on another disk than the records where that can be.
 *
 * @param sync Whether each one is on the disk before the broker answers; default true. Without it a crash of the whole machine may leave an
 *   earlier one, which the records continue too.
 */
export function checkpointFile(
  path: string,
  { sync = true }: { readonly sync?: boolean } = {},
): CheckpointKeeper {
  return {
    read: async () => {
      try {
        return parseEnvelope(await readFile(path));
      } catch (cause) {
        if (systemCode(cause) === "ENOENT") return undefined;
        throw isSealflowError(cause) ? unreadable(path, cause) : cause;
      }
    },
    write: async (checkpoint: Envelope) => {
      await writingAsync(path, async () => {
        mkdirSync(dirname(path), { recursive: true });
        await writeFileAtomically(path, [encodeEnvelope(checkpoint)], { replace: true, mode: 0o600, sync });
        if (sync) await syncDirectory(dirname(path));
      });
    },
  };
}

function unreadable(path: string, cause: unknown): SealflowError {
  return new SealflowError({
    code: "ENGINE_CHECKPOINT_UNREADABLE",
    message: "checkpoint: expected the broker's newest checkpoint, got another file",
    where: { file: path },
    hint: "put back the file that was there; `broker serve --recover` goes on without it and says so in the log for ever",
    cause,
  });
}
