export * from "./contexts/index.js";
export { GRAMINE_1_9, type GramineBuild, parseGramineOffsets, type ThreadFields } from "./gramine/build.js";
export { type GscFiles, type GscInput, gscFiles } from "./gramine/gsc.js";
export { type LintOptions, lintManifest, type ManifestFinding } from "./gramine/lint.js";
export {
  gramineManifest,
  type HashedFile,
  type ManifestInput,
  PLAINTEXT_DIRECTORIES,
} from "./gramine/manifest.js";
export {
  type EnclaveMeasured,
  type EnclaveRegionSummary,
  type MeasureInput,
  measureEnclave,
} from "./gramine/measure.js";
export * from "./kube/index.js";
export { type EnclaveSizing, enclaveSizing, epcLimitOf, type SgxNode, sgxNode } from "./gramine/nodes.js";
export { signaturePlan } from "./gramine/signature-plan.js";
export { type EnclaveSigner, keyFileSigner, managedHsmSigner, type VaultAccess } from "./gramine/signer.js";
export {
  type CpuFeature,
  mrsignerOf,
  readSigstruct,
  type SignedEnclave,
  type SigstructContent,
  type SigstructView,
  signEnclave,
} from "./gramine/sigstruct.js";
export { formatSize, parseSize } from "./gramine/size.js";
