/** The messages of the protocol between submitters, tasks and the broker: JSON, the same in-process and over HTTP. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { checkEnvelope, type Envelope } from "@sealflow/seal";
import { z } from "zod";
import { checkDocument, shape } from "../document.js";
import { evidenceSchema } from "../evidence.js";
import type { Transcript } from "../transcript.js";

const object = z.custom<JsonObject>(isJsonObject, { message: "an object" });
const value = z.custom<JsonValue>((each) => each !== undefined, { message: "a JSON value" });
const envelope = z.custom<Envelope>(
  (each) => {
    try {
      checkEnvelope(each);
      return true;
    } catch {
      return false;
    }
  },
  { message: "a DSSE envelope" },
);
const base64 = (bytes: number) => shape.base64.max(Math.ceil(bytes / 3) * 4);

/** A task's transcript as it travels. */
export const transcriptSchema: z.ZodType<Transcript> = z.strictObject({
  domain: z.string().min(1).max(255),
  brokerKey: shape.bytes32,
  nonce: shape.bytes32,
  sealingKey: shape.bytes32,
  signingKey: shape.bytes32,
  registration: shape.digest,
  policy: shape.digest,
  policyEpoch: z.int().min(1),
  path: shape.path,
  attempt: z.int().min(1),
  component: shape.digest,
});

/** Who the broker is and what it works under. Unauthenticated: hold it against what you know from elsewhere. */
export interface BrokerDescription {
  readonly domain: string;
  /** Raw Ed25519 key, hex: signs grants, reuse statements and checkpoints. */
  readonly brokerKey: string;
  /** Raw X25519 key, hex: seal external inputs to it. */
  readonly recipient: string;
  readonly policy: { readonly envelope: Envelope; readonly digest: string; readonly epoch: number };
  /** The newest checkpoint of the decision log. */
  readonly checkpoint: Envelope;
}

/** A run id to register under. */
export interface RunOffer {
  readonly runId: string;
  /** RFC 3339; a registration after it is refused. */
  readonly expiresAt: string;
}

/** What proves the data key of an external input: the artifact up to its first chunk, and what its digest is made of. */
const openingSchema = z.strictObject({
  /** The artifact's first bytes: header, key section and tag. */
  opening: base64(160 * 1024),
  /** Number of its chunks. */
  chunks: z
    .int()
    .min(0)
    .max(2 ** 32),
  /** Root over its chunks' digests, hex. */
  root: shape.bytes32,
});
export type InputOpening = z.infer<typeof openingSchema>;

const registerSchema = z.strictObject({
  runId: shape.runId,
  registration: envelope,
  /** The pipeline document: `{spec, platform?}`. Its canonical JSON has the digest that the registration names. */
  document: object,
  /** By the artifact's digest: one for each external input that the broker does not know yet. */
  openings: z.record(shape.digest, openingSchema),
});
/** Registers a run. */
export type RegisterRequest = z.infer<typeof registerSchema>;

/** The run is registered; the same request again gets the same answer. */
export interface Registered {
  readonly runId: string;
  /** Digest of the registration's envelope: what transcripts name. */
  readonly registration: string;
  /** Covers the log entry of the registration; to be kept by the submitter. */
  readonly checkpoint: Envelope;
}

const challengeSchema = z.strictObject({ runId: shape.runId, path: shape.path });
/** Asks for what a transcript needs. */
export type ChallengeRequest = z.infer<typeof challengeSchema>;

/** What a task puts into its transcript. */
export interface Challenge {
  readonly kind: "challenge";
  readonly domain: string;
  readonly brokerKey: string;
  /** Single use, for this run, path and attempt. */
  readonly nonce: string;
  /** RFC 3339: evidence with this nonce must have arrived before it. */
  readonly expiresAt: string;
  readonly registration: string;
  readonly policy: string;
  readonly policyEpoch: number;
  readonly path: string;
  readonly attempt: number;
  /** The digest that the policy demands of the task's component. */
  readonly component: string;
}

/** How a committed output parameter is shown to the control plane. */
export interface ShownParameter {
  readonly commitment: string;
  /** The value when it is declassified, else a stand-in of the same type that says nothing. */
  readonly value: JsonValue;
  readonly declassified: boolean;
}

/** The task is finished: its statement is committed. It does not run again. */
export interface Committed {
  readonly kind: "committed";
  readonly path: string;
  /** The attempt whose statement was first; 0 for a reuse of another run's result. */
  readonly attempt: number;
  /** Digest of the statement's envelope. */
  readonly statement: string;
  readonly reused: boolean;
  readonly outputs: {
    readonly parameters: Readonly<Record<string, ShownParameter>>;
    /** Digests of the sealed artifacts, by output and index. */
    readonly artifacts: Readonly<Record<string, readonly string[]>>;
  };
}

const requestSchema = z.strictObject({
  runId: shape.runId,
  transcript: transcriptSchema,
  evidence: evidenceSchema,
});
/** Asks for the grant. */
export type TaskRequest = z.infer<typeof requestSchema>;

/** The grant; the same evidence asked again gets the same one. */
export interface Granted {
  readonly kind: "granted";
  readonly grant: Envelope;
}

const sealedSecretsSchema = z.strictObject({ enc: base64(32), ciphertext: base64(16 * 1024 * 1024) });
const commitSchema = z.strictObject({
  runId: shape.runId,
  path: shape.path,
  attempt: z.int().min(1),
  statement: envelope,
  /** The commit's secrets, encrypted to the recipient that the grant names as `broker`. */
  secrets: sealedSecretsSchema,
});
/** Commits a task's result. */
export type TaskCommit = z.infer<typeof commitSchema>;

const failureSchema = z.strictObject({
  runId: shape.runId,
  path: shape.path,
  attempt: z.int().min(1),
  statement: envelope,
});
/** Reports that a granted attempt has failed. */
export type TaskFailure = z.infer<typeof failureSchema>;

/** What becomes of a failed attempt. */
export interface FailureAnswer {
  readonly kind: "failed";
  readonly path: string;
  readonly attempt: number;
  /** True when the task has failed for good; false when another attempt may run. */
  readonly final: boolean;
}

/** Why a task was proven not to run. */
export type SkipProof =
  | { readonly kind: "condition-false"; readonly condition: string }
  | { readonly kind: "dependency"; readonly dependency: string; readonly state: string };

/** A task of a run as the broker sees it. */
export interface TaskStatus {
  readonly path: string;
  /** `failed` is proven; an attempt that only the control plane calls dead leaves its task `due`. */
  readonly state: "due" | "granted" | "committed" | "failed" | "skipped";
  /** Attempts that have a grant. */
  readonly attempts: number;
  readonly committed?: Committed;
  readonly skip?: SkipProof;
  /** Code of a proven failure. */
  readonly error?: string;
}

/** A run as the broker sees it. Nothing secret is in it. */
export interface RunStatus {
  readonly runId: string;
  readonly registration: string;
  readonly state: "RUNNING" | "SUCCEEDED" | "FAILED" | "CANCELED";
  /** In the order in which they became known. */
  readonly tasks: readonly TaskStatus[];
  readonly checkpoint: Envelope;
}

/** Strict readers of what arrives. All throw `TRUST_DOCUMENT_MALFORMED`. */
export const readRegister = (message: unknown): RegisterRequest =>
  checkDocument({ what: "registration request", schema: registerSchema }, message);
export const readChallenge = (message: unknown): ChallengeRequest =>
  checkDocument({ what: "challenge request", schema: challengeSchema }, message);
export const readRequest = (message: unknown): TaskRequest =>
  checkDocument({ what: "task request", schema: requestSchema }, message);
export const readCommit = (message: unknown): TaskCommit =>
  checkDocument({ what: "commit", schema: commitSchema }, message);
export const readFailure = (message: unknown): TaskFailure =>
  checkDocument({ what: "failure report", schema: failureSchema }, message);

/** Parts of schemas that other documents share. */
export const part = { object, value, envelope, base64 };
