/**
 * Signed documents: DSSE envelopes (Dead Simple Signing Envelope, protocol version 1) with Ed25519 keys. A policy is
 * signed as its canonical JSON, so that one policy has one payload.
 */
import {
  canonicalJson,
  fromBase64,
  fromUtf8,
  isSealflowError,
  keyIdOf,
  preAuthenticationEncoding,
  SealflowError,
  toBase64,
  utf8,
} from "@sealflow/core";
import { z } from "zod";
import { type AppraisalPolicy, checkPolicy } from "./schema.js";

/** Payload type of a signed policy. */
export const policyPayloadType = "application/vnd.sealflow.appraisal.v1+json";

const schema = z.strictObject({
  payloadType: z.literal(policyPayloadType),
  payload: z.string().max(4 * 1024 * 1024),
  signatures: z
    .array(z.strictObject({ keyid: z.string(), sig: z.string().max(128) }))
    .min(1)
    .max(16),
});

/** A signed policy. */
export type PolicyEnvelope = z.infer<typeof schema>;

/**
 * Signs a policy.
 *
 * @param key Private Ed25519 key with usage `sign`, and its raw public key of 32 bytes.
 */
export async function signPolicy(
  policy: AppraisalPolicy,
  key: { readonly privateKey: CryptoKey; readonly publicKey: Uint8Array<ArrayBuffer> },
): Promise<PolicyEnvelope> {
  const payload = utf8(canonicalJson(checkPolicy(policy)));
  const message = preAuthenticationEncoding(policyPayloadType, payload);
  const sig = new Uint8Array(await crypto.subtle.sign("Ed25519", key.privateKey, message));
  const signature = { keyid: await keyIdOf(key.publicKey), sig: toBase64(sig) };
  return { payloadType: policyPayloadType, payload: toBase64(payload), signatures: [signature] };
}

/** Whose signatures count, and the epoch below which a policy is stale. */
export interface PolicyTrust {
  /** Raw Ed25519 public keys; one valid signature by one of them is enough. */
  readonly signers: readonly Uint8Array<ArrayBuffer>[];
  /** The highest epoch seen so far. */
  readonly minimumEpoch?: number;
}

/**
 * Opens a signed policy.
 *
 * @throws SealflowError `ATTEST_POLICY_ENVELOPE`, `ATTEST_POLICY_SIGNATURE`, `ATTEST_POLICY_EPOCH`, `ATTEST_POLICY_INVALID`
 */
export async function openPolicy(envelope: unknown, trust: PolicyTrust): Promise<AppraisalPolicy> {
  const parsed = schema.safeParse(envelope);
  if (!parsed.success) throw envelopeError(`${parsed.error.issues[0]?.message}`);
  const payload = decode(parsed.data.payload);
  const message = preAuthenticationEncoding(policyPayloadType, payload);
  if (!(await signedByOne(parsed.data, message, trust.signers))) {
    throw new SealflowError({
      code: "ATTEST_POLICY_SIGNATURE",
      message: "policy: expected a signature by a trusted signer, got none",
    });
  }
  const policy = checkPolicy(readJson(payload));
  if (policy.epoch < (trust.minimumEpoch ?? 0)) {
    throw new SealflowError({
      code: "ATTEST_POLICY_EPOCH",
      message: `policy: expected epoch ${trust.minimumEpoch} or later, got ${policy.epoch}`,
      hint: "use the newest policy",
    });
  }
  return policy;
}

async function signedByOne(
  envelope: PolicyEnvelope,
  message: Uint8Array<ArrayBuffer>,
  signers: PolicyTrust["signers"],
): Promise<boolean> {
  for (const signer of signers) {
    const keyid = await keyIdOf(signer);
    const key = await crypto.subtle.importKey("raw", signer, "Ed25519", false, ["verify"]);
    for (const signature of envelope.signatures.filter((each) => each.keyid === keyid)) {
      if (await crypto.subtle.verify("Ed25519", key, decode(signature.sig), message)) return true;
    }
  }
  return false;
}

function decode(text: string): Uint8Array<ArrayBuffer> {
  try {
    return fromBase64(text);
  } catch (error) {
    if (isSealflowError(error)) throw envelopeError("base64 that is not canonical");
    throw error;
  }
}

/** The payload must be the one canonical text of its value. */
function readJson(payload: Uint8Array): unknown {
  try {
    const text = fromUtf8(payload);
    const value: unknown = JSON.parse(text);
    if (canonicalJson(value) === text) return value;
  } catch {
    throw envelopeError("a payload that is not JSON");
  }
  throw envelopeError("a payload that is not canonical JSON");
}

function envelopeError(got: string): SealflowError {
  return new SealflowError({
    code: "ATTEST_POLICY_ENVELOPE",
    message: `signed policy: expected a DSSE envelope of ${policyPayloadType}, got ${got}`,
  });
}
