import { canonicalJson, type JsonObject, utf8 } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBundle, type RunBundle } from "../src/bundle/format.js";
import { checkLogEntry } from "../src/log/entry.js";
import {
  readChallenge,
  readCommit,
  readFailure,
  readRegister,
  readRequest,
} from "../src/protocol/messages.js";
import {
  createWorld,
  evidenceFor,
  failureOf,
  newAttempt,
  obtainGrant,
  registerRun,
  resultOf,
  runToEnd,
} from "./world.js";

/** Genuine messages, by the name of what reads them. */
const genuine: Record<string, JsonObject> = {};
let bundle: RunBundle;

beforeAll(async () => {
  const world = await createWorld();
  const { runId, request } = await registerRun(world);
  const granted = await obtainGrant(world, runId, "prepare");
  if (granted.kind !== "granted") throw new Error("expected a grant");
  const attempt = await newAttempt({ kind: "challenge", expiresAt: "", ...granted.attempt.transcript });
  const evidence = await evidenceFor(world, attempt.transcript);
  const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
  const messages = {
    register: request,
    challenge: { runId, path: "prepare" },
    request: { runId, transcript: attempt.transcript, evidence },
    commit,
    failure: await failureOf(granted),
  };
  Object.assign(genuine, JSON.parse(canonicalJson(messages)));
  await runToEnd(world, runId);
  bundle = decodeBundle(await world.broker.bundle(runId));
});

const readers: Readonly<Record<string, (message: unknown) => unknown>> = {
  register: readRegister,
  challenge: readChallenge,
  request: readRequest,
  commit: readCommit,
  failure: readFailure,
};

/** A copy with a member set at a path; `undefined` takes it away. */
function changed(value: unknown, path: string, put: unknown): unknown {
  const copy = structuredClone(value) as Record<string, unknown>;
  const steps = path.split(".");
  const parent = steps.slice(0, -1).reduce((at, step) => at[step] as Record<string, unknown>, copy);
  const last = steps.at(-1) ?? "";
  if (put === undefined) delete parent[last];
  else parent[last] = put;
  return copy;
}

const hex = "ab".repeat(32);
const malformed: readonly (readonly [reason: string, message: string, path: string, put: unknown])[] = [
  ["a member that the protocol does not have may mean something to somebody", "challenge", "more", 1],
  ["a run id that is no UUID names no run", "challenge", "runId", "run"],
  ["without a path nothing is asked for", "challenge", "path", undefined],
  ["an empty path is the pipeline itself, which has no enclave", "challenge", "path", ""],
  ["control characters in a path could hide in logs", "challenge", "path", "prepare\n"],
  ["a path may not be endless", "challenge", "path", "p".repeat(2001)],
  ["attempts count from 1", "request", "transcript.attempt", 0],
  ["attempts are whole", "request", "transcript.attempt", 1.5],
  ["a nonce is 32 bytes", "request", "transcript.nonce", hex.slice(2)],
  ["hex has one spelling", "request", "transcript.signingKey", hex.toUpperCase()],
  ["digests carry their algorithm", "request", "transcript.policy", hex],
  ["another hash is not a digest here", "request", "transcript.registration", `sha512:${hex}`],
  ["a transcript has no thirteenth field", "request", "transcript.comment", "hello"],
  ["a transcript lacks none", "request", "transcript.component", undefined],
  ["evidence of a kind that nobody verifies", "request", "evidence.type", "none"],
  ["a quote is base64", "request", "evidence.quote", "%"],
  ["a quote is bounded before it is decoded", "request", "evidence.quote", "A".repeat(100_000)],
  ["collateral is an object", "request", "evidence.collateral", "none"],
  ["an envelope without signatures is no envelope", "commit", "statement.signatures", []],
  ["an envelope's payload is canonical base64", "commit", "statement.payload", "AB=="],
  ["an encapsulated key is no longer than a key", "commit", "secrets.enc", "A".repeat(64)],
  ["secrets have two parts", "commit", "secrets.key", hex],
  ["a failure is signed", "failure", "statement", null],
  [
    "an opening is bounded before it is decoded",
    "register",
    "openings",
    { [`sha256:${hex}`]: { opening: "A".repeat(300_000), chunks: 1, root: hex } },
  ],
  [
    "openings are named by digest",
    "register",
    "openings",
    { loans: { opening: "AAAA", chunks: 1, root: hex } },
  ],
  [
    "chunks are counted in whole numbers",
    "register",
    "openings",
    { [`sha256:${hex}`]: { opening: "AAAA", chunks: -1, root: hex } },
  ],
  ["a document is an object", "register", "document", []],
];

describe("a malformed message", () => {
  it.each(malformed)("is refused: %s", (_, name, path, put) => {
    const read = readers[name];
    expect(() => read?.(genuine[name])).not.toThrow();
    expect(() => read?.(changed(genuine[name], path, put))).toThrow(
      expect.objectContaining({ code: "TRUST_DOCUMENT_MALFORMED" }),
    );
  });

  it("is refused when it is no object at all", () => {
    for (const read of Object.values(readers)) {
      for (const wrong of [undefined, null, 0, "", [], [genuine.challenge]])
        expect(() => read(wrong)).toThrow();
    }
  });
});

const entry = {
  ...{
    version: "sealflow.log-entry/v1",
    kind: "committed",
    time: "2026-01-02T03:04:05.000Z",
    policyEpoch: 1,
  },
  ...{ registration: `sha256:${hex}`, previous: null, path: "a", attempt: 1, statement: `sha256:${hex}` },
};

describe("a malformed log entry", () => {
  it.each([
    ["of a kind that nothing decides", { kind: "released" }],
    ["with a time that has two spellings", { time: "2026-01-02T03:04:05Z" }],
    ["with a time of another zone", { time: "2026-01-02T03:04:05.000+00:00" }],
    ["before the first epoch", { policyEpoch: 0 }],
    ["with members of another kind", { final: true }],
    ["without its place in the chain", { previous: undefined }],
  ])("%s is refused", (_, change) => {
    expect(checkLogEntry(entry)).toEqual(entry);
    expect(() => checkLogEntry({ ...entry, ...change })).toThrow();
  });
});

describe("a malformed bundle", () => {
  const cases: readonly (readonly [reason: string, text: () => string])[] = [
    ["in another spelling of the same value", () => JSON.stringify(bundle, null, 1)],
    ["with a member twice", () => canonicalJson(bundle).replace("{", '{"claims":{},')],
    [
      "with members in another order",
      () => `{"version":"sealflow.bundle/v1",${canonicalJson({ ...bundle, version: undefined }).slice(1)}`,
    ],
    ["with escapes that are not needed", () => canonicalJson(bundle).replace('"test"', '"\\u0074est"')],
    ["with a number in another form", () => canonicalJson(bundle).replace('"attempt":1', '"attempt":1.0')],
    ["of another version", () => canonicalJson(changed(bundle, "version", "sealflow.bundle/v2"))],
    ["with a byte-order mark", () => `\ufeff${canonicalJson(bundle)}`],
    [
      "with a task of a kind that there is not",
      () => canonicalJson(changed(bundle, "tasks.0.kind", "trusted")),
    ],
    ["with secrets beside its openings", () => canonicalJson(changed(bundle, "tasks.0.opened.keys", {}))],
    ["with a proof that is no list", () => canonicalJson(changed(bundle, "log.entries.0.proof", hex))],
  ];
  it.each(cases)("%s is refused", (_, text) => {
    expect(() => decodeBundle(utf8(text()))).toThrow(
      expect.objectContaining({ code: "TRUST_DOCUMENT_MALFORMED" }),
    );
  });

  it("is what a genuine one is not", () => {
    expect(decodeBundle(utf8(canonicalJson(bundle)))).toEqual(bundle);
  });
});
