export { envelopeDigest } from "./document.js";
export { commitmentOf, type GrantContent, openGrant, sealGrant } from "./grant.js";
export { type Checkpoint, openCheckpoint, requireContinues, signCheckpoint } from "./log/checkpoint.js";
export {
  consistencyProof,
  inclusionProof,
  leafHash,
  rootOf,
  type TreeHead,
  verifyConsistency,
  verifyInclusion,
} from "./log/merkle.js";
export { type Flow, openTrustPolicy, signTrustPolicy, type TrustPolicy } from "./policy.js";
export {
  type AuthorisedRun,
  openRegistration,
  type Registration,
  type RegistrationTrust,
  signRegistration,
} from "./registration.js";
export { encodeTranscript, reportDataOf, type Transcript, transcriptHash } from "./transcript.js";
