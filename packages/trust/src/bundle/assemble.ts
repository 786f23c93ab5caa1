/** Assembling a run's bundle from the broker's records. */
import { type Digest, digestOfJson, type JsonObject, type JsonValue, toHex } from "@sealflow/core";
import type { BrokerCore } from "../broker/core.js";
import type {
  BrokerRecord,
  CommittedRecord,
  GrantedRecord,
  RegisteredRecord,
  ReusedRecord,
  Salts,
} from "../broker/records.js";
import type { RegisteredRun } from "../broker/state.js";
import { appraiseEvidence, type Evidence } from "../evidence.js";
import type { LogEntry } from "../log/entry.js";
import type { CommitSecrets } from "../protocol/secrets.js";
import { member, recordOf } from "../record.js";
import { readRegisteredPipeline } from "../run/authorised.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import { reportDataOf } from "../transcript.js";
import {
  type BundleAttempt,
  type BundleEvidence,
  encodeBundle,
  type Opened,
  type RunBundle,
} from "./format.js";
import { publicInputs } from "./public-inputs.js";
import { PublicView } from "./public-view.js";

type Writable<Value> = { -readonly [Key in keyof Value]: Value[Key] };

/**
 * A run's bundle in its canonical encoding. Holds no keys, and of the values those only that may be shown.
 *
 * @throws SealflowError `TRUST_RUN_UNKNOWN`
 */
export async function assembleBundle(core: BrokerCore, runId: string): Promise<Uint8Array<ArrayBuffer>> {
  const [first = -1, ...later] = core.state.index.run(runId).records;
  const record = await core.records.of("registered", first);
  const run = await core.state.registered(record);
  const { document } = await readRegisteredPipeline(record.document, run);
  const view = new PublicView(run.registration, document);
  const assembly = new Assembly(core, { record, first, run, view });
  for (const index of later) await assembly.add(index, await core.records.at(index));
  return encodeBundle(await assembly.bundle());
}

/** What a bundle begins with. */
interface Begun {
  readonly record: RegisteredRecord;
  /** Index of the record. */
  readonly first: number;
  readonly run: RegisteredRun;
  readonly view: PublicView;
}

/** A bundle on its way. It reads the run's records and nothing that changes while the broker goes on. */
class Assembly {
  readonly #core: BrokerCore;
  readonly #begun: Begun;
  readonly #view: PublicView;
  readonly #tasks: RunBundle["tasks"] = [];
  readonly #collateral: Record<string, JsonObject> = {};
  readonly #roots = new Set<string>();
  readonly #entries = new Map<number, LogEntry>();

  constructor(core: BrokerCore, begun: Begun) {
    this.#core = core;
    this.#begun = begun;
    this.#view = begun.view;
    this.#note(begun.first, begun.record.entries);
  }

  async bundle(): Promise<RunBundle> {
    const { registration, document } = this.#begun.record;
    const { options, keys } = this.#core;
    return {
      version: "sealflow.bundle/v1",
      claims: {
        domain: options.domain,
        policySigner: options.policySigner,
        brokerKey: keys.brokerKey,
        roots: [...this.#roots].sort(),
      },
      policy: this.#begun.run.policy.envelope,
      registration,
      document,
      tasks: this.#tasks,
      collateral: this.#collateral,
      // Checkpoint and proofs must be of one size. What was read before is in the log by now; nothing else waits for it.
      log: await this.#core.exclusive(() => this.#log()),
    };
  }

  async #log(): Promise<RunBundle["log"]> {
    const { tree } = this.#core.state.index.log;
    const indices = [...this.#entries.keys()].sort((a, b) => a - b);
    const entries = indices.flatMap((index) => {
      const entry = this.#entries.get(index);
      return entry === undefined ? [] : [{ index, entry }];
    });
    const size = this.#firstEntry(this.#begun.first) + 1;
    const proof = await tree.consistencyProof(size);
    return {
      checkpoint: await this.#core.checkpoint(),
      registered: { root: toHex((await tree.head(size)).root), proof: proof.map(toHex) },
      entries: await Promise.all(
        entries.map(async (each) => ({ ...each, proof: (await tree.inclusionProof(each.index)).map(toHex) })),
      ),
    };
  }

  /** Adds the run's next record. */
  async add(index: number, record: BrokerRecord): Promise<void> {
    this.#note(index, record.entries);
    if (record.kind === "granted") await this.#granted(record);
    if (record.kind === "committed") this.#committed(record);
    if (record.kind === "failed") {
      this.#attempt(record.path, record.attempt).statement = record.statement;
      if (record.final) this.#view.fail(record.path, record.code);
    }
    if (record.kind === "reused") await this.#reused(record);
  }

  async #granted(record: GrantedRecord): Promise<void> {
    const { transcript, salts } = record;
    this.#tasks.push({
      kind: "attempt",
      transcript,
      evidence: await this.#evidence(record),
      statement: null,
      opened: { inputs: this.#inputs(transcript.path, salts), parameters: {}, metadata: {} },
    });
  }

  #committed({ path, attempt, statement, outputs, secrets }: CommittedRecord): void {
    const item = this.#attempt(path, attempt);
    item.statement = statement;
    item.opened = { ...item.opened, ...this.#outputs(path, outputs, secrets) };
    this.#view.succeed(path, outputs, item.opened);
  }

  async #reused({ path, statement, salts, original }: ReusedRecord): Promise<void> {
    const { records } = this.#core;
    const registered = await records.of("registered", original.registered);
    const granted = await records.of("granted", original.granted);
    const committed = await records.of("committed", original.committed);
    this.#note(original.registered, registered.entries);
    this.#note(original.granted, granted.entries);
    // What the commit may have ended is another run.
    this.#note(original.committed, committed.entries.slice(0, 1));
    const { outputs, secrets } = committed;
    const opened: Opened = { inputs: this.#inputs(path, salts), ...this.#outputs(path, outputs, secrets) };
    this.#tasks.push({
      kind: "reuse",
      statement,
      original: {
        registration: registered.registration,
        transcript: granted.transcript,
        evidence: await this.#evidence(granted),
        statement: committed.statement,
      },
      opened,
    });
    this.#view.succeed(path, outputs, opened);
  }

  /** Notes entries of a record for the bundle's log. */
  #note(record: number, entries: readonly LogEntry[]): void {
    const first = this.#firstEntry(record);
    for (const [offset, entry] of entries.entries()) this.#entries.set(first + offset, entry);
  }

  #firstEntry(record: number): number {
    return this.#core.state.index.firstEntry(record);
  }

  #attempt(path: string, attempt: number): Writable<BundleAttempt> {
    for (const item of this.#tasks) {
      if (item.kind === "attempt" && item.transcript.path === path && item.transcript.attempt === attempt)
        return item;
    }
    throw new TypeError("store: expected the grant of an attempt before its end");
  }

  /** Openings of the inputs that follow from what is public. */
  #inputs(path: string, salts: Salts): Opened["inputs"] {
    const due = this.#view.due(path);
    const values = due === undefined ? {} : publicInputs(due, this.#view.other(path));
    return recordOf(
      Object.entries(values).map(([name, value]) => [name, openingOf(value, member(salts, name))] as const),
    );
  }

  /** Openings of the outputs that may be shown. */
  #outputs(
    path: string,
    outputs: TaskResultStated["outputs"],
    secrets: CommitSecrets,
  ): Pick<Opened, "parameters" | "metadata"> {
    const parameters = Object.entries(secrets.parameters).filter(([name]) => this.#view.shows(path, name));
    const artifacts = Object.entries(outputs.artifacts).filter(([name]) => this.#view.shows(path, name));
    const metadata = artifacts.flatMap(([, list]) =>
      list.flatMap(({ digest }) => {
        const opening = secrets.artifacts[digest]?.metadata;
        return opening === undefined ? [] : [[digest, opening] as const];
      }),
    );
    return { parameters: recordOf(parameters), metadata: recordOf(metadata) };
  }

  /** Evidence with its collateral set apart; the root that it ends at is noted. */
  async #evidence({ evidence, transcript, entries }: GrantedRecord): Promise<BundleEvidence> {
    const collateral: Digest = await digestOfJson(evidence.collateral);
    this.#collateral[collateral] = evidence.collateral;
    await this.#noteRoot({ evidence, transcript, entries });
    return { type: evidence.type, quote: evidence.quote, collateral };
  }

  async #noteRoot(granted: {
    readonly evidence: Evidence;
    readonly transcript: GrantedRecord["transcript"];
    readonly entries: GrantedRecord["entries"];
  }): Promise<void> {
    const { root } = await appraiseEvidence(granted.evidence, {
      policy: this.#begun.run.policy.policy.appraisal,
      roots: this.#core.options.roots,
      component: "",
      reportData: await reportDataOf(granted.transcript),
      at: Date.parse(granted.entries[0].time),
    });
    if (root !== undefined) this.#roots.add(toHex(root.publicKeyInfo));
  }
}

function openingOf(value: JsonValue, salt: string | undefined) {
  return { value, salt: salt ?? "" };
}
