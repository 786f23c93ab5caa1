/** What the broker remembers. Each record holds the log entries that it is decided by, so that both are durable at once. */
import { canonicalJson, type Digest, fromUtf8, type JsonObject, utf8 } from "@sealflow/core";
import type { Envelope } from "@sealflow/seal";
import type { Evidence } from "../evidence.js";
import type { LogEntryOf } from "../log/entry.js";
import type { Flow } from "../policy.js";
import type { CommitSecrets } from "../protocol/secrets.js";
import type { TaskResultStated } from "../statement/task-statement.js";
import type { Transcript } from "../transcript.js";

interface OfRun {
  readonly runId: string;
}

/** The entry of a decision, and that of the run's end when it ends with it. */
export type Entries<Kind extends "registered" | "committed" | "failed" | "reused"> = readonly [
  LogEntryOf<Kind>,
  ...LogEntryOf<"finished">[],
];

/** Salts of input parameters, by name. Hex. */
export type Salts = Readonly<Record<string, string>>;

export interface RegisteredRecord extends OfRun {
  readonly kind: "registered";
  readonly entries: Entries<"registered">;
  readonly registration: Envelope;
  readonly document: JsonObject;
  readonly flow: Flow;
  /** Data keys of the external inputs, hex, by artifact. */
  readonly keys: Readonly<Record<string, string>>;
}

export interface GrantedRecord extends OfRun {
  readonly kind: "granted";
  readonly entries: readonly [LogEntryOf<"granted">];
  readonly transcript: Transcript;
  readonly evidence: Evidence;
  readonly grant: Envelope;
  readonly salts: Salts;
}

export interface CommittedRecord extends OfRun {
  readonly kind: "committed";
  readonly entries: Entries<"committed">;
  readonly path: string;
  readonly attempt: number;
  readonly statement: Envelope;
  readonly outputs: TaskResultStated["outputs"];
  readonly secrets: CommitSecrets;
  /** Index of the record of its grant. */
  readonly granted: number;
  /** By what later tasks may find the result, hex; absent when they may not. */
  readonly reuseKey?: string;
}

export interface FailedRecord extends OfRun {
  readonly kind: "failed";
  readonly entries: Entries<"failed">;
  readonly path: string;
  readonly attempt: number;
  readonly statement: Envelope;
  readonly code: string;
  readonly final: boolean;
}

/** Indices of the records that a reused result rests on. */
export interface OriginalRecords {
  readonly registered: number;
  readonly granted: number;
  readonly committed: number;
}

export interface ReusedRecord extends OfRun {
  readonly kind: "reused";
  readonly entries: Entries<"reused">;
  readonly path: string;
  readonly statement: Envelope;
  readonly salts: Salts;
  readonly original: OriginalRecords;
}

/** A record of a run. */
export type RunRecord = RegisteredRecord | GrantedRecord | CommittedRecord | FailedRecord | ReusedRecord;

/** Everything that is stored. */
export type BrokerRecord =
  | {
      readonly kind: "policy";
      readonly policy: Envelope;
      readonly digest: Digest;
      readonly entries: readonly [LogEntryOf<"policy">];
    }
  | { readonly kind: "recovered"; readonly entries: readonly LogEntryOf<"recovered">[] }
  | RunRecord;

/** Bytes of a record before it is encrypted. */
export function encodeRecord(record: BrokerRecord): Uint8Array<ArrayBuffer> {
  return utf8(canonicalJson(record));
}

/** Reads what `encodeRecord` wrote and the broker's own key has authenticated: nobody else's bytes come here. */
export function decodeRecord(encoded: Uint8Array): BrokerRecord {
  return JSON.parse(fromUtf8(encoded)) as BrokerRecord;
}
