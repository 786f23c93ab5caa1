/** Statements in their signed envelopes. */
import { SealflowError } from "@sealflow/core";
import { type Envelope, type EnvelopeTrust, signEnvelope, verifyEnvelope } from "../dsse/envelope.js";
import type { Signer } from "../dsse/signer.js";
import { encodeStatement, inTotoPayloadType, parseStatement, type Statement } from "./statement.js";

/** Signs a statement with one or more keys. */
export async function signStatement(statement: Statement, signers: readonly Signer[]): Promise<Envelope> {
  return signEnvelope({ payloadType: inTotoPayloadType, payload: encodeStatement(statement) }, signers);
}

/** A statement whose signatures hold. What it says is for the caller to judge. */
export interface VerifiedStatement {
  readonly statement: Statement;
  /** Key ids of the trusted keys that signed, ascending. */
  readonly signers: readonly string[];
}

/**
 * Verifies the signatures, then reads the statement.
 *
 * @param trust Trusted keys, and the predicate type that the statement must have, if only one is expected.
 * @throws SealflowError `SEAL_ENVELOPE_…` as `verifyEnvelope`, `SEAL_STATEMENT_MALFORMED`, `SEAL_STATEMENT_PREDICATE`
 */
export async function verifyStatement(
  envelope: unknown,
  trust: Omit<EnvelopeTrust, "payloadType"> & { readonly predicateType?: string },
): Promise<VerifiedStatement> {
  const verified = await verifyEnvelope(envelope, { ...trust, payloadType: inTotoPayloadType });
  const statement = parseStatement(verified.payload);
  if (trust.predicateType !== undefined && statement.predicateType !== trust.predicateType) {
    throw new SealflowError({
      code: "SEAL_STATEMENT_PREDICATE",
      message: `statement: expected a predicate of ${trust.predicateType}, got ${statement.predicateType}`,
      where: { path: "predicateType" },
    });
  }
  return { statement, signers: verified.signers };
}
