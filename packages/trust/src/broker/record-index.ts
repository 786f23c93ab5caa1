/** What stays in memory of every record: the log's hashes, and where things are. Everything else is read again when it is needed. */
import type { Digest } from "@sealflow/core";
import { failure } from "../failure.js";
import { DecisionLog } from "./decision-log.js";
import type { BrokerRecord, GrantedRecord, RegisteredRecord, RunRecord } from "./records.js";

/** A registered run's records. */
export interface IndexedRun {
  /** Digest of the registration's envelope. */
  readonly registration: Digest;
  /** Indices, ascending; the registration's first. */
  readonly records: readonly number[];
  /** About how much of them a run in memory holds. */
  readonly bytes: number;
}

interface GrowingRun extends IndexedRun {
  readonly records: number[];
  bytes: number;
}

/** The index. It grows with the records, by some hundred bytes for each. */
export class RecordIndex {
  readonly log = new DecisionLog();
  /** Roots of checkpoints that the log was made to go on without. */
  readonly recovered = new Set<string>();
  /** Every policy that was ever in force, by digest: its record. */
  readonly policies = new Map<string, number>();
  /** Data keys of external inputs, hex, by artifact. */
  readonly inputKeys = new Map<string, string>();
  /** Results that may be reused, by their key: the records of their commits. */
  readonly reusable = new Map<string, number>();
  readonly #firstEntries: number[] = [];
  readonly #runs = new Map<string, GrowingRun>();

  /** Number of records. */
  get size(): number {
    return this.#firstEntries.length;
  }

  /** Place in the log of a record's first entry. */
  firstEntry(record: number): number {
    const first = this.#firstEntries[record];
    if (first === undefined) throw new RangeError(`record: expected one below ${this.size}, got ${record}`);
    return first;
  }

  find(runId: string): IndexedRun | undefined {
    return this.#runs.get(runId);
  }

  /** @throws SealflowError `TRUST_RUN_UNKNOWN` */
  run(runId: string): IndexedRun {
    const run = this.#runs.get(runId);
    if (run !== undefined) return run;
    throw failure("TRUST_RUN_UNKNOWN", "run", { expected: "a registered run", got: runId });
  }

  /**
   * Notes the next record.
   *
   * @param bytes Its length without encryption.
   */
  async add(record: BrokerRecord, bytes: number): Promise<void> {
    const index = this.size;
    this.#firstEntries.push(this.log.tree.size);
    for (const entry of record.entries) {
      await this.log.append(entry);
      if (entry.kind === "recovered") this.recovered.add(entry.root);
    }
    if (record.kind === "policy") this.policies.set(record.digest, index);
    else if (record.kind === "registered") this.#register(record, { index, bytes });
    else if (record.kind !== "recovered") this.#grow(record, { index, bytes });
  }

  #register({ runId, keys, entries }: RegisteredRecord, of: { index: number; bytes: number }): void {
    const [entry] = entries;
    this.#runs.set(runId, { registration: entry.registration, records: [of.index], bytes: of.bytes });
    for (const [digest, key] of Object.entries(keys)) this.inputKeys.set(digest, key);
  }

  #grow(record: Exclude<RunRecord, RegisteredRecord>, of: { index: number; bytes: number }): void {
    const run = this.#runs.get(record.runId);
    if (run === undefined) throw new TypeError("record: expected its run's registration before it");
    run.records.push(of.index);
    run.bytes += record.kind === "granted" ? of.bytes - evidenceBytes(record) : of.bytes;
    if (record.kind === "committed" && record.reuseKey !== undefined)
      this.reusable.set(record.reuseKey, of.index);
  }
}

/** Evidence does not stay in memory, and is most of its record. */
function evidenceBytes({ evidence: { quote, collateral } }: GrantedRecord): number {
  const texts = Object.values(collateral).map((value) => (typeof value === "string" ? value.length : 0));
  return texts.reduce((sum, length) => sum + length, quote.length);
}
