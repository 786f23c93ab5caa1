export { type Attachment, attachDocument } from "./attestation.js";
export { type Login, type Logins, storedLogins } from "./credentials.js";
export { type FileNode, ImageFileSystem } from "./file-system.js";
export { type BuiltLayer, type LayerEntry, writeLayer } from "./layer.js";
export {
  type ImageReference,
  parseImage,
  parsePinnedImage,
  pinned,
  type Repository,
} from "./reference.js";
export { type BlobContent, digestOfBytes, RegistryRepository, type StoredManifest } from "./registry.js";
export type { RegistryAccess } from "./transport.js";
export { type Descriptor, type Manifest, mediaTypes } from "./types.js";
