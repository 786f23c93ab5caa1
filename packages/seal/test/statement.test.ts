import { canonicalJson, fromUtf8, type JsonValue } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import {
  encodeStatement,
  inTotoPayloadType,
  parseStatement,
  type Statement,
  signEnvelope,
  signerFromSeed,
  signStatement,
  statementType,
  verifyStatement,
} from "../src/index.js";

const sha256 = "ab".repeat(32);
const statement: Statement = {
  _type: statementType,
  subject: [
    { name: "model", digest: { sha256 }, mediaType: "application/json", annotations: { rows: 3 } },
    { uri: "oci://registry/image", digest: { sha256, sha512: "cd".repeat(64) } },
  ],
  predicateType: "https://sealflow.dev/test/v1",
  predicate: { note: "häuser", value: 1e21 },
};
const signer = await signerFromSeed(new Uint8Array(32).fill(7));
const trust = { keys: [signer.publicKey] };

describe("statements", () => {
  it("are read as they were written", () => {
    expect(parseStatement(encodeStatement(statement))).toEqual(statement);
    expect(fromUtf8(encodeStatement(statement))).toBe(canonicalJson(statement));
  });

  it("have at most 128 levels, for writers and for readers", () => {
    // Statement and predicate are the first two.
    const nested = (levels: number): Statement => {
      let value: JsonValue = [];
      for (let i = 3; i < levels; i++) value = i % 2 === 0 ? [value] : { value };
      return { ...statement, predicate: { value } };
    };
    expect(parseStatement(encodeStatement(nested(128)))).toEqual(nested(128));
    const refusal = expect.objectContaining({
      code: "SEAL_STATEMENT_MALFORMED",
      message: expect.stringContaining("128 levels"),
    });
    expect(() => encodeStatement(nested(129))).toThrow(refusal);
    expect(() => parseStatement(canonicalJson(nested(129)))).toThrow(refusal);
    expect(() => parseStatement("[".repeat(100_000))).toThrow(
      expect.objectContaining({ code: "SEAL_STATEMENT_MALFORMED" }),
    );
    expect(() => parseStatement("[".repeat(100_000) + "]".repeat(100_000))).toThrow(refusal);
  });

  it("are signed and verified in one step", async () => {
    const envelope = await signStatement(statement, [signer]);
    expect(envelope.payloadType).toBe(inTotoPayloadType);
    const { predicateType } = statement;
    expect((await verifyStatement(envelope, { ...trust, predicateType })).statement).toEqual(statement);
  });

  it("with another predicate than expected are refused", async () => {
    const envelope = await signStatement(statement, [signer]);
    await expect(
      verifyStatement(envelope, { ...trust, predicateType: "https://else" }),
    ).rejects.toMatchObject({
      code: "SEAL_STATEMENT_PREDICATE",
    });
  });

  it("that are malformed are refused though the signature holds", async () => {
    const payload = new TextEncoder().encode("{}");
    const envelope = await signEnvelope({ payloadType: inTotoPayloadType, payload }, [signer]);
    await expect(verifyStatement(envelope, trust)).rejects.toMatchObject({
      code: "SEAL_STATEMENT_MALFORMED",
    });
  });

  const [model] = statement.subject;
  const cases: readonly (readonly [reason: string, value: unknown])[] = [
    ["another version of the framework", { ...statement, _type: "https://in-toto.io/Statement/v0.1" }],
    ["a member that the framework does not know", { ...statement, extra: true }],
    ["no subject: it would be about nothing", { ...statement, subject: [] }],
    ["a subject without a digest", { ...statement, subject: [{ name: "a" }] }],
    ["a digest other than SHA-256 alone", { ...statement, subject: [{ digest: { md5: "ab" } }] }],
    [
      "an upper-case digest, a second spelling",
      { ...statement, subject: [{ digest: { sha256: "AB".repeat(32) } }] },
    ],
    ["a short digest", { ...statement, subject: [{ digest: { sha256: "ab" } }] }],
    ["odd digits of a further digest", { ...statement, subject: [{ digest: { sha256, sha512: "abc" } }] }],
    ["two subjects of one name", { ...statement, subject: [model, model] }],
    ["a control character in a name", { ...statement, subject: [{ name: "a\n", digest: { sha256 } }] }],
    ["an unknown member of a subject", { ...statement, subject: [{ digest: { sha256 }, content: "YQ==" }] }],
    ["a predicate type that is no URI", { ...statement, predicateType: "provenance" }],
    ["a predicate that is a list", { ...statement, predicate: [] }],
    ["no predicate", { ...statement, predicate: undefined }],
  ];
  it.each(cases)("with %s are refused", (_, value) => {
    expect(() => parseStatement(canonicalJson(value))).toThrow(
      expect.objectContaining({ code: "SEAL_STATEMENT_MALFORMED" }),
    );
  });
});
