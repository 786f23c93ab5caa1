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
export { ed25519Signer, keyIdOf, type Signer, signerFromSeed } from "./dsse/signer.js";
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
