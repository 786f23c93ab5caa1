export { GRAMINE_1_9, type GramineBuild, parseGramineOffsets, type ThreadFields } from "./build.js";
export { type GscFiles, type GscInput, gscFiles } from "./gsc.js";
export { type LintOptions, lintManifest, type ManifestFinding } from "./lint.js";
export {
  gramineManifest,
  type HashedFile,
  type ManifestInput,
  PLAINTEXT_DIRECTORIES,
} from "./manifest.js";
export {
  type EnclaveMeasured,
  type EnclaveRegionSummary,
  type MeasureInput,
  measureEnclave,
} from "./measure.js";
export { type EnclaveSizing, enclaveSizing, epcLimitOf, type SgxNode, sgxNode } from "./nodes.js";
export { signaturePlan } from "./signature-plan.js";
export { type EnclaveSigner, keyFileSigner, managedHsmSigner, type VaultAccess } from "./signer.js";
export {
  type CpuFeature,
  mrsignerOf,
  readSigstruct,
  type SignedEnclave,
  type SigstructContent,
  type SigstructView,
  signEnclave,
} from "./sigstruct.js";
export { formatSize, parseSize } from "./size.js";
