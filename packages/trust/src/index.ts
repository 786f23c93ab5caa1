export { type Broker, startBroker } from "./broker/broker.js";
export type { BrokerOptions } from "./broker/core.js";
export type { ReleasedOutputs } from "./broker/run-state.js";
export { type BrokerStore, type CheckpointKeeper, memoryKeeper, memoryStore } from "./broker/store.js";
export { formatTrustFile, parseTrustFile, type TrustAnchors } from "./bundle/anchors.js";
export type { BundleCheck } from "./bundle/checks.js";
export { bundleMediaType } from "./bundle/format.js";
export type {
  BundleVerdict,
  LaterFinding,
  VerifiedArtifact,
  VerifiedAttempt,
  VerifiedEvidence,
  VerifiedInput,
  VerifiedParameter,
  VerifiedRun,
  VerifiedTask,
} from "./bundle/verdict.js";
export { type BundleTrust, verifyBundle } from "./bundle/verify.js";
export { envelopeDigest } from "./document.js";
export { type Appraisal, appraiseEvidence, type Evidence, evidenceDigest } from "./evidence.js";
export { commitmentOf, type GrantContent, openGrant, sealGrant } from "./grant.js";
export { type Checkpoint, openCheckpoint, signCheckpoint } from "./log/checkpoint.js";
export {
  leafHash,
  type TreeHead,
  verifyConsistency,
  verifyInclusion,
} from "./log/merkle.js";
export {
  checkTrustPolicy,
  type Flow,
  openTrustPolicy,
  signTrustPolicy,
  type TrustPolicy,
  trustPolicyPayloadType,
} from "./policy.js";
export { type HttpBrokerOptions, httpBroker } from "./protocol/http-broker.js";
export type {
  BrokerDescription,
  Challenge,
  ChallengeRequest,
  Committed,
  FailureAnswer,
  Granted,
  InputOpening,
  Registered,
  RegisterRequest,
  RunOffer,
  RunStatus,
  ShownParameter,
  SkipProof,
  TaskCommit,
  TaskFailure,
  TaskRequest,
  TaskStatus,
} from "./protocol/messages.js";
export { type CommitSecrets, sealSecrets } from "./protocol/secrets.js";
export type { TaskBroker } from "./protocol/task-broker.js";
export {
  type AuthorisedRun,
  openRegistration,
  type Registration,
  type RegistrationTrust,
  signRegistration,
} from "./registration.js";
export { pipelineDigest } from "./run/authorised.js";
export { artifactUri, runContextOf } from "./run/evaluation.js";
export { analyse, type StaticAnalysis, type StaticTask, staticPath } from "./run/static-analysis.js";
export {
  type FailureStated,
  failurePredicateType,
  signFailureStatement,
  verifyFailureStatement,
} from "./statement/failure-statement.js";
export {
  type StatedArtifact,
  signTaskStatement,
  type TaskResultStated,
  taskPredicateType,
  verifyTaskStatement,
} from "./statement/task-statement.js";
export { encodeTranscript, reportDataOf, type Transcript, transcriptHash } from "./transcript.js";
