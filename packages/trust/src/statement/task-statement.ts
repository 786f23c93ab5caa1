/**
 * What a task says of itself, signed by the key that its evidence binds: an in-toto statement with SLSA provenance
 * (https://slsa.dev/spec/v1.0/provenance), build type `urn:sealflow:task:v1`. Layout: docs/reference/broker-protocol.md.
 */
import { canonicalJson, compareCodeUnits, type Digest, fromHex, toHex } from "@sealflow/core";
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
import { setMember } from "../record.js";
import { type Transcript, transcriptHash } from "../transcript.js";

/** Predicate type of task statements. */
export const taskPredicateType = "https://slsa.dev/provenance/v1";
const buildType = "urn:sealflow:task:v1";

/** An output artifact as a statement names it. */
export interface StatedArtifact {
  readonly digest: Digest;
  /** `schemaTitle` of its type. */
  readonly type: string;
  /** Commitment to its metadata. */
  readonly metadata: Digest;
}

/** What a task's statement says, besides its transcript. */
export interface TaskResultStated {
  /** Digest of the grant's envelope. */
  readonly grant: Digest;
  readonly evidence: Digest;
  readonly inputs: {
    /** Commitments with the grant's salts. */
    readonly parameters: Readonly<Record<string, Digest>>;
    /** Digests of the sealed artifacts, as granted. */
    readonly artifacts: Readonly<Record<string, readonly Digest[]>>;
  };
  readonly outputs: {
    readonly parameters: Readonly<Record<string, Digest>>;
    readonly artifacts: Readonly<Record<string, readonly StatedArtifact[]>>;
  };
}

const named = z.strictObject({
  name: z.string(),
  digest: z.strictObject({ sha256: z.string().regex(/^[0-9a-f]{64}$/) }),
});
const predicateSchema = z.strictObject({
  buildDefinition: z.strictObject({
    buildType: z.literal(buildType),
    externalParameters: z.strictObject({
      registration: shape.digest,
      path: shape.path,
      attempt: z.int().min(1),
      parameters: z.record(z.string(), shape.digest),
    }),
    internalParameters: z.strictObject({ grant: shape.digest, evidence: shape.digest }),
    resolvedDependencies: z.array(named),
  }),
  runDetails: z.strictObject({
    builder: z.strictObject({ id: z.string() }),
    byproducts: z.array(named),
  }),
});
type Named = z.infer<typeof named>;

/** Signs what a task says with its key. */
export async function signTaskStatement(
  stated: TaskResultStated,
  by: { readonly transcript: Transcript; readonly signer: Signer },
): Promise<Envelope> {
  return signStatement(await statementOf(stated, by.transcript), [by.signer]);
}

/** The statement of a result: there is one for each. */
async function statementOf(stated: TaskResultStated, transcript: Transcript): Promise<Statement> {
  const { inputs, outputs } = stated;
  const hash = toHex(await transcriptHash(transcript));
  const subject = listed("outputs", outputs.artifacts).map(({ name, item }) => ({
    name,
    digest: sha256Of(item.digest),
    annotations: { type: item.type, metadata: item.metadata },
  }));
  return {
    _type: statementType,
    subject: [{ name: "task", digest: { sha256: hash } }, ...subject],
    predicateType: taskPredicateType,
    predicate: {
      buildDefinition: {
        buildType,
        externalParameters: {
          registration: transcript.registration,
          path: transcript.path,
          attempt: transcript.attempt,
          parameters: inputs.parameters,
        },
        internalParameters: { grant: stated.grant, evidence: stated.evidence },
        resolvedDependencies: listed("inputs", inputs.artifacts).map(({ name, item }) => ({
          name,
          digest: sha256Of(item),
        })),
      },
      runDetails: {
        builder: { id: `urn:sealflow:component:${transcript.component}` },
        byproducts: sorted(outputs.parameters).map(([name, digest]) => ({
          name: `parameters/${name}`,
          digest: sha256Of(digest),
        })),
      },
    },
  };
}

/**
 * Verifies a task's statement: signed by the transcript's key, about this transcript, in the one form that says it.
 *
 * @throws SealflowError `SEAL_ENVELOPE_…`, `SEAL_STATEMENT_…`, `TRUST_DOCUMENT_MALFORMED`, `TRUST_STATEMENT_TASK`
 */
export async function verifyTaskStatement(
  envelope: unknown,
  transcript: Transcript,
): Promise<TaskResultStated> {
  const keys = [fromHex(transcript.signingKey)];
  const { statement } = await verifyStatement(envelope, { keys, predicateType: taskPredicateType });
  const predicate = checkDocument({ what: "task statement", schema: predicateSchema }, statement.predicate);
  const stated = readStated(statement, predicate);
  // Building it again from what was read refuses every other form: order, names, transcript, annotations.
  if (canonicalJson(await statementOf(stated, transcript)) === canonicalJson(statement)) return stated;
  throw failure("TRUST_STATEMENT_TASK", "task statement", {
    expected: `one of ${transcript.path}, attempt ${transcript.attempt}, for its transcript`,
    got: "another",
  });
}

function readStated(statement: Statement, predicate: z.infer<typeof predicateSchema>): TaskResultStated {
  const { buildDefinition, runDetails } = predicate;
  const artifacts: Record<string, StatedArtifact[]> = {};
  for (const subject of statement.subject.slice(1)) {
    const { annotations, name = "" } = subject;
    append(artifacts, outputOf("outputs", name), {
      digest: `sha256:${subject.digest.sha256}`,
      type: `${annotations?.type}`,
      metadata: `${annotations?.metadata}` as Digest,
    });
  }
  const inputs: Record<string, Digest[]> = {};
  for (const each of buildDefinition.resolvedDependencies) {
    append(inputs, outputOf("inputs", each.name), digestOfNamed(each));
  }
  const parameters: Record<string, Digest> = {};
  for (const each of runDetails.byproducts) {
    setMember(parameters, each.name.slice("parameters/".length), digestOfNamed(each));
  }
  return {
    ...buildDefinition.internalParameters,
    inputs: { parameters: buildDefinition.externalParameters.parameters, artifacts: inputs },
    outputs: { parameters, artifacts },
  };
}

/** Lists in the order of their names, each item under `prefix/name/index`. */
function listed<Item>(
  prefix: string,
  lists: Readonly<Record<string, readonly Item[]>>,
): readonly { readonly name: string; readonly item: Item }[] {
  return sorted(lists).flatMap(([name, list]) =>
    list.map((item, index) => ({ name: `${prefix}/${name}/${index}`, item })),
  );
}

function sorted<Value>(record: Readonly<Record<string, Value>>): [string, Value][] {
  return Object.entries(record).sort(([a], [b]) => compareCodeUnits(a, b));
}

function outputOf(prefix: string, name: string): string {
  return name.slice(prefix.length + 1, Math.max(prefix.length + 1, name.lastIndexOf("/")));
}

function append<Item>(lists: Record<string, Item[]>, name: string, item: Item): void {
  if (!Object.hasOwn(lists, name)) setMember(lists, name, []);
  lists[name]?.push(item);
}

function sha256Of(digest: Digest): { readonly sha256: string } {
  return { sha256: digest.slice("sha256:".length) };
}

function digestOfNamed({ digest }: Named): Digest {
  return `sha256:${digest.sha256}`;
}
