/** A deployment to test with: keys, a policy, a registration. */

import { checkPolicy } from "@sealflow/attest";
import { type Digest, toHex } from "@sealflow/core";
import { identityFromPrivateKey, signerFromSeed } from "@sealflow/seal";
import {
  envelopeDigest,
  type Registration,
  signTrustPolicy,
  type Transcript,
  type TrustPolicy,
} from "../src/index.js";

/** A digest of one repeated byte. */
export const digest = (byte: string): Digest => `sha256:${byte.repeat(32)}`;
const seed = (byte: number) => new Uint8Array(32).fill(byte);

export const keys = {
  policy: await signerFromSeed(seed(1)),
  broker: await signerFromSeed(seed(2)),
  alice: await signerFromSeed(seed(3)),
  mallory: await signerFromSeed(seed(4)),
  task: await signerFromSeed(seed(5)),
};
export const identity = await identityFromPrivateKey(seed(6));
export const now = Date.parse("2026-01-02T03:04:05.000Z");

export const policy: TrustPolicy = {
  version: "sealflow.trust-policy/v1",
  epoch: 3,
  submitters: { alice: toHex(keys.alice.publicKey), mallory: toHex(keys.mallory.publicKey) },
  flows: [
    {
      submitter: "alice",
      spec: digest("aa"),
      inputs: { loans: [digest("bb")] },
      components: { "comp-train": { measuredAs: "train", digest: digest("cc") } },
      recipients: [toHex(identity.recipient)],
      release: ["train/accuracy"],
      declassify: ["train/rounds"],
    },
  ],
  maximumAttempts: 3,
  appraisal: checkPolicy({
    version: "sealflow.appraisal/v1",
    name: "loans",
    epoch: 3,
    components: { train: [{ mrenclave: "aa".repeat(32) }] },
    tcb: { statuses: ["UpToDate"], minimumEvaluation: 1 },
    platforms: "any",
    simulatedRoots: [],
  }),
};
export const policyEnvelope = await signTrustPolicy(policy, keys.policy);
export const policyDigest = await envelopeDigest(policyEnvelope);

export const registration: Registration = {
  version: "sealflow.registration/v1",
  runId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  runName: "loans",
  submitter: "alice",
  spec: digest("aa"),
  parameters: { seed: 7 },
  inputs: { loans: digest("bb") },
  recipients: [toHex(identity.recipient)],
  release: ["train/accuracy"],
  declassify: [],
  reuse: false,
  policy: policyDigest,
  policyEpoch: 3,
  createdAt: "2026-01-02T03:00:00.000Z",
  expiresAt: "2026-01-03T03:00:00.000Z",
};

export const transcript: Transcript = {
  domain: "test",
  brokerKey: toHex(keys.broker.publicKey),
  nonce: "01".repeat(32),
  sealingKey: toHex(identity.recipient),
  signingKey: toHex(keys.task.publicKey),
  registration: digest("dd"),
  policy: policyDigest,
  policyEpoch: 3,
  path: "for-loop-1[2]/train",
  attempt: 1,
  component: digest("cc"),
};
