/** Checkpoints: what the broker has signed about its log, for submitters to keep. */
import { equalBytes, fromHex } from "@sealflow/core";
import type { Envelope, Signer } from "@sealflow/seal";
import { z } from "zod";
import { type DocumentKind, openDocument, shape, signDocument } from "../document.js";
import { failure } from "../failure.js";
import { rootOf } from "./merkle.js";

const schema = z.strictObject({
  version: z.literal("sealflow.checkpoint/v1"),
  domain: z.string().min(1).max(255),
  size: z.int().min(0),
  /** Lower-case hex. */
  root: shape.bytes32,
  time: shape.time,
  policyEpoch: z.int().min(1),
});

/** The size and root of a log at a time. */
export type Checkpoint = z.infer<typeof schema>;

const kind: DocumentKind<Checkpoint> = {
  payloadType: "application/vnd.sealflow.checkpoint.v1+json",
  what: "checkpoint",
  schema,
};

/** Signs a checkpoint with the broker's key. */
export function signCheckpoint(checkpoint: Checkpoint, signer: Signer): Promise<Envelope> {
  return signDocument(kind, checkpoint, [signer]);
}

/**
 * Opens a checkpoint of a known broker.
 *
 * @param brokerKey Raw Ed25519 key in lower-case hex, from outside.
 * @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED`
 */
export function openCheckpoint(envelope: unknown, brokerKey: string): Promise<Checkpoint> {
  return openDocument(kind, envelope, [fromHex(brokerKey)]);
}

/**
 * Refuses a log that does not continue what a checkpoint says: one that was cut back or rewritten.
 *
 * @param leaves Leaf hashes of the log as it is now.
 * @throws SealflowError `TRUST_LOG_ROLLED_BACK`
 */
export async function requireContinues(
  leaves: readonly Uint8Array<ArrayBuffer>[],
  checkpoint: Checkpoint,
): Promise<void> {
  const size = leaves.length;
  const same =
    size >= checkpoint.size &&
    equalBytes(await rootOf(leaves.slice(0, checkpoint.size)), fromHex(checkpoint.root));
  if (same) return;
  throw failure("TRUST_LOG_ROLLED_BACK", "decision log", {
    expected: `the ${checkpoint.size} entries of the checkpoint of ${checkpoint.time} at its beginning`,
    got: size < checkpoint.size ? `${size} entries` : "other entries",
  });
}
