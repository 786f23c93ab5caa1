/** What the broker needs of durable storage: its records in the order in which they were decided, and its newest checkpoint. */
import type { Envelope } from "@sealflow/seal";

type Bytes = Uint8Array<ArrayBuffer>;

/**
 * An append-only store. The broker is its only writer and appends one record at a time; records are encrypted before they get
 * here. What any store must do is held against each by `describeBrokerStore` of this room's tests.
 */
export interface BrokerStore {
  /** All records, in order; of those that are appended meanwhile, none or some at the end. */
  read(): AsyncIterable<Bytes>;
  /**
   * One record, at a cost that does not grow with their number.
   *
   * @param index From 0, in the order in which they were appended.
   * @throws RangeError when there is none.
   */
  get(index: number): Promise<Bytes>;
  /** Resolves once the record is durable; a record is there whole or not at all, also after a crash. */
  append(record: Bytes): Promise<void>;
}

/** Where the newest checkpoint is kept: elsewhere than the records, so that it notices when they are set back. */
export interface CheckpointKeeper {
  read(): Promise<Envelope | undefined>;
  /** Resolves once it is kept; after a crash it is this one or an earlier one, whole. */
  write(checkpoint: Envelope): Promise<void>;
}

/** A store in memory, for tests and for runs whose log ends with the process. */
export function memoryStore(
  records: Bytes[] = [],
): BrokerStore & { readonly records: Uint8Array<ArrayBuffer>[] } {
  return {
    records,
    async *read() {
      yield* records;
    },
    get: async (index) => {
      const record = records[index];
      if (record === undefined) throw noRecord(index, records.length);
      return record;
    },
    append: async (record) => void records.push(record),
  };
}

function noRecord(index: number, count: number): RangeError {
  return new RangeError(`broker's store: expected an index below ${count}, got ${index}`);
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
