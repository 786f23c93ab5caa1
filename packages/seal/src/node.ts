/** Node's files and faster cipher for sealed artifacts. The only entry of this package that needs Node. */
export { nodeAead } from "./node/aead.js";
export { type AtomicWrite, piecesOfFile, writeFileAtomically } from "./node/files.js";
