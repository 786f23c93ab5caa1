/** Node's files and faster cipher for sealed artifacts. The only entry of this package that needs Node. */
export { nodeAead } from "./node/aead.js";
export { piecesOfDirectory, writeDirectoryAtomically } from "./node/directory.js";
export { type AtomicWrite, piecesOfFile, writeFileAtomically } from "./node/files.js";
export {
  type KeyAccess,
  type KeyFileInfo,
  type KeyProtection,
  type KeyWrapper,
  openKeyFile,
  type ProjectSecrets,
  readKeyFileInfo,
  type ScryptCost,
  writeKeyFile,
} from "./node/key-file.js";
export { openingOfFile, openSealedFile, sealFile } from "./node/whole-files.js";
