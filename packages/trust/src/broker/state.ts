/** The broker's state: what its records say, the same live, after a restart, and for a run that was not in memory. */
import { type Digest, fromBase64, toHex } from "@sealflow/core";
import type { Envelope } from "@sealflow/seal";
import { decodeDocument } from "../document.js";
import { encodeLogEntry, type LogEntry, type LogEntryOf } from "../log/entry.js";
import { leafHash } from "../log/merkle.js";
import type { Flow, TrustPolicy } from "../policy.js";
import { openTrustPolicy } from "../policy.js";
import { type Registration, registrationKind } from "../registration.js";
import { readRegisteredPipeline } from "../run/authorised.js";
import { RunEvaluation } from "../run/evaluation.js";
import { RecordIndex } from "./record-index.js";
import type {
  BrokerRecord,
  CommittedRecord,
  GrantedRecord,
  OriginalRecords,
  RegisteredRecord,
  RunRecord,
} from "./records.js";
import { defaultRunMemoryBytes, RunMemory } from "./run-memory.js";
import { resultOf, reusedResult, takeOver } from "./run-records.js";
import { RunState } from "./run-state.js";
import type { RecordOf, SealedRecords } from "./sealed-records.js";

/** A policy in force. */
export interface PolicyInForce {
  readonly envelope: Envelope;
  readonly digest: Digest;
  readonly policy: TrustPolicy;
}

/** What entries say of their run. */
export interface LoggedRun extends Pick<RunState, "registrationDigest" | "lastEntry"> {
  readonly registration: Pick<RunState["registration"], "policyEpoch">;
}

/** A run as it was registered. */
export interface RegisteredRun {
  readonly registration: Registration;
  readonly registrationDigest: Digest;
  readonly flow: Flow;
  /** That it was registered under, and stays under. */
  readonly policy: PolicyInForce;
}

/** A result that may be reused: the records that it rests on, and where they are. */
export interface ReusableResult {
  readonly indices: OriginalRecords;
  readonly registered: RegisteredRecord;
  readonly granted: GrantedRecord;
  readonly committed: CommittedRecord;
}

/** What the state is made of. */
export interface StateOptions {
  readonly policySigner: string;
  /** Default: 64 MiB. */
  readonly runMemoryBytes?: number;
}

/** What the broker knows. Runs are in memory while they are used; each operation asks for its run anew. */
export class BrokerState {
  readonly index = new RecordIndex();
  policy: PolicyInForce | undefined;
  readonly #records: SealedRecords;
  readonly #policySigner: string;
  readonly #memory: RunMemory;
  /** Policies that some run still has. */
  readonly #policies = new Map<string, WeakRef<PolicyInForce>>();

  private constructor(records: SealedRecords, { policySigner, runMemoryBytes }: StateOptions) {
    this.#records = records;
    this.#policySigner = policySigner;
    this.#memory = new RunMemory(runMemoryBytes ?? defaultRunMemoryBytes);
  }

  /** The state that records give. Runs are not taken up before they are asked for. @throws SealflowError `TRUST_STORE_RECORD` */
  static async from(records: SealedRecords, options: StateOptions): Promise<BrokerState> {
    const state = new BrokerState(records, options);
    let newest: RecordOf<"policy"> | undefined;
    for await (const { record, bytes } of records.all()) {
      await state.index.add(record, bytes);
      if (record.kind === "policy") newest = record;
    }
    if (newest !== undefined) state.policy = await state.#opened(newest);
    return state;
  }

  /**
   * A registered run, for the operation that asks. Only one operation at a time may ask, so that each run is in memory once.
   *
   * @throws SealflowError `TRUST_RUN_UNKNOWN`
   */
  async run(runId: string): Promise<RunState> {
    const { records, bytes } = this.index.run(runId);
    const known = this.#memory.get(runId);
    if (known !== undefined) return known;
    const run = await this.#load(records);
    this.#memory.keep(runId, run, bytes);
    return run;
  }

  /** Lets go of the runs that were used least recently; between operations. */
  trim(): void {
    this.#memory.trim();
  }

  /** What every entry of a run says. */
  entryOf(run: LoggedRun, time: number) {
    return {
      version: "sealflow.log-entry/v1" as const,
      time: new Date(time).toISOString(),
      policyEpoch: run.registration.policyEpoch,
      registration: run.registrationDigest,
      previous: run.lastEntry,
    };
  }

  /** The entry after another one of the same run that ends it, if it has ended. */
  async finishedAfter(
    run: Pick<RunState, "registration" | "registrationDigest" | "evaluation">,
    entry: LogEntry,
  ): Promise<LogEntryOf<"finished">[]> {
    const { outcome } = run.evaluation;
    if (outcome === undefined) return [];
    const time = Date.parse(entry.time);
    const { registrationDigest, registration } = run;
    const of = { registrationDigest, registration, lastEntry: await hashOf(entry) };
    return [{ ...this.entryOf(of, time), kind: "finished", state: outcome.state }];
  }

  /**
   * Takes over a record that was just made.
   *
   * @param of Its length without encryption, and whether the run's evaluation has its result already.
   */
  async apply(
    record: BrokerRecord,
    of: { readonly bytes: number; readonly advanced: boolean },
  ): Promise<void> {
    const index = this.index.size;
    if (isLater(record)) {
      const run = await this.run(record.runId);
      await this.index.add(record, of.bytes);
      await this.#take(run, record, { index, advanced: of.advanced });
      this.#memory.keep(record.runId, run, this.index.run(record.runId).bytes);
      return;
    }
    await this.index.add(record, of.bytes);
    if (record.kind === "policy") this.policy = await this.#opened(record);
    if (record.kind === "registered")
      this.#memory.keep(record.runId, await this.#begun(record), this.index.run(record.runId).bytes);
  }

  /** A run as it was registered, without what has become of it. */
  async registered({ registration: envelope, flow, entries }: RegisteredRecord): Promise<RegisteredRun> {
    const registration = decodeDocument(registrationKind, fromBase64(envelope.payload));
    const [entry] = entries;
    const policy = await this.#policyOf(registration.policy);
    return { registration, registrationDigest: entry.registration, flow, policy };
  }

  /** What a task's result may be taken from. */
  async reusable(key: string): Promise<ReusableResult | undefined> {
    const index = this.index.reusable.get(key);
    if (index === undefined) return undefined;
    const committed = await this.#records.of("committed", index);
    const [first = -1] = this.index.run(committed.runId).records;
    return {
      indices: { registered: first, granted: committed.granted, committed: index },
      registered: await this.#records.of("registered", first),
      granted: await this.#records.of("granted", committed.granted),
      committed,
    };
  }

  async #load([first = -1, ...later]: readonly number[]): Promise<RunState> {
    const run = await this.#begun(await this.#records.of("registered", first));
    for (const index of later) {
      const record = await this.#records.at(index);
      if (!isLater(record))
        throw new TypeError(`store, record ${index}: expected one of a run that has begun`);
      await this.#take(run, record, { index, advanced: false });
    }
    return run;
  }

  async #take(
    run: RunState,
    record: LaterRecord,
    of: { readonly index: number; readonly advanced: boolean },
  ): Promise<void> {
    run.lastEntry = await hashOf(lastOf(record));
    const result = of.advanced ? undefined : await this.#resultOf(record);
    takeOver(run, record, { ...of, ...(result === undefined ? {} : { result }) });
  }

  /** The result that a record gives its task. */
  async #resultOf(record: LaterRecord) {
    if (record.kind === "committed") return resultOf(record);
    if (record.kind !== "reused") return undefined;
    return reusedResult(record, await this.#records.of("committed", record.original.committed));
  }

  async #begun(record: RegisteredRecord): Promise<RunState> {
    const registered = await this.registered(record);
    const { registration } = registered;
    const { document } = await readRegisteredPipeline(record.document, registered);
    const run = new RunState({ ...registered, evaluation: new RunEvaluation(registration, document) });
    for (const [digest, key] of Object.entries(record.keys))
      run.artifacts.set(digest, { key, statement: null });
    run.lastEntry = await hashOf(lastOf(record));
    return run;
  }

  async #policyOf(digest: Digest): Promise<PolicyInForce> {
    const known = this.policy?.digest === digest ? this.policy : this.#policies.get(digest)?.deref();
    if (known !== undefined) return known;
    const index = this.index.policies.get(digest);
    if (index === undefined) throw new TypeError("record: expected a policy that was in force");
    return this.#opened(await this.#records.of("policy", index));
  }

  async #opened({ policy: envelope, digest }: RecordOf<"policy">): Promise<PolicyInForce> {
    const policy = await openTrustPolicy(envelope, { signer: this.#policySigner });
    const opened = { envelope, digest, policy };
    this.#policies.set(digest, new WeakRef(opened));
    return opened;
  }
}

type LaterRecord = Exclude<RunRecord, RegisteredRecord>;

function isLater(record: BrokerRecord): record is LaterRecord {
  return record.kind !== "policy" && record.kind !== "recovered" && record.kind !== "registered";
}

/** The run's newest entry with a record. */
function lastOf({ entries: [first, ...more] }: RunRecord): LogEntry {
  return more.at(-1) ?? first;
}

async function hashOf(entry: LogEntry): Promise<string> {
  return toHex(await leafHash(encodeLogEntry(entry)));
}
