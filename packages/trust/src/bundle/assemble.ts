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
import type { RunState } from "../broker/run-state.js";
import { appraiseEvidence, type Evidence } from "../evidence.js";
import type { LogEntry } from "../log/entry.js";
import type { CommitSecrets } from "../protocol/secrets.js";
import { member, recordOf } from "../record.js";
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
type RunRecord = Extract<BrokerRecord, { readonly runId: string }>;

/** A record with the indices of its entries in the log. */
interface Placed<Record extends BrokerRecord = RunRecord> {
  readonly record: Record;
  readonly first: number;
}

/**
 * A run's bundle in its canonical encoding. Holds no keys, and of the values those only that may be shown.
 *
 * @throws SealflowError `TRUST_RUN_UNKNOWN`
 */
export async function assembleBundle(core: BrokerCore, runId: string): Promise<Uint8Array<ArrayBuffer>> {
  core.state.run(runId);
  const own = await collect(core.records(), (record) => record.runId === runId);
  const reused = own.flatMap(({ record }) => (record.kind === "reused" ? [record.original] : []));
  const originals =
    reused.length === 0 ? [] : await collect(core.records(), (record) => isOf(record, reused));
  return encodeBundle(await new Assembly(core, own, originals).bundle());
}

async function collect(
  records: AsyncIterable<BrokerRecord>,
  wanted: (record: RunRecord) => boolean,
): Promise<Placed[]> {
  const found: Placed[] = [];
  let first = 0;
  for await (const record of records) {
    if ("runId" in record && wanted(record)) found.push({ record, first });
    first += record.entries.length;
  }
  return found;
}

/** True for the records that a reused result rests on. */
function isOf(record: RunRecord, originals: readonly ReusedRecord["original"][]): boolean {
  return originals.some(({ runId, path }) => {
    if (record.runId !== runId) return false;
    if (record.kind === "registered") return true;
    if (record.kind === "granted") return record.transcript.path === path;
    return record.kind === "committed" && record.path === path;
  });
}

class Assembly {
  readonly #core: BrokerCore;
  readonly #run: RunState;
  readonly #own: readonly Placed[];
  readonly #originals: readonly Placed[];
  readonly #registered: Placed<RegisteredRecord>;
  readonly #view: PublicView;
  readonly #tasks: RunBundle["tasks"] = [];
  readonly #collateral: Record<string, JsonObject> = {};
  readonly #roots = new Set<string>();
  readonly #entries = new Map<number, LogEntry>();

  constructor(core: BrokerCore, own: readonly Placed[], originals: readonly Placed[]) {
    this.#core = core;
    this.#own = own;
    this.#originals = originals;
    const registered = own.find(isRegistered);
    if (registered === undefined) throw new TypeError("store: expected the run's registration");
    this.#registered = registered;
    this.#run = core.state.run(registered.record.runId);
    this.#view = new PublicView(this.#run.registration, this.#run.evaluation.document);
  }

  async bundle(): Promise<RunBundle> {
    for (const placed of this.#own) await this.#add(placed);
    const { registration, document } = this.#registered.record;
    const { options, keys } = this.#core;
    return {
      version: "sealflow.bundle/v1",
      claims: {
        domain: options.domain,
        policySigner: options.policySigner,
        brokerKey: keys.brokerKey,
        roots: [...this.#roots].sort(),
      },
      policy: this.#run.policy.envelope,
      registration,
      document,
      tasks: this.#tasks,
      collateral: this.#collateral,
      // Checkpoint and proofs must be of one size. What was read before is in the log by now; nothing else waits for it.
      log: await this.#core.exclusive(() => this.#log()),
    };
  }

  async #log(): Promise<RunBundle["log"]> {
    const { tree } = this.#core.state.log;
    const indices = [...this.#entries.keys()].sort((a, b) => a - b);
    const entries = indices.flatMap((index) => {
      const entry = this.#entries.get(index);
      return entry === undefined ? [] : [{ index, entry }];
    });
    const size = this.#registered.first + 1;
    const proof = await tree.consistencyProof(size);
    return {
      checkpoint: await this.#core.checkpoint(),
      registered: { root: toHex((await tree.head(size)).root), proof: proof.map(toHex) },
      entries: await Promise.all(
        entries.map(async (each) => ({ ...each, proof: (await tree.inclusionProof(each.index)).map(toHex) })),
      ),
    };
  }

  async #add({ record, first }: Placed): Promise<void> {
    for (const [offset, entry] of record.entries.entries()) this.#entries.set(first + offset, entry);
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
    const of = this.#originals.filter(({ record }) => isOf(record, [original]));
    const committed = of.find(isCommitted);
    const attempt = committed?.record.attempt;
    const granted = of.filter(isGranted).find(({ record }) => record.transcript.attempt === attempt);
    const registered = of.find(isRegistered);
    if (committed === undefined || granted === undefined || registered === undefined) {
      throw new TypeError("store: expected the records of a reused result");
    }
    for (const { record, first } of [registered, granted, committed]) {
      const [entry] = record.entries;
      if (entry !== undefined) this.#entries.set(first, entry);
    }
    const { outputs, secrets } = committed.record;
    const opened: Opened = { inputs: this.#inputs(path, salts), ...this.#outputs(path, outputs, secrets) };
    this.#tasks.push({
      kind: "reuse",
      statement,
      original: {
        registration: registered.record.registration,
        transcript: granted.record.transcript,
        evidence: await this.#evidence(granted.record),
        statement: committed.record.statement,
      },
      opened,
    });
    this.#view.succeed(path, outputs, opened);
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
      policy: this.#run.policy.policy.appraisal,
      roots: this.#core.options.roots,
      component: "",
      reportData: await reportDataOf(granted.transcript),
      at: Date.parse(granted.entries[0]?.time ?? ""),
    });
    if (root !== undefined) this.#roots.add(toHex(root.publicKeyInfo));
  }
}

function openingOf(value: JsonValue, salt: string | undefined) {
  return { value, salt: salt ?? "" };
}

function isRegistered(placed: Placed): placed is Placed<RegisteredRecord> {
  return placed.record.kind === "registered";
}

function isGranted(placed: Placed): placed is Placed<GrantedRecord> {
  return placed.record.kind === "granted";
}

function isCommitted(placed: Placed): placed is Placed<CommittedRecord> {
  return placed.record.kind === "committed";
}
