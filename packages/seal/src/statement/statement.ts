/**
 * in-toto Statement v1 (in-toto attestation framework, spec/v1/statement.md and resource_descriptor.md), in one
 * canonical encoding. Members that the specification allows a reader to ignore are refused here, and each subject must
 * carry a SHA-256 digest.
 */
import { canonicalJson, isJsonObject, type JsonObject, utf8 } from "@sealflow/core";
import { isDeeperThan, maxLevels, readCanonicalJson } from "../json/canonical.js";
import { type JsonPlace, jsonReader } from "../json/reader.js";

/** `_type` of a statement. */
export const statementType = "https://in-toto.io/Statement/v1";

/** Payload type of a statement's envelope. */
export const inTotoPayloadType = "application/vnd.in-toto+json";

/** Something named by its content. */
export interface ResourceDescriptor {
  readonly name?: string;
  readonly uri?: string;
  /** Algorithm to lower-case hex; `sha256` is always there. */
  readonly digest: Readonly<Record<string, string>>;
  readonly mediaType?: string;
  readonly annotations?: JsonObject;
}

/** What is said (`predicate`) about what (`subject`). */
export interface Statement {
  readonly _type: typeof statementType;
  /** One to 10,000; names differ. */
  readonly subject: readonly ResourceDescriptor[];
  /** A URI that says what the predicate means. */
  readonly predicateType: string;
  readonly predicate: JsonObject;
}

const maxStatementBytes = 16 * 1024 * 1024;
const uri = /^[A-Za-z][A-Za-z0-9+.-]*:[\x21-\x7e]{1,2000}$/;
const reader = jsonReader("SEAL_STATEMENT_MALFORMED", "statement");

/** The one text of a statement, in UTF-8. */
export function encodeStatement(statement: Statement): Uint8Array<ArrayBuffer> {
  return utf8(canonicalJson(checkStatement(statement)));
}

/**
 * Reads a statement strictly: the canonical encoding only. Nothing about it is verified: `verifyStatement` does both.
 *
 * @throws SealflowError `SEAL_STATEMENT_MALFORMED`
 */
export function parseStatement(encoded: Uint8Array | string): Statement {
  return checkStatement(
    readCanonicalJson(encoded, {
      code: "SEAL_STATEMENT_MALFORMED",
      what: "statement",
      maxBytes: maxStatementBytes,
    }),
  );
}

/**
 * The statement behind a JSON value, strictly.
 *
 * @throws SealflowError `SEAL_STATEMENT_MALFORMED`
 */
export function checkStatement(value: unknown): Statement {
  const members = reader.object({ value, path: "" }, ["_type", "subject", "predicateType", "predicate"]);
  if (isDeeperThan(value, maxLevels))
    throw reader.error("", `at most ${maxLevels} levels of arrays and objects`, "more");
  const type = members("_type");
  if (type.value !== statementType) throw reader.error(type.path, statementType, type.value);
  const subject = reader.list(members("subject"), { min: 1, max: 10_000 }).map(checkResource);
  requireDistinctNames(subject);
  return {
    _type: statementType,
    subject,
    predicateType: reader.text(members("predicateType"), uri, "a URI"),
    predicate: checkObject(members("predicate")),
  };
}

function checkResource(place: JsonPlace): ResourceDescriptor {
  const members = reader.object(place, ["digest"], ["name", "uri", "digest", "mediaType", "annotations"]);
  const optional = <Key extends string, Value>(key: Key, value: Value | undefined) =>
    value === undefined ? {} : ({ [key]: value } as Record<Key, Value>);
  const textOf = (name: "name" | "uri" | "mediaType", pattern: RegExp) => {
    const member = members(name);
    return optional(name, member.value === undefined ? undefined : reader.text(member, pattern, `a ${name}`));
  };
  const annotations = members("annotations");
  return {
    ...textOf("name", /^[^\p{Cc}]{1,1000}$/u),
    ...textOf("uri", uri),
    digest: checkDigests(members("digest")),
    ...textOf("mediaType", /^[\x21-\x7e]{1,255}$/),
    ...(annotations.value === undefined ? {} : { annotations: checkObject(annotations) }),
  };
}

function checkDigests(place: JsonPlace): Readonly<Record<string, string>> {
  const digests = checkObject(place);
  for (const [algorithm, hex] of Object.entries(digests)) {
    const path = `${place.path}.${algorithm}`;
    reader.text({ value: algorithm, path }, /^[a-z0-9][A-Za-z0-9_]{0,63}$/, "the name of an algorithm");
    reader.text({ value: hex, path }, /^([0-9a-f]{2}){1,128}$/, "lower-case hex digits");
  }
  const path = `${place.path}.sha256`;
  reader.text({ value: digests.sha256, path }, /^[0-9a-f]{64}$/, "64 lower-case hex digits");
  return digests as Readonly<Record<string, string>>;
}

function checkObject({ value, path }: JsonPlace): JsonObject {
  if (!isJsonObject(value)) throw reader.error(path, "an object", value);
  return value;
}

function requireDistinctNames(subject: readonly ResourceDescriptor[]): void {
  const seen = new Set<string>();
  for (const [i, { name }] of subject.entries()) {
    if (name === undefined) continue;
    if (seen.has(name)) throw reader.error(`subject[${i}].name`, "names that differ", name);
    seen.add(name);
  }
}
