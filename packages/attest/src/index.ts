export {
  azureThim,
  type CollateralFetcherOptions,
  type CollateralRequest,
  type CollateralService,
  createCollateralFetcher,
  intelPcs,
} from "./collateral/fetch.js";
export {
  type MaaEnclave,
  type MaaEvidence,
  type MaaExpectation,
  type MaaVerdict,
  verifyMaaToken,
} from "./maa/token.js";
export { type AppraisalRequest, appraise } from "./policy/appraise.js";
export { diffPolicies, type PolicyChange } from "./policy/diff.js";
export {
  openPolicy,
  type PolicyEnvelope,
  type PolicyTrust,
  policyPayloadType,
  signPolicy,
} from "./policy/envelope.js";
export { type AppraisalPolicy, checkPolicy, type Measurement, parsePolicy } from "./policy/schema.js";
export { Refusal } from "./refusal.js";
export { parseCollateral, type SgxCollateral } from "./sgx/collateral.js";
export { parseQuote, type SgxQuote } from "./sgx/quote.js";
export type { EnclaveReport } from "./sgx/report.js";
export { type TcbStatus, tcbStatuses } from "./sgx/tcb-status.js";
export {
  describeReport,
  type EnclaveIdentity,
  type PlatformIdentity,
  type SgxEvidence,
  type SgxVerdict,
  verifySgxQuote,
} from "./sgx/verify.js";
export {
  createSimulatedPlatform,
  restoreSimulatedPlatform,
  type SavedPlatform,
  type SimulatedEnclave,
  type SimulatedPlatform,
} from "./simulated/platform.js";
export { fingerprintOf, intelRoot, type TrustRoot, trustRootFromCertificate } from "./trust-root.js";
export type { Check, EvidenceKind } from "./verdict.js";
