/** What all operations of the broker share: its state, its keys, and the one way in which anything is decided. */
import type { TrustRoot } from "@sealflow/attest";
import { type Clock, type Random, SealflowError } from "@sealflow/core";
import type { Envelope } from "@sealflow/seal";
import { failure } from "../failure.js";
import type { LogEntry } from "../log/entry.js";
import { type DueComponent, dueComponent } from "../run/due.js";
import { requireStillAuthorised } from "./permitting.js";
import type { BrokerRecord } from "./records.js";
import type { RunState } from "./run-state.js";
import type { SealedRecords } from "./sealed-records.js";
import type { BrokerKeys } from "./secrets.js";
import type { BrokerState, PolicyInForce } from "./state.js";
import type { BrokerStore, CheckpointKeeper } from "./store.js";

/** What a broker is made of. */
export interface BrokerOptions {
  /** 32 random bytes; all of the broker's keys follow from them. Secret. */
  readonly secret: Uint8Array<ArrayBuffer>;
  /** Names the deployment, at most 255 characters. */
  readonly domain: string;
  /** The signed trust policy to work under; a newer one than the log has is put in force. */
  readonly policy: Envelope;
  /** Raw Ed25519 key of the policy's signer, hex. */
  readonly policySigner: string;
  /** Roots that evidence may end at; the policy must accept them too. */
  readonly roots: readonly TrustRoot[];
  readonly store: BrokerStore;
  readonly keeper: CheckpointKeeper;
  readonly clock: Clock;
  readonly random: Random;
  /** Further checkpoints that the log must continue: those that submitters have kept. */
  readonly checkpoints?: readonly Envelope[];
  /** Go on from a log that does not continue a checkpoint; the reason stands in the log for ever. */
  readonly recovery?: { readonly reason: string };
  /** How long evidence may take to come after its challenge, in milliseconds; default 10 minutes. */
  readonly nonceLifetimeMs?: number;
  /** How long a grant can be opened, in milliseconds; default one hour. */
  readonly grantLifetimeMs?: number;
  /**
   * Runs stay in memory while their records, less the evidence, are within so many bytes; those used least recently are let go
   * first and read again when they are asked for. Default 64 MiB.
   */
  readonly runMemoryBytes?: number;
}

/** The broker's inside. */
export class BrokerCore {
  readonly options: BrokerOptions;
  readonly keys: BrokerKeys;
  readonly records: SealedRecords;
  readonly state: BrokerState;
  #queue: Promise<unknown> = Promise.resolve();
  #broken = false;

  constructor(
    options: BrokerOptions,
    keys: BrokerKeys,
    from: { readonly state: BrokerState; readonly records: SealedRecords },
  ) {
    this.options = options;
    this.keys = keys;
    this.state = from.state;
    this.records = from.records;
  }

  /** Runs one operation after the other: between reading the state and recording a decision nothing else happens. */
  exclusive<Result>(operation: () => Promise<Result>): Promise<Result> {
    const result = this.#queue.then(async () => {
      if (this.#broken) throw broken();
      try {
        return await operation();
      } finally {
        this.state.trim();
      }
    });
    this.#queue = result.catch(() => undefined);
    return result;
  }

  /**
   * Makes a decision: durable first, then known, then covered by a kept checkpoint.
   *
   * @param advanced True when the run's evaluation was advanced already.
   */
  async decide(record: BrokerRecord, advanced = false): Promise<void> {
    try {
      const bytes = await this.records.append(record, this.state.index.size);
      await this.state.apply(record, { bytes, advanced });
      await this.options.keeper.write(await this.checkpoint());
    } catch (error) {
      // Memory and disk may differ now: only a restart, which reads the disk, can tell.
      this.#broken = true;
      throw error;
    }
  }

  /** Time of a decision that is made now, in milliseconds since the Unix epoch. */
  now(): number {
    return this.state.index.log.timeAt(this.options.clock.now());
  }

  /** @throws TypeError before a policy is in force. */
  policy(): PolicyInForce {
    if (this.state.policy === undefined) throw new TypeError("broker: expected a policy in force");
    return this.state.policy;
  }

  checkpoint(): Promise<Envelope> {
    return this.state.index.log.checkpoint({
      domain: this.options.domain,
      policyEpoch: this.state.policy?.policy.epoch ?? 1,
      now: this.options.clock.now(),
      signer: this.keys.signer,
    });
  }

  /** What every entry of the log says. */
  entry(): Pick<LogEntry, "version" | "time" | "policyEpoch"> {
    return {
      version: "sealflow.log-entry/v1",
      time: new Date(this.now()).toISOString(),
      policyEpoch: this.state.policy?.policy.epoch ?? 1,
    };
  }

  /**
   * A run that may still be decided about.
   *
   * @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_REGISTRATION_TIME`
   */
  async openRun(runId: string): Promise<RunState> {
    const run = await this.state.run(runId);
    const { registration } = run;
    requireStillAuthorised(run, this.policy());
    if (this.now() >= Date.parse(registration.expiresAt)) {
      throw failure("TRUST_REGISTRATION_TIME", `run ${runId}`, {
        expected: `a time before ${registration.expiresAt}`,
        got: new Date(this.now()).toISOString(),
      });
    }
    return run;
  }

  /** @throws SealflowError `TRUST_TASK_NOT_DUE` */
  requireDue(run: RunState, path: string): DueComponent {
    const found = dueComponent(run.evaluation, run.flow, path);
    if (found !== undefined) return found;
    const end = run.evaluation.ends.get(path);
    throw failure("TRUST_TASK_NOT_DUE", `task ${path}`, {
      expected: "one that the committed statements make due",
      got: end === undefined ? "one that waits, or that the run does not have" : `one that is ${end.state}`,
    });
  }
}

function broken(): SealflowError {
  return new SealflowError({
    code: "TRUST_BROKER_STOPPED",
    message: "broker: expected a store that takes records, got an error before: it decides nothing more",
    hint: "mend the store and start the broker again",
  });
}
