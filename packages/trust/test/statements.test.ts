/** There is one form in which each statement says what it says; every other one is refused, rightly signed as it may be. */
import { canonicalJson, fromBase64, fromUtf8, toHex } from "@sealflow/core";
import { type Envelope, type Signer, type Statement, signStatement } from "@sealflow/seal";
import { describe, expect, it } from "vitest";
import {
  signFailureStatement,
  signTaskStatement,
  type TaskResultStated,
  type Transcript,
  transcriptHash,
  verifyFailureStatement,
  verifyTaskStatement,
} from "../src/index.js";
import { signReuseStatement, verifyReuseStatement } from "../src/statement/reuse-statement.js";
import { digest, keys, transcript } from "./world.js";

type Change = (statement: Statement) => unknown;
type Members = Record<string, unknown>;

const statementOf = (envelope: Envelope): Statement => JSON.parse(fromUtf8(fromBase64(envelope.payload)));

/** The statement changed, signed anew by its own key. */
const resigned = (envelope: Envelope, change: Change, signer: Signer) =>
  signStatement(change(statementOf(envelope)) as Statement, [signer]);

/** A copy with members of the predicate changed, at a path of names. */
function within(path: string, change: (value: never) => unknown): Change {
  return (statement) => {
    const copy = structuredClone(statement) as unknown as Members;
    const steps = path.split(".");
    const last = steps.pop() ?? "";
    const parent = steps.reduce((at, step) => at[step] as Members, copy);
    parent[last] = change(parent[last] as never);
    return copy;
  };
}

const swapped = (list: readonly unknown[]) => [list[1], list[0], ...list.slice(2)];
const renamed = (name: string) => (list: readonly object[]) => list.map((each) => ({ ...each, name }));
const only = "TRUST_STATEMENT_TASK";
const shape = "TRUST_DOCUMENT_MALFORMED";

const stated: TaskResultStated = {
  grant: digest("01"),
  evidence: digest("02"),
  inputs: { parameters: { rounds: digest("03") }, artifacts: { data: [digest("04"), digest("05")] } },
  outputs: {
    parameters: { accuracy: digest("06"), loss: digest("07") },
    artifacts: {
      model: [
        { digest: digest("08"), type: "system.Model", metadata: digest("09") },
        { digest: digest("0a"), type: "system.Model", metadata: digest("0b") },
      ],
    },
  },
};
const signer = keys.task;

describe("a task's statement", () => {
  const signed = () => signTaskStatement(stated, { transcript, signer });

  it("is read as it was signed", async () => {
    expect(await verifyTaskStatement(await signed(), transcript)).toEqual(stated);
  });

  const outputs = (change: (list: readonly object[]) => unknown): Change =>
    within("subject", ([task, ...list]: object[]) => [task, ...(change(list) as object[])]);
  it.each<[string, Change, string]>([
    ["with its outputs in another order", outputs(swapped), only],
    ["with an output under another index", outputs(([a]) => [{ ...a, name: "outputs/model/1" }]), only],
    ["with an output under a name of another kind", outputs(([a]) => [{ ...a, name: "model/0" }]), only],
    ["with an output that has no name", outputs(([a]) => [{ ...a, name: undefined }]), only],
    ["with an output that has no words about it", outputs(([a]) => [{ ...a, annotations: undefined }]), only],
    [
      "with words more about an output",
      outputs(([a]) => [{ ...a, annotations: { type: "system.Model", metadata: digest("09"), more: 1 } }]),
      only,
    ],
    ["with a place of an output", outputs(([a]) => [{ ...a, uri: "file:///tmp/model" }]), only],
    [
      "with a second digest of an output",
      outputs(([a]) => [{ ...a, digest: { sha256: "08".repeat(32), sha512: "08".repeat(64) } }]),
      only,
    ],
    ["without the task first", within("subject", (list: object[]) => swapped(list)), only],
    ["about another transcript", within("subject", renamedTask("ab".repeat(32))), only],
    [
      "of another component",
      within("predicate.runDetails.builder.id", () => `urn:sealflow:component:${digest("ab")}`),
      only,
    ],
    ["with values in another order", within("predicate.runDetails.byproducts", swapped), only],
    [
      "with a value under a name of another kind",
      within("predicate.runDetails.byproducts", renamed("parameter-accuracy")),
      only,
    ],
    [
      "with an input under another index",
      within("predicate.buildDefinition.resolvedDependencies", renamed("inputs/data/7")),
      only,
    ],
    [
      "of another registration",
      within("predicate.buildDefinition.externalParameters.registration", () => digest("ab")),
      only,
    ],
    ["of another task", within("predicate.buildDefinition.externalParameters.path", () => "train"), only],
    ["of another attempt", within("predicate.buildDefinition.externalParameters.attempt", () => 2), only],
    [
      "of another build type",
      within("predicate.buildDefinition.buildType", () => "urn:sealflow:task:v2"),
      shape,
    ],
    ["with a member more", within("predicate.runDetails.metadata", () => ({})), shape],
  ])("%s is refused", async (_, change, code) => {
    const other = await resigned(await signed(), change, signer);
    await expect(verifyTaskStatement(other, transcript)).rejects.toMatchObject({ code });
  });

  it("that is signed by anyone else, or by one more, is refused", async () => {
    const by = await signTaskStatement(stated, { transcript, signer: keys.mallory });
    const both = await signStatement(statementOf(await signed()), [signer, keys.mallory]);
    for (const envelope of [by, both])
      await expect(verifyTaskStatement(envelope, transcript)).rejects.toMatchObject({
        code: "SEAL_ENVELOPE_SIGNER",
      });
  });
});

/** The first subject with another hash. */
function renamedTask(sha256: string) {
  return ([task, ...rest]: object[]) => [{ ...task, digest: { sha256 } }, ...rest];
}

describe("a statement of a failure", () => {
  const words = { grant: digest("01"), evidence: digest("02"), code: "TASK_RAISED" };
  const signed = () => signFailureStatement(words, { transcript, signer });

  it("is read as it was signed", async () => {
    expect(await verifyFailureStatement(await signed(), transcript)).toEqual(words);
  });

  it.each<[string, Change, string]>([
    ["of another task", within("predicate.path", () => "train"), only],
    ["of another attempt", within("predicate.attempt", () => 2), only],
    ["of another registration", within("predicate.registration", () => digest("ab")), only],
    ["about another transcript", within("subject", renamedTask("ab".repeat(32))), only],
    ["under another name", within("subject", renamed("failure")), only],
    ["about something else too", within("subject", ([a]: object[]) => [a, { ...a, name: "more" }]), only],
    ["with words about its task", within("subject", ([a]: object[]) => [{ ...a, annotations: {} }]), only],
    ["with a message", within("predicate.message", () => "the data said so"), shape],
    ["with a code that could tell", within("predicate.code", () => "income was 4711"), shape],
  ])("%s is refused", async (_, change, code) => {
    const other = await resigned(await signed(), change, signer);
    await expect(verifyFailureStatement(other, transcript)).rejects.toMatchObject({ code });
  });

  it("is none of a result, and the other way round", async () => {
    await expect(verifyTaskStatement(await signed(), transcript)).rejects.toMatchObject({
      code: "SEAL_STATEMENT_PREDICATE",
    });
    const result = await signTaskStatement(stated, { transcript, signer });
    await expect(verifyFailureStatement(result, transcript)).rejects.toMatchObject({
      code: "SEAL_STATEMENT_PREDICATE",
    });
  });
});

describe("a statement of a reuse", () => {
  const reuse = {
    registration: digest("01"),
    path: "train",
    original: { registration: digest("02"), path: "train", attempt: 1 },
    inputs: { parameters: { rounds: digest("03") }, artifacts: { data: [digest("04")] } },
    statement: digest("05"),
  };
  const broker = toHex(keys.broker.publicKey);
  const signed = () => signReuseStatement(reuse, keys.broker);

  it("is read as it was signed, by this broker alone", async () => {
    expect(await verifyReuseStatement(await signed(), broker)).toEqual(reuse);
    await expect(
      verifyReuseStatement(await signReuseStatement(reuse, keys.mallory), broker),
    ).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNER" });
  });

  it.each<[string, Change, string]>([
    ["about two statements", within("subject", ([a]: object[]) => [a, { ...a, name: "more" }]), only],
    ["under another name", within("subject", renamed("original")), only],
    ["with a place", within("subject", ([a]: object[]) => [{ ...a, uri: "file:///tmp/statement" }]), only],
    [
      "with a second digest",
      within("subject", ([a]: object[]) => [
        { ...a, digest: { sha256: "05".repeat(32), sha512: "05".repeat(64) } },
      ]),
      only,
    ],
    ["of the attempt 0", within("predicate.original.attempt", () => 0), shape],
    ["with a member more", within("predicate.more", () => 1), shape],
  ])("%s is refused", async (_, change, code) => {
    const other = await resigned(await signed(), change, keys.broker);
    await expect(verifyReuseStatement(other, broker)).rejects.toMatchObject({ code });
  });
});

it("a transcript changed in any field has statements of its own", async () => {
  const other: Transcript = { ...transcript, nonce: "ab".repeat(32) };
  expect(toHex(await transcriptHash(other))).not.toBe(toHex(await transcriptHash(transcript)));
  const envelope = await signTaskStatement(stated, { transcript: other, signer });
  expect(canonicalJson(statementOf(envelope))).toContain(toHex(await transcriptHash(other)));
  await expect(verifyTaskStatement(envelope, transcript)).rejects.toMatchObject({ code: only });
});
