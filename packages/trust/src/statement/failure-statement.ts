/** A task's word that its attempt has failed: a code and nothing that the data might show through. */
import { canonicalJson, type Digest, fromHex, toHex } from "@sealflow/core";
import {
  type Envelope,
  type Signer,
  type Statement,
  signStatement,
  statementType,
  verifyStatement,
} from "@sealflow/seal";
import { z } from "zod";
import { checkDocument, shape } from "../document.js";
import { failure } from "../failure.js";
import { type Transcript, transcriptHash } from "../transcript.js";

/** Predicate type of failure statements. */
export const failurePredicateType = "urn:sealflow:task-failure:v1";

const schema = z.strictObject({
  registration: shape.digest,
  path: shape.path,
  attempt: z.int().min(1),
  grant: shape.digest,
  evidence: shape.digest,
  /** A stable code of the runtime, for example `TASK_RAISED`. Messages and tracebacks stay sealed. */
  code: z.string().regex(/^[A-Z][A-Z0-9_]{0,63}$/, "an upper-case code"),
});

/** What a failed attempt says, besides its transcript. */
export interface FailureStated {
  readonly grant: Digest;
  readonly evidence: Digest;
  readonly code: string;
}

/** Signs a failure with the attempt's key. */
export async function signFailureStatement(
  stated: FailureStated,
  by: { readonly transcript: Transcript; readonly signer: Signer },
): Promise<Envelope> {
  return signStatement(await statementOf(stated, by.transcript), [by.signer]);
}

async function statementOf(
  { grant, evidence, code }: FailureStated,
  transcript: Transcript,
): Promise<Statement> {
  const { registration, path, attempt } = transcript;
  const predicate = { registration, path, attempt, grant, evidence, code };
  return {
    _type: statementType,
    subject: [{ name: "task", digest: { sha256: toHex(await transcriptHash(transcript)) } }],
    predicateType: failurePredicateType,
    predicate: checkDocument({ what: "failure statement", schema }, predicate),
  };
}

/**
 * Verifies a failure statement: signed by the transcript's key, about this transcript.
 *
 * @throws SealflowError `SEAL_ENVELOPE_…`, `SEAL_STATEMENT_…`, `TRUST_DOCUMENT_MALFORMED`, `TRUST_STATEMENT_TASK`
 */
export async function verifyFailureStatement(
  envelope: unknown,
  transcript: Transcript,
): Promise<FailureStated> {
  const keys = [fromHex(transcript.signingKey)];
  const { statement } = await verifyStatement(envelope, { keys, predicateType: failurePredicateType });
  const stated = checkDocument({ what: "failure statement", schema }, statement.predicate);
  if (canonicalJson(await statementOf(stated, transcript)) === canonicalJson(statement)) {
    return { grant: stated.grant, evidence: stated.evidence, code: stated.code };
  }
  throw failure("TRUST_STATEMENT_TASK", "failure statement", {
    expected: `one of ${transcript.path}, attempt ${transcript.attempt}, for its transcript`,
    got: "another",
  });
}
