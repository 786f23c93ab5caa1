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
export { fingerprintOf, intelRoot, type TrustRoot, trustRootFromCertificate } from "./trust-root.js";
export type { Check, EvidenceKind } from "./verdict.js";
