/** The embedded broker's memory on disk: records one after the other, and its newest checkpoint beside them. */
import { mkdirSync } from "node:fs";
import { type FileHandle, open, readFile } from "node:fs/promises";
import { dirname } from "node:path";
import { SealflowError } from "@sealflow/core";
import { type Envelope, encodeEnvelope, parseEnvelope } from "@sealflow/seal";
import { writeFileAtomically } from "@sealflow/seal/node";
import type { BrokerStore, CheckpointKeeper } from "@sealflow/trust";
import { systemCode, writingAsync } from "../store/disk-errors.js";

/** Largest record: 64 MiB. */
const maxRecordBytes = 64 * 1024 * 1024;

/** An append-only file of records, each after its length in four bytes, big-endian. */
export class RecordFile implements BrokerStore {
  readonly #path: string;
  #file: Promise<FileHandle> | undefined;

  constructor(path: string) {
    this.#path = path;
  }

  /** All records. One that a crash cut off was never answered for: it is cut away with the next append. */
  async *read(): AsyncGenerator<Uint8Array<ArrayBuffer>> {
    for (const record of (await readRecords(this.#path)).records) yield record;
  }

  async append(record: Uint8Array<ArrayBuffer>): Promise<void> {
    await writingAsync(this.#path, async () => {
      this.#file ??= this.#open();
      const file = await this.#file;
      const framed = Buffer.alloc(4 + record.length);
      framed.writeUInt32BE(record.length);
      framed.set(record, 4);
      await file.appendFile(framed);
      await file.datasync();
    });
  }

  async close(): Promise<void> {
    await (await this.#file)?.close();
    this.#file = undefined;
  }

  async #open(): Promise<FileHandle> {
    mkdirSync(dirname(this.#path), { recursive: true });
    const { whole } = await readRecords(this.#path);
    const file = await open(this.#path, "a", 0o600);
    await file.truncate(whole);
    return file;
  }
}

async function readRecords(path: string): Promise<{ records: Uint8Array<ArrayBuffer>[]; whole: number }> {
  const bytes = await readFile(path).catch((cause: unknown) => {
    if (systemCode(cause) === "ENOENT") return Buffer.alloc(0);
    throw cause;
  });
  const records: Uint8Array<ArrayBuffer>[] = [];
  let whole = 0;
  while (whole + 4 <= bytes.length) {
    const length = bytes.readUInt32BE(whole);
    if (length > maxRecordBytes) throw damaged(path);
    const end = whole + 4 + length;
    if (end > bytes.length) break;
    records.push(Uint8Array.from(bytes.subarray(whole + 4, end)));
    whole = end;
  }
  return { records, whole };
}

function damaged(path: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_LOG_DAMAGED",
    message: "broker's records: expected records within their limits, got something else",
    where: { file: path },
    hint: "the file was changed by something else than Sealflow: restore the store's trust directory from a backup",
  });
}

/** The newest checkpoint in a file that is replaced whole. */
export function checkpointFile(path: string): CheckpointKeeper {
  return {
    read: async () => {
      try {
        return parseEnvelope(await readFile(path));
      } catch (cause) {
        if (systemCode(cause) === "ENOENT") return undefined;
        throw cause;
      }
    },
    write: async (checkpoint: Envelope) => {
      await writingAsync(path, async () => {
        mkdirSync(dirname(path), { recursive: true });
        // The records are what must be durable; an older checkpoint is one that they continue too.
        await writeFileAtomically(path, [encodeEnvelope(checkpoint)], {
          replace: true,
          mode: 0o600,
          sync: false,
        });
      });
    },
  };
}
