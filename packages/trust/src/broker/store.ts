/** What the broker keeps: records in the order in which they were decided, and its newest checkpoint. */
import type { Envelope } from "@sealflow/seal";

/** An append-only store. The broker is its only writer; records are encrypted before they get here. */
export interface BrokerStore {
  /** All records, in order. */
  read(): AsyncIterable<Uint8Array<ArrayBuffer>>;
  /** Resolves once the record is durable; a record is there whole or not at all. */
  append(record: Uint8Array<ArrayBuffer>): Promise<void>;
}

/** Where the newest checkpoint is kept: elsewhere than the records, so that it notices when they are set back. */
export interface CheckpointKeeper {
  read(): Promise<Envelope | undefined>;
  /** Resolves once it is durable. */
  write(checkpoint: Envelope): Promise<void>;
}

/** A store in memory, for tests and for runs whose log ends with the process. */
export function memoryStore(): BrokerStore & { readonly records: Uint8Array<ArrayBuffer>[] } {
  const records: Uint8Array<ArrayBuffer>[] = [];
  return {
    records,
    async *read() {
      yield* records;
    },
    append: async (record) => void records.push(record),
  };
}

/** A keeper in memory. */
export function memoryKeeper(): CheckpointKeeper {
  let kept: Envelope | undefined;
  return {
    read: async () => kept,
    write: async (checkpoint) => {
      kept = checkpoint;
    },
  };
}
