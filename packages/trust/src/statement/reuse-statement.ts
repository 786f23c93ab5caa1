/** The broker's word that a task's result is that of an earlier run: same component, inputs, parameters and outputs. */
import { canonicalJson, type Digest, fromHex } from "@sealflow/core";
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

/** Predicate type of reuse statements. */
export const reusePredicateType = "urn:sealflow:reuse:v1";

const schema = z.strictObject({
  registration: shape.digest,
  path: shape.path,
  /** The task whose statement is pointed at: the subject. */
  original: z.strictObject({ registration: shape.digest, path: shape.path, attempt: z.int().min(1) }),
  inputs: z.strictObject({
    parameters: z.record(z.string(), shape.digest),
    artifacts: z.record(z.string(), z.array(shape.digest)),
  }),
});

/** What is reused for what. */
export type ReuseStated = z.infer<typeof schema> & {
  /** Digest of the original statement's envelope. */
  readonly statement: Digest;
};

/** Signs it as the broker. */
export function signReuseStatement(stated: ReuseStated, signer: Signer): Promise<Envelope> {
  return signStatement(statementOf(stated), [signer]);
}

function statementOf({ statement, ...predicate }: ReuseStated): Statement {
  return {
    _type: statementType,
    subject: [{ name: "statement", digest: { sha256: statement.slice("sha256:".length) } }],
    predicateType: reusePredicateType,
    predicate: checkDocument({ what: "reuse statement", schema }, predicate),
  };
}

/**
 * Verifies a reuse statement of a known broker.
 *
 * @param brokerKey Raw Ed25519 key in hex.
 * @throws SealflowError `SEAL_ENVELOPE_…`, `SEAL_STATEMENT_…`, `TRUST_DOCUMENT_MALFORMED`, `TRUST_STATEMENT_TASK`
 */
export async function verifyReuseStatement(envelope: unknown, brokerKey: string): Promise<ReuseStated> {
  const trust = { keys: [fromHex(brokerKey)], predicateType: reusePredicateType };
  const { statement } = await verifyStatement(envelope, trust);
  const predicate = checkDocument({ what: "reuse statement", schema }, statement.predicate);
  const stated = { ...predicate, statement: `sha256:${statement.subject[0]?.digest.sha256}` as const };
  if (canonicalJson(statementOf(stated)) === canonicalJson(statement)) return stated;
  throw failure("TRUST_STATEMENT_TASK", "reuse statement", { expected: "its one form", got: "another" });
}
