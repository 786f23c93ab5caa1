export { type AcrAccess, type AcrBuild, type AcrResource, acrBuild } from "./acr-tasks.js";
export type { AttachedDocuments, StatementSigner } from "./attach.js";
export { type BaseImage, type GramineParts, readBase } from "./base.js";
export { type BaseBuildInput, type BaseBuildTools, type Builder, buildBase } from "./base-build.js";
export {
  type BuiltImage,
  buildImage,
  type EnclaveInput,
  type ImageBuildInput,
  type ImageBuildTools,
} from "./build.js";
export {
  type BakedComponent,
  bakeable,
  componentDigestOf,
  type LeftOut,
} from "./components.js";
export { requirePinnedStages } from "./dockerfile.js";
export { DSSE_TYPE, IN_TOTO_TYPE, SPDX_TYPE } from "./documents.js";
export { type LockedPackage, parseLock, type RequirementsLock } from "./environment.js";
export { type LayeredImage, layeredImage } from "./layered.js";
export { checkImageLock, containerDigest, type ImageLock, pinnedImage } from "./lock.js";
export { withRuntimePackages } from "./runtime-lock.js";
