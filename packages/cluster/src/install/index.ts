export { apiServerAddresses } from "./api-server.js";
export { type ApplyEvent, type ApplyObjectsOptions, applyObjects, type Outcome } from "./apply.js";
export { credentialsOf } from "./credentials.js";
export { type Difference, differences } from "./diff.js";
export * from "./install.js";
export { type Inventory, readInventory } from "./inventory.js";
export {
  checkDigest,
  fetchRelease,
  objectsDigest,
  type Profile,
  parseObjects,
  type Release,
  readManifests,
  releases,
} from "./manifests.js";
export { inPhases, type Phase } from "./order.js";
export {
  type Change,
  type Credentials,
  type ManifestOverlayOptions,
  type Overlaid,
  overlayManifests,
} from "./overlay.js";
export { fitsPassword, hashPassword, keptPasswordHash, newPassword } from "./password.js";
export { type Check, preflight } from "./preflight.js";
export { type Health, healthOf, waitHealthy } from "./status.js";
