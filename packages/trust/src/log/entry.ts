/** Entries of the decision log: what the broker decided, when, under which policy. Everything else is named by digest. */
import { canonicalJson, utf8 } from "@sealflow/core";
import { z } from "zod";
import { checkDocument, shape } from "../document.js";

const common = {
  version: z.literal("sealflow.log-entry/v1"),
  time: shape.time,
  /** Of the policy in force. */
  policyEpoch: z.int().min(1),
};
const ofRun = {
  ...common,
  registration: shape.digest,
  /** Leaf hash of this run's entry before it; null for its first. So the last one stands for all. */
  previous: shape.bytes32.nullable(),
};
const ofAttempt = { ...ofRun, path: shape.path, attempt: z.int().min(1) };

const schema = z.discriminatedUnion("kind", [
  z.strictObject({ ...common, kind: z.literal("policy"), policy: shape.digest }),
  z.strictObject({ ...ofRun, kind: z.literal("registered"), runId: shape.runId, policy: shape.digest }),
  z.strictObject({
    ...ofAttempt,
    kind: z.literal("granted"),
    /** `H(T)`. */
    transcript: shape.bytes32,
    evidence: shape.digest,
    grant: shape.digest,
    /** Commitments to the granted input parameters. */
    parameters: z.record(z.string(), shape.digest),
  }),
  z.strictObject({ ...ofAttempt, kind: z.literal("committed"), statement: shape.digest }),
  z.strictObject({ ...ofAttempt, kind: z.literal("failed"), statement: shape.digest, final: z.boolean() }),
  z.strictObject({ ...ofRun, kind: z.literal("reused"), path: shape.path, statement: shape.digest }),
  z.strictObject({
    ...ofRun,
    kind: z.literal("finished"),
    state: z.enum(["SUCCEEDED", "FAILED", "CANCELED"]),
  }),
  z.strictObject({
    ...common,
    kind: z.literal("recovered"),
    /** Why the broker was made to go on from an older log. */
    reason: z.string().min(1).max(1000),
    /** Of the checkpoint that the log does not continue. */
    size: z.int().min(0),
    root: shape.bytes32,
  }),
]);

/** One entry. */
export type LogEntry = z.infer<typeof schema>;

/** An entry of a kind. */
export type LogEntryOf<Kind extends LogEntry["kind"]> = Extract<LogEntry, { readonly kind: Kind }>;

/** An entry of a run: it names the one before it. */
export type RunLogEntry = Extract<LogEntry, { readonly previous: string | null }>;

/** True for an entry of the run that a registration's digest names. */
export function isOfRun(entry: LogEntry, registration: string): entry is RunLogEntry {
  return "registration" in entry && entry.registration === registration;
}

/** Reads an entry strictly. @throws SealflowError `TRUST_DOCUMENT_MALFORMED` */
export function checkLogEntry(value: unknown): LogEntry {
  return checkDocument({ what: "log entry", schema }, value);
}

/** The bytes that are hashed into the log: canonical JSON. */
export function encodeLogEntry(entry: LogEntry): Uint8Array<ArrayBuffer> {
  return utf8(canonicalJson(entry));
}
