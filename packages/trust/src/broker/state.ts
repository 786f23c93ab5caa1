/** The broker's state: what its records say, taken over one by one, the same live and after a restart. */
import { type Digest, fromBase64, toHex } from "@sealflow/core";
import type { Envelope } from "@sealflow/seal";
import { decodeDocument } from "../document.js";
import { failure } from "../failure.js";
import { encodeLogEntry, type LogEntry, type LogEntryOf } from "../log/entry.js";
import { leafHash } from "../log/merkle.js";
import type { TrustPolicy } from "../policy.js";
import { openTrustPolicy } from "../policy.js";
import { registrationKind } from "../registration.js";
import { readRegisteredPipeline } from "../run/authorised.js";
import { RunEvaluation } from "../run/evaluation.js";
import { DecisionLog } from "./decision-log.js";
import type { BrokerRecord, CommittedRecord, RegisteredRecord, ReusedRecord } from "./records.js";
import { type CommittedResult, type GrantedAttempt, RunState } from "./run-state.js";

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

/** Everything that the broker knows. */
export class BrokerState {
  readonly log = new DecisionLog();
  readonly runs = new Map<string, RunState>();
  /** Granted attempts by `H(T)`. */
  readonly grants = new Map<string, GrantedAttempt & { readonly runId: string }>();
  /** Results that may be reused, by their key. */
  readonly reusable = new Map<string, { readonly runId: string; readonly path: string }>();
  /** Data keys of external inputs, hex, by artifact. */
  readonly inputKeys = new Map<string, string>();
  /** Roots of checkpoints that the log was made to go on without. */
  readonly recovered = new Set<string>();
  policy: PolicyInForce | undefined;
  /** Every policy that was ever in force, by digest. */
  readonly policies = new Map<string, PolicyInForce>();
  readonly #policySigner: string;

  constructor(policySigner: string) {
    this.#policySigner = policySigner;
  }

  /** @throws SealflowError `TRUST_RUN_UNKNOWN` */
  run(runId: string): RunState {
    const run = this.runs.get(runId);
    if (run !== undefined) return run;
    throw failure("TRUST_RUN_UNKNOWN", "run", { expected: "a registered run", got: runId });
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
  async finishedAfter(run: RunState, entry: LogEntry): Promise<LogEntryOf<"finished">[]> {
    const { outcome } = run.evaluation;
    if (outcome === undefined) return [];
    const previous = toHex(await leafHash(encodeLogEntry(entry)));
    const time = Date.parse(entry.time);
    const { registrationDigest, registration } = run;
    const of = { registrationDigest, registration, lastEntry: previous };
    return [{ ...this.entryOf(of, time), kind: "finished", state: outcome.state }];
  }

  /**
   * Takes a record over.
   *
   * @param advanced True when the run's evaluation has the result already.
   */
  async apply(record: BrokerRecord, advanced: boolean): Promise<void> {
    if (record.kind === "registered") await this.#register(record);
    let last: string | undefined;
    for (const entry of record.entries) {
      last = await this.log.append(entry);
      if (entry.kind === "recovered") this.recovered.add(entry.root);
    }
    if (record.kind === "policy") await this.#setPolicy(record);
    if (record.kind === "policy" || record.kind === "recovered") return;
    const run = this.run(record.runId);
    run.lastEntry = last ?? run.lastEntry;
    switch (record.kind) {
      case "granted": {
        const [entry] = record.entries;
        if (entry?.kind !== "granted") return;
        const attempt: GrantedAttempt = {
          entry,
          transcript: record.transcript,
          grant: record.grant,
          salts: record.salts,
        };
        run.task(entry.path).attempts.push(attempt);
        this.grants.set(entry.transcript, Object.assign(attempt, { runId: record.runId }));
        return;
      }
      case "committed":
        if (!advanced) run.finish(record.path, resultOf(record));
        if (record.reuseKey !== undefined)
          this.reusable.set(record.reuseKey, { runId: record.runId, path: record.path });
        return;
      case "reused":
        if (!advanced) run.finish(record.path, this.reusedResult(record));
        return;
      case "failed": {
        const attempt = run.attempt(record.path, record.attempt);
        const [entry] = record.entries;
        if (attempt !== undefined && entry?.kind === "failed") {
          attempt.failure = { statement: entry.statement, final: record.final };
        }
        if (record.final && !advanced) run.evaluation.fail(record.path, record.code);
        return;
      }
      default:
    }
  }

  /** The result that a reuse gives its task. */
  reusedResult(record: Pick<ReusedRecord, "original" | "entries">): CommittedResult {
    const original = this.run(record.original.runId).task(record.original.path).committed;
    const [entry] = record.entries;
    if (original === undefined || entry?.kind !== "reused")
      throw new TypeError("reuse: expected a committed original");
    return { ...original, attempt: 0, statement: entry.statement, reused: true };
  }

  async #setPolicy({ policy, digest }: Extract<BrokerRecord, { kind: "policy" }>): Promise<void> {
    const opened = await openTrustPolicy(policy, { signer: this.#policySigner });
    this.policy = { envelope: policy, digest, policy: opened };
    this.policies.set(digest, this.policy);
  }

  async #register(record: RegisteredRecord): Promise<void> {
    const registration = decodeDocument(registrationKind, fromBase64(record.registration.payload));
    const { flow, document } = record;
    const pipeline = await readRegisteredPipeline(document, { registration, flow });
    const [entry] = record.entries;
    const policy = this.policies.get(registration.policy);
    if (entry?.kind !== "registered" || policy === undefined)
      throw new TypeError("record: expected the entry of a registration under a policy that was in force");
    const run = new RunState({
      registration,
      registrationDigest: entry.registration,
      ...{ flow, policy },
      evaluation: new RunEvaluation(registration, pipeline.document),
    });
    for (const [digest, key] of Object.entries(record.keys)) {
      run.artifacts.set(digest, { key, statement: null });
      this.inputKeys.set(digest, key);
    }
    this.runs.set(record.runId, run);
  }
}

/** The result that a commit gives its task. */
export function resultOf(
  record: Pick<CommittedRecord, "attempt" | "outputs" | "secrets" | "entries">,
): CommittedResult {
  const [entry] = record.entries;
  if (entry?.kind !== "committed") throw new TypeError("record: expected the entry of a commit");
  const { attempt, outputs, secrets } = record;
  return { attempt, outputs, secrets, statement: entry.statement, reused: false };
}
