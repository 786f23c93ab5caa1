export { type ArchivedContent, compareEntries, readArchive, writeArchive } from "./archive/archive.js";
export type { ArchiveEntry } from "./archive/header.js";
export { type Aead, type AeadFactory, webCryptoAead } from "./container/cipher.js";
export { type ArtifactOpening, artifactDigest, openingDigest, openingOf } from "./container/digest.js";
export {
  type ContentKind,
  defaultChunkBytes,
  type Lineage,
  maxChunkBytes,
  type SealedHeader,
} from "./container/header.js";
export { maxRecipients, type Unlock, type WrappedKey } from "./container/key-section.js";
export {
  type ArtifactDescription,
  describeArtifact,
  type OpenedArtifact,
  type OpenOptions,
  openArtifact,
} from "./container/open.js";
export { type ByteStream, piecesOf, readableOf } from "./container/pieces.js";
export { type ArtifactReader, type ByteRange, openArtifactAt } from "./container/random-access.js";
export { dataKeyOf, type RewrapOptions, rewrapArtifact } from "./container/rewrap.js";
export { type SealOptions, sealArtifact } from "./container/seal.js";
export {
  addSignature,
  checkEnvelope,
  type Envelope,
  type EnvelopeSignature,
  type EnvelopeTrust,
  encodeEnvelope,
  parseEnvelope,
  signEnvelope,
  type VerifiedEnvelope,
  verifyEnvelope,
} from "./dsse/envelope.js";
export { ed25519Signer, type Signer, signerFromSeed } from "./dsse/signer.js";
export { encryptForAge } from "./export/age.js";
export { encryptJwe, type JweKey, maxJweBytes } from "./export/jwe.js";
export { deriveKey } from "./keys/derive.js";
export { type HpkeContext, type HpkeMessage, hpkeOpen, hpkeSeal } from "./keys/hpke.js";
export { type Identity, identityFromPrivateKey, type ProjectKey, projectKeyFrom } from "./keys/identity.js";
export { formatRecipient, parseRecipient, type Recipient, recipientIdOf } from "./keys/recipient.js";
export { combineShares, splitSecret } from "./keys/shares.js";
export { signStatement, type VerifiedStatement, verifyStatement } from "./statement/signed.js";
export {
  checkStatement,
  encodeStatement,
  inTotoPayloadType,
  parseStatement,
  type ResourceDescriptor,
  type Statement,
  statementType,
} from "./statement/statement.js";
