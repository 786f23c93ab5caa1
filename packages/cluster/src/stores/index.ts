export { openArtifactStore, type StoreAccess } from "./open.js";
export { type AddressOptions, type ArtifactStore, keyOf, type SignedAddress, uriOf } from "./store.js";
