/** The broker's records in SQLite, and its newest checkpoint in a file of its own. */
import {
  closeSync,
  existsSync,
  fsyncSync,
  mkdirSync,
  openSync,
  readFileSync,
  renameSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { canonicalJson, SealflowError } from "@sealflow/core";
import type { BrokerStore, CheckpointKeeper } from "@sealflow/trust";
import { openDatabase } from "../store/database.js";

type Envelope = NonNullable<Awaited<ReturnType<CheckpointKeeper["read"]>>>;

/** An open store, which this process alone has. */
export interface OpenBrokerStore {
  readonly records: BrokerStore;
  close(): void;
}

/**
 * Opens (or makes) the records of a directory. A record is in the file, and the file on disk, when `append` resolves.
 *
 * @throws SealflowError `SERVER_STORE_BUSY`, `SERVER_STORE_UNREADABLE`
 */
export function openBrokerStore(directory: string): OpenBrokerStore {
  const database = openDatabase(join(directory, "broker.db"));
  database.run("CREATE TABLE IF NOT EXISTS records (id INTEGER PRIMARY KEY, record TEXT NOT NULL) STRICT");
  return {
    records: {
      async *read() {
        // In pages, so that a long log is not in memory at once.
        for (let after = 0; ; ) {
          const rows = database.all("SELECT id, record FROM records WHERE id > ? ORDER BY id LIMIT 100", [
            after,
          ]);
          for (const row of rows) yield Uint8Array.from(Buffer.from(String(row.record), "base64"));
          const last = rows.at(-1);
          if (last === undefined) return;
          after = Number(last.id);
        }
      },
      append: async (record) => {
        database.run("INSERT INTO records (record) VALUES (?)", [Buffer.from(record).toString("base64")]);
      },
    },
    close: () => database.close(),
  };
}

/** The newest checkpoint in a file that is replaced whole. Keep it on another disk than the records where that can be. */
export function checkpointKeeper(file: string): CheckpointKeeper {
  return {
    read: async () => {
      if (!existsSync(file)) return undefined;
      try {
        return JSON.parse(readFileSync(file, "utf8")) as Envelope;
      } catch (cause) {
        throw new SealflowError({
          code: "SERVER_CHECKPOINT_UNREADABLE",
          message: "checkpoint: expected the broker's newest checkpoint, got another file",
          where: { file },
          hint: "put back the file that was there; --recover goes on without it and says so in the log for ever",
          cause,
        });
      }
    },
    write: async (checkpoint) => replaceFile(file, canonicalJson(checkpoint)),
  };
}

function replaceFile(file: string, text: string): void {
  mkdirSync(dirname(file), { recursive: true });
  const temporary = `${file}.new`;
  const handle = openSync(temporary, "w", 0o600);
  try {
    writeSync(handle, text);
    fsyncSync(handle);
  } finally {
    closeSync(handle);
  }
  renameSync(temporary, file);
  const directory = openSync(dirname(file), "r");
  try {
    fsyncSync(directory);
  } finally {
    closeSync(directory);
  }
}
