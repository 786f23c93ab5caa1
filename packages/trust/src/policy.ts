/** The trust policy: who may submit which flow, and how each of its components must be measured. */
import { type AppraisalPolicy, checkPolicy } from "@sealflow/attest";
import { fromHex } from "@sealflow/core";
import type { Envelope, Signer } from "@sealflow/seal";
import { z } from "zod";
import { checkDocument, type DocumentKind, openDocument, shape, signDocument } from "./document.js";
import { failure } from "./failure.js";

const schema = z.strictObject({
  version: z.literal("sealflow.trust-policy/v1"),
  /** Grows with every change. */
  epoch: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  /** Raw Ed25519 keys by name. */
  submitters: z.record(shape.name, shape.bytes32),
  flows: z
    .array(
      z.strictObject({
        submitter: shape.name,
        spec: shape.digest,
        /** Digests that each external input may have. */
        inputs: z.record(shape.path, z.array(shape.digest).min(1)),
        /** From the spec's component to the component of the appraisal policy, with the digest it must state. */
        components: z.record(z.string(), z.strictObject({ measuredAs: shape.name, digest: shape.digest })),
        /** Raw X25519 keys that outputs may be sealed to. */
        recipients: z.array(shape.bytes32),
        /** What may leave in the clear when the run's bundle is made: `task/output`, paths without loop indices. */
        release: z.array(z.string().min(1).max(500)),
        /** What the control plane may see while the run goes on, because conditions and loops need it: `task/output`. */
        declassify: z.array(z.string().min(1).max(500)),
      }),
    )
    .max(10_000),
  maximumAttempts: z.int().min(1).max(100),
  appraisal: z.record(z.string(), z.unknown()),
});

/** A checked trust policy. */
export type TrustPolicy = Omit<z.infer<typeof schema>, "appraisal"> & { readonly appraisal: AppraisalPolicy };

/** One authorised flow. */
export type Flow = TrustPolicy["flows"][number];

/** Payload type of a signed trust policy. */
export const trustPolicyPayloadType = "application/vnd.sealflow.trust-policy.v1+json";

const kind: DocumentKind<z.infer<typeof schema>> = {
  payloadType: trustPolicyPayloadType,
  what: "trust policy",
  schema,
};

/**
 * Checks a policy that was already decoded.
 *
 * @throws SealflowError `TRUST_DOCUMENT_MALFORMED`, `ATTEST_POLICY_INVALID`
 */
export function checkTrustPolicy(value: unknown): TrustPolicy {
  const policy = checkDocument(kind, value);
  return { ...policy, appraisal: checkPolicy(policy.appraisal) };
}

/** Signs a policy with the key of its signer. */
export async function signTrustPolicy(policy: TrustPolicy, signer: Signer): Promise<Envelope> {
  return signDocument(kind, checkTrustPolicy(policy), [signer]);
}

/**
 * Opens a signed policy.
 *
 * @param trust Whose signature counts, and the highest epoch seen so far (default 1).
 * @throws SealflowError `SEAL_ENVELOPE_…`, `TRUST_DOCUMENT_MALFORMED`, `ATTEST_POLICY_INVALID`, `TRUST_POLICY_EPOCH`
 */
export async function openTrustPolicy(
  envelope: unknown,
  trust: { readonly signer: string; readonly minimumEpoch?: number },
): Promise<TrustPolicy> {
  const opened = await openDocument(kind, envelope, [fromHex(trust.signer)]);
  const minimum = trust.minimumEpoch ?? 1;
  if (opened.epoch < minimum) {
    throw failure("TRUST_POLICY_EPOCH", "trust policy", {
      expected: `epoch ${minimum} or later`,
      got: `${opened.epoch}`,
    });
  }
  return { ...opened, appraisal: checkPolicy(opened.appraisal) };
}
