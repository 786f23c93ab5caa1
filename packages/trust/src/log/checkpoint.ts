/** Checkpoints: what the broker has signed about its log, for submitters to keep. */
import { fromHex } from "@sealflow/core";
import type { Envelope, Signer } from "@sealflow/seal";
import { z } from "zod";
import { type DocumentKind, openDocument, shape, signDocument } from "../document.js";

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
