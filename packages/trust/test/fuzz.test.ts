/** Every reader of this room under inputs that nobody meant: no crash, no hang, and nothing accepted that was not signed. */
import { isDeepStrictEqual } from "node:util";
import { canonicalJson, fromBase64, type JsonObject, toHex, utf8 } from "@sealflow/core";
import { type Envelope, projectKeyFrom, type Signer, signEnvelope } from "@sealflow/seal";
import fc from "fast-check";
import { beforeAll, describe, expect, it } from "vitest";
import {
  fuzz as fuzzed,
  mutatedBytes,
  mutatedValue,
  type Numbers,
  refusedOr,
  slow,
  spelled,
  fuzzTimeout as timeout,
} from "../../../test-support/fuzz.js";
import { decodeBundle } from "../src/bundle/format.js";
import {
  checkTrustPolicy,
  formatTrustFile,
  openCheckpoint,
  openGrant,
  openRegistration,
  openTrustPolicy,
  parseTrustFile,
  type TrustAnchors,
  verifyBundle,
  verifyFailureStatement,
  verifyTaskStatement,
} from "../src/index.js";
import { checkLogEntry } from "../src/log/entry.js";
import {
  readChallenge,
  readCommit,
  readFailure,
  readRegister,
  readRequest,
} from "../src/protocol/messages.js";
import { verifyReuseStatement } from "../src/statement/reuse-statement.js";
import {
  anchorsOf,
  createWorld,
  failureOf,
  keys,
  obtainGrant,
  registerRun,
  resultOf,
  runToEnd,
} from "./world.js";

/** A million each in the slow suite. */
const count = slow ? 1_000_000 : 400;

/** A reader, a genuine input, and whoever could sign another payload in its place. */
interface Signed {
  readonly envelope: Envelope;
  readonly signer: Signer;
  readonly open: (envelope: unknown) => Promise<unknown>;
}

const signed: Record<string, Signed> = {};
const messages: Record<string, readonly [(message: unknown) => unknown, JsonObject]> = {};
let trustFile = "";
let bundle: Uint8Array<ArrayBuffer>;

beforeAll(async () => {
  const world = await createWorld();
  const first = await registerRun(world, { reuse: true });
  const granted = await obtainGrant(world, first.runId, "prepare");
  if (granted.kind !== "granted") throw new Error("expected a grant");
  const { transcript, identity, signer } = granted.attempt;
  const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
  const failed = await failureOf(granted);
  await runToEnd(world, first.runId);
  const second = await registerRun(world, { reuse: true });
  await runToEnd(world, second.runId);
  bundle = await world.broker.bundle(second.runId);
  const reuse = decodeBundle(bundle).tasks.find((task) => task.kind === "reuse");
  if (reuse === undefined) throw new Error("expected a reused result");
  const broker = (await projectKeyFrom(world.secret)).signer;
  const { brokerKey } = world.broker;
  const at = world.clock.time;
  const policySigner = toHex(keys.policy.publicKey);
  const trust = { policy: world.policy, policyDigest: world.policyDigest, at };
  Object.assign(signed, {
    policy: {
      envelope: world.policyEnvelope,
      signer: keys.policy,
      open: (each) => openTrustPolicy(each, { signer: policySigner }),
    },
    registration: {
      envelope: first.request.registration,
      signer: keys.alice,
      open: (each) => openRegistration(each, trust),
    },
    grant: {
      envelope: granted.grant,
      signer: broker,
      open: (each) => openGrant(each, { transcript, identity, at }),
    },
    statement: { envelope: commit.statement, signer, open: (each) => verifyTaskStatement(each, transcript) },
    failure: { envelope: failed.statement, signer, open: (each) => verifyFailureStatement(each, transcript) },
    reuse: {
      envelope: reuse.statement,
      signer: broker,
      open: (each) => verifyReuseStatement(each, brokerKey),
    },
    checkpoint: {
      envelope: first.registered.checkpoint,
      signer: broker,
      open: (each) => openCheckpoint(each, brokerKey),
    },
  } satisfies Record<string, Signed>);
  const plain = (value: unknown) => JSON.parse(canonicalJson(value)) as JsonObject;
  const entry = decodeBundle(bundle).log.entries.find((each) => each.entry.kind === "granted")?.entry;
  Object.assign(messages, {
    register: [readRegister, plain(first.request)],
    challenge: [readChallenge, { runId: first.runId, path: "prepare" }],
    request: [readRequest, plain({ runId: first.runId, transcript, evidence: granted.evidence })],
    commit: [readCommit, plain(commit)],
    "failure message": [readFailure, plain(failed)],
    "log entry": [checkLogEntry, plain(entry)],
    "policy's rules": [checkTrustPolicy, plain(world.policy)],
  });
  trustFile = formatTrustFile({ ...anchorsOf(world), minimumEpoch: 2 });
});

// What an opener refuses is taken here, where it is known what must be refused.
const fuzz = (name: string, one: (next: Numbers) => Promise<void>) =>
  fuzzed(name, { count, isRefusal: () => false }, one);

describe(`${count} changed inputs`, { timeout }, () => {
  it.each(["policy", "registration", "grant", "statement", "failure", "reuse", "checkpoint"])(
    "of a signed %s: none is opened whose signature is not over just these bytes",
    async (name) => {
      const { envelope, signer, open } = signed[name] as Signed;
      expect(await open(envelope)).toBeDefined();
      const payload = fromBase64(envelope.payload);
      const document = JSON.parse(new TextDecoder().decode(payload)) as JsonObject;
      await fuzz(name, async (next) => {
        if (next(3) > 0) {
          const changed = mutatedValue(envelope, next);
          if (isDeepStrictEqual(changed, envelope)) return;
          if ((await refusedOr(() => open(changed))) !== undefined)
            throw new Error("a changed one was opened");
          return;
        }
        // Whoever has the key may sign anything: what is opened then is in its one spelling.
        const other = next(2) === 0 ? mutatedBytes(payload, next) : spelled(mutatedValue(document, next));
        const resigned = await signEnvelope({ payloadType: envelope.payloadType, payload: other }, [signer]);
        if ((await refusedOr(() => open(resigned))) === undefined) return;
        const read = new TextDecoder().decode(other);
        if (canonicalJson(JSON.parse(read)) !== read) throw new Error("another spelling was opened");
      });
    },
  );

  it.each(["register", "challenge", "request", "commit", "failure message", "log entry", "policy's rules"])(
    "of a %s: read as it is, or refused",
    async (name) => {
      const [read, genuine] = messages[name] as (typeof messages)[string];
      expect(read(genuine)).toBeDefined();
      await fuzz(name, async (next) => {
        const changed = mutatedValue(genuine, next);
        const got = await refusedOr(() => read(changed));
        if (got !== undefined && name !== "policy's rules")
          expect(isDeepStrictEqual(got, changed)).toBe(true);
      });
    },
  );

  it("of a trust file: anchors or a refusal", async () => {
    const genuine = utf8(trustFile);
    await fuzz("trust file", async (next) => {
      const changed = new TextDecoder().decode(mutatedBytes(genuine, next));
      const anchors = await refusedOr(() => parseTrustFile(changed));
      if (anchors !== undefined && (anchors as TrustAnchors).roots.length === 0)
        throw new Error("anchors without roots");
    });
  });

  it("of a run's bundle: none is found consistent", async () => {
    const document = JSON.parse(new TextDecoder().decode(bundle)) as JsonObject;
    const genuine = canonicalJson(document);
    await fuzz("bundle", async (next) => {
      const structured = next(50) === 0;
      const changed = structured ? spelled(mutatedValue(document, next)) : junk(next);
      if (new TextDecoder().decode(changed) === genuine) return;
      const { verdict, code, checks } = await verifyBundle(changed);
      const last = checks.at(-1);
      if (verdict === "refused" && last?.passed === false && last.code === code) return;
      throw new Error(`expected a refusal with its check, got ${verdict}`);
    });
  });
});

/** Cheap inputs: a piece of a genuine bundle with something done to it, nested brackets, odd texts. */
function junk(next: Numbers): Uint8Array<ArrayBuffer> {
  const kind = next(20);
  if (kind === 0) return utf8("[".repeat(1 + next(5000)) + "]".repeat(1 + next(5000)));
  if (kind === 1) return mutatedBytes(bundle, next);
  const start = next(bundle.length);
  const piece = mutatedBytes(bundle.subarray(start, start + 1 + next(800)), next);
  if (kind < 6) return piece;
  return Uint8Array.from(Buffer.concat([bundle.subarray(0, next(600)), piece]));
}

describe("the reader of bundles", () => {
  it("refuses whatever JSON it is given, without an exception", async () => {
    const anything = fc.oneof(
      fc.uint8Array({ maxLength: 300 }),
      fc.json({ maxDepth: 6 }).map((json) => utf8(json)),
      fc.jsonValue({ maxDepth: 6 }).map((value) => utf8(canonicalJson(value))),
      fc
        .record({ version: fc.constant("sealflow.bundle/v1"), claims: fc.jsonValue() })
        .map((value) => utf8(canonicalJson(value))),
    );
    const property = fc.asyncProperty(anything, async (bytes) => {
      const verdict = await verifyBundle(Uint8Array.from(bytes));
      expect(verdict.verdict).toBe("refused");
      expect(verdict.checks.at(-1)).toMatchObject({ passed: false, code: verdict.code });
    });
    await fc.assert(property, { numRuns: slow ? 100_000 : 1000, endOnFailure: true });
  });
});
