/** The broker's records in its store: each encrypted for its place, read in order or one by one. */
import { type BrokerRecord, decodeRecord, encodeRecord } from "./records.js";
import type { BrokerKeys } from "./secrets.js";
import type { BrokerStore } from "./store.js";

/** A record of a kind. */
export type RecordOf<Kind extends BrokerRecord["kind"]> = Extract<BrokerRecord, { readonly kind: Kind }>;

/** A record as it was read, and how long it is without encryption. */
export interface ReadRecord {
  readonly record: BrokerRecord;
  readonly bytes: number;
}

/** The records. Indices count from 0. */
export class SealedRecords {
  readonly #store: BrokerStore;
  readonly #keys: BrokerKeys;

  constructor(store: BrokerStore, keys: BrokerKeys) {
    this.#store = store;
    this.#keys = keys;
  }

  /** @throws SealflowError `TRUST_STORE_RECORD` */
  async *all(): AsyncGenerator<ReadRecord> {
    let index = 0;
    for await (const sealed of this.#store.read()) yield this.#opened(sealed, index++);
  }

  /** @throws SealflowError `TRUST_STORE_RECORD` */
  async at(index: number): Promise<BrokerRecord> {
    return (await this.#opened(await this.#store.get(index), index)).record;
  }

  /**
   * A record of which it is known what it is.
   *
   * @throws SealflowError `TRUST_STORE_RECORD`
   */
  async of<Kind extends BrokerRecord["kind"]>(kind: Kind, index: number): Promise<RecordOf<Kind>> {
    const record = await this.at(index);
    if (isOf(kind, record)) return record;
    throw new TypeError(
      `store, record ${index}: expected one that is ${kind}, got one that is ${record.kind}`,
    );
  }

  /** Resolves once it is durable. @returns How long it is without encryption. */
  async append(record: BrokerRecord, index: number): Promise<number> {
    const encoded = encodeRecord(record);
    await this.#store.append(await this.#keys.sealRecord(encoded, index));
    return encoded.length;
  }

  async #opened(sealed: Uint8Array<ArrayBuffer>, index: number): Promise<ReadRecord> {
    const encoded = await this.#keys.openRecord(sealed, index);
    return { record: decodeRecord(encoded), bytes: encoded.length };
  }
}

function isOf<Kind extends BrokerRecord["kind"]>(kind: Kind, record: BrokerRecord): record is RecordOf<Kind> {
  return record.kind === kind;
}
