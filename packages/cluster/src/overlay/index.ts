export {
  AKS_SGX_POOL,
  type BrokerAddress,
  CONFIDENTIAL_LABEL,
  DEPOT_DIRECTORY,
  type DepotClaim,
  NODE_NAME_VARIABLE,
  type OverlayOptions,
  type PoolTaint,
  type QuotingService,
  type SgxPool,
} from "./options.js";
export {
  confidentialOverlay,
  type OverlayReport,
  type OverlayResult,
  type TaskProtection,
} from "./overlay.js";
export type { OverlayReason } from "./reasons.js";
export type { VisibleParameter } from "./visible.js";
