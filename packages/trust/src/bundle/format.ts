/** The run bundle: everything that an auditor needs besides what he must know from elsewhere, in one canonical encoding. */
import { canonicalJson, utf8 } from "@sealflow/core";
import { z } from "zod";
import { decodeDocument, shape } from "../document.js";
import { checkLogEntry, type LogEntry } from "../log/entry.js";
import { part, transcriptSchema } from "../protocol/messages.js";

/** Media type of a bundle. */
export const bundleMediaType = "application/vnd.sealflow.bundle.v1+json";
/** Largest bundle that is read: 256 MiB. */
export const maxBundleBytes = 256 * 1024 * 1024;

const opening = z.strictObject({ value: part.value, salt: shape.bytes32 });
const metadataOpening = z.strictObject({ value: part.object, salt: shape.bytes32 });
/** Evidence with its collateral by digest, because tasks share it. */
const evidence = z.strictObject({
  type: z.literal("sgx-dcap"),
  quote: shape.base64.max(90_000),
  collateral: shape.digest,
});
/** Values behind commitments: input parameters that follow from what is public, outputs on one of the registration's lists. */
const opened = z.strictObject({
  inputs: z.record(z.string(), opening),
  parameters: z.record(z.string(), opening),
  /** Of artifacts, by digest. */
  metadata: z.record(shape.digest, metadataOpening),
});
const attempt = z.strictObject({
  kind: z.literal("attempt"),
  transcript: transcriptSchema,
  evidence,
  /** The result's or the failure's; null for an attempt that nothing was heard of. */
  statement: part.envelope.nullable(),
  opened,
});
const reuse = z.strictObject({
  kind: z.literal("reuse"),
  /** The broker's. */
  statement: part.envelope,
  original: z.strictObject({
    registration: part.envelope,
    transcript: transcriptSchema,
    evidence,
    statement: part.envelope,
  }),
  opened,
});
const logEntry = z.custom<LogEntry>(
  (value) => {
    try {
      checkLogEntry(value);
      return true;
    } catch {
      return false;
    }
  },
  { message: "a log entry" },
);

const schema = z.strictObject({
  version: z.literal("sealflow.bundle/v1"),
  /** Whose word the bundle rests on, by its own account. It proves nothing: it must agree with the anchors. */
  claims: z.strictObject({
    domain: z.string().min(1).max(255),
    policySigner: shape.bytes32,
    brokerKey: shape.bytes32,
    /** SubjectPublicKeyInfo of the roots that evidence ends at, hex, ascending. */
    roots: z.array(z.string().regex(/^([0-9a-f]{2}){1,512}$/)).max(16),
  }),
  policy: part.envelope,
  registration: part.envelope,
  document: part.object,
  /** In the order of their grants and reuses. */
  tasks: z.array(z.discriminatedUnion("kind", [attempt, reuse])),
  /** By the digest of its canonical JSON. */
  collateral: z.record(shape.digest, part.object),
  log: z.strictObject({
    checkpoint: part.envelope,
    /** The log right after the registration, which the submitter has a checkpoint of, and the proof that it was continued. */
    registered: z.strictObject({ root: shape.bytes32, proof: z.array(shape.bytes32).max(128) }),
    /** Ascending. */
    entries: z.array(
      z.strictObject({
        index: z.int().min(0),
        entry: logEntry,
        /** Audit path to the checkpoint's root. */
        proof: z.array(shape.bytes32).max(64),
      }),
    ),
  }),
});

/** A decoded bundle. Nothing about it is verified. */
export type RunBundle = z.infer<typeof schema>;
export type BundleTask = RunBundle["tasks"][number];
export type BundleAttempt = Extract<BundleTask, { readonly kind: "attempt" }>;
export type BundleReuse = Extract<BundleTask, { readonly kind: "reuse" }>;
export type BundleEvidence = BundleAttempt["evidence"];
export type Opened = BundleTask["opened"];

/** The one encoding of a bundle: canonical JSON. */
export function encodeBundle(bundle: RunBundle): Uint8Array<ArrayBuffer> {
  return utf8(canonicalJson(bundle));
}

/**
 * Reads a bundle, refusing every other spelling of it. Nothing is verified.
 *
 * @throws SealflowError `TRUST_DOCUMENT_MALFORMED`
 */
export function decodeBundle(encoded: Uint8Array): RunBundle {
  return decodeDocument({ what: "run bundle", schema }, encoded);
}
