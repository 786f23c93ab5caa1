/**
 * A broker that colludes: the real one with a lie built in, and with its own key to sign whatever it likes. Bundles of its runs
 * are judged as an auditor does, and each lie that could matter is refused, with its reason and place.
 */
import { intelRoot } from "@sealflow/attest";
import { type Digest, toHex } from "@sealflow/core";
import { projectKeyFrom, type Signer } from "@sealflow/seal";
import { afterEach, beforeAll, describe, expect, it, vi } from "vitest";
import { BrokerCore } from "../src/broker/core.js";
import { RunState } from "../src/broker/run-state.js";
import { decodeBundle, encodeBundle, type RunBundle } from "../src/bundle/format.js";
import type * as evidence from "../src/evidence.js";
import {
  type BundleVerdict,
  checkTrustPolicy,
  commitmentOf,
  envelopeDigest,
  openCheckpoint,
  openGrant,
  signRegistration,
  type TrustAnchors,
  verifyBundle,
} from "../src/index.js";
import {
  type ReuseStated,
  signReuseStatement,
  verifyReuseStatement,
} from "../src/statement/reuse-statement.js";
import { relogged } from "./relogged.js";
import {
  anchorsOf,
  createWorld,
  evidenceFor,
  keys,
  newAttempt,
  obtainGrant,
  pipeline,
  registerRun,
  resultOf,
  runTask,
  runToEnd,
  type World,
} from "./world.js";

/** While it is on, the broker takes any evidence at all. */
const blind = vi.hoisted(() => ({ on: false }));
vi.mock("../src/evidence.js", async (importOriginal) => {
  const real = await importOriginal<typeof evidence>();
  return {
    ...real,
    appraiseEvidence: async (...asked: Parameters<typeof real.appraiseEvidence>) => {
      const judged = await real.appraiseEvidence(...asked);
      return blind.on ? { ...judged, accepted: true } : judged;
    },
  };
});
afterEach(() => {
  blind.on = false;
  vi.restoreAllMocks();
});

const failed = ({ checks }: BundleVerdict) => checks.filter(({ passed }) => !passed);

/** Demands a refusal that says why and where. */
function expectRefused(verdict: BundleVerdict, code: string | RegExp, where: string | RegExp): void {
  expect(verdict.verdict).toBe("refused");
  expect(verdict.code).toMatch(code);
  const [last] = failed(verdict);
  expect(last).toMatchObject({ code: verdict.code, expected: expect.any(String), got: expect.any(String) });
  expect(last?.where).toMatch(where);
}

describe("a broker that takes simulated evidence under a production policy", () => {
  let world: World;
  let encoded: Uint8Array<ArrayBuffer>;
  beforeAll(async () => {
    blind.on = true;
    world = await createWorld({
      policy: (policy) =>
        checkTrustPolicy({ ...policy, appraisal: { ...policy.appraisal, simulatedRoots: [] } }),
    });
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    expect((await world.broker.status(runId)).state).toBe("SUCCEEDED");
    encoded = await world.broker.bundle(runId);
    blind.on = false;
  });

  it("makes a bundle that is refused under Intel's root", async () => {
    const anchors: TrustAnchors = { ...anchorsOf(world), roots: [intelRoot] };
    expectRefused(await verifyBundle(encoded, { anchors }), "TRUST_ANCHOR_ROOT", "claims");
  });

  it("is refused even by an auditor whose anchors have the simulated root, and by one without anchors", async () => {
    const both: TrustAnchors = { ...anchorsOf(world), roots: [intelRoot, world.platform.root] };
    for (const trust of [{ anchors: both }, { anchors: anchorsOf(world) }, {}]) {
      expectRefused(await verifyBundle(encoded, trust), "ATTEST_POLICY_SIMULATED", "prepare, attempt 1");
    }
  });

  it("is refused when it claims that the evidence is Intel's", async () => {
    const bundle = decodeBundle(encoded);
    const roots = [toHex(intelRoot.publicKeyInfo)];
    const forged = encodeBundle({ ...bundle, claims: { ...bundle.claims, roots } });
    const anchors: TrustAnchors = { ...anchorsOf(world), roots: [intelRoot] };
    expectRefused(await verifyBundle(forged, { anchors }), "ATTEST_ROOT_UNTRUSTED", "prepare, attempt 1");
  });
});

describe("a broker that takes evidence of any code", () => {
  it("makes a bundle that is refused for the task that ran it", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    blind.on = true;
    const challenge = await world.broker.challenge({ runId, path: "condition-1/report" });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const attempt = await newAttempt(challenge);
    const malware = await evidenceFor(world, attempt.transcript, { name: "malware" });
    const { transcript } = attempt;
    const answer = await world.broker.request({ runId, transcript, evidence: malware });
    if (answer.kind !== "granted") throw new Error("expected a grant");
    const content = await openGrant(answer.grant, {
      ...{ transcript, identity: attempt.identity, at: world.clock.time },
    });
    const made = await resultOf(attempt, { content, grant: answer.grant, evidence: malware });
    const { stated: _, plain: __, ...commit } = made;
    await world.broker.commit(commit);
    await runToEnd(world, runId);
    const encoded = await world.broker.bundle(runId);
    blind.on = false;
    const verdict = await verifyBundle(encoded, { anchors: anchorsOf(world) });
    expectRefused(verdict, "ATTEST_POLICY_MEASUREMENT", "condition-1/report, attempt 1");
  });
});

describe("a broker that grants what is not due", () => {
  it.each([
    ["before what it needs", "evaluate", 0],
    ["of an iteration before its items are known", "for-loop-1[0]/train", 0],
    ["a second time, after it is committed", "prepare", 1],
  ])("%s makes a bundle that is refused for it", async (_, path, done) => {
    const world = await createWorld();
    const other = await registerRun(world);
    const { runId } = await registerRun(world);
    if (done > 0) await runTask(world, runId, "prepare");
    // The task as it is due in another run, or was in this: given out although it is not due here.
    const early = new BrokerCoreWatch();
    await early.collect(world, other.runId, path);
    const { requireDue } = BrokerCore.prototype;
    const liar = vi.spyOn(BrokerCore.prototype, "requireDue").mockImplementation(function (
      this: BrokerCore,
      run,
      asked,
    ) {
      return asked === path ? early.found(path) : requireDue.call(this, run, asked);
    });
    if (done > 0) {
      vi.spyOn(RunState.prototype, "committedAnswer").mockReturnValue(undefined);
    }
    const granted = await obtainGrant(world, runId, path).catch((error: unknown) => error);
    liar.mockRestore();
    vi.restoreAllMocks();
    if (granted instanceof Error) {
      // Where it has no keys to give it can't even lie.
      expect(granted).toMatchObject({ code: "TRUST_INPUT_KEY" });
      return;
    }
    await runToEnd(world, runId);
    const verdict = await verifyBundle(await world.broker.bundle(runId), { anchors: anchorsOf(world) });
    expectRefused(verdict, "TRUST_BUNDLE_NOT_DUE", path);
  });
});

/** Due tasks as a broker knows them. */
class BrokerCoreWatch {
  readonly #found = new Map<string, ReturnType<BrokerCore["requireDue"]>>();

  async collect(world: World, runId: string, path: string): Promise<void> {
    const { requireDue } = BrokerCore.prototype;
    const seen = this.#found;
    const spy = vi.spyOn(BrokerCore.prototype, "requireDue").mockImplementation(function (
      this: BrokerCore,
      run,
      asked,
    ) {
      const due = requireDue.call(this, run, asked);
      seen.set(asked, due);
      return due;
    });
    await runToEnd(world, runId);
    spy.mockRestore();
    if (!seen.has(path)) throw new Error("expected the path to have been due");
  }

  found(path: string): ReturnType<BrokerCore["requireDue"]> {
    const due = this.#found.get(path);
    if (due === undefined) throw new Error("expected a due task");
    return due;
  }
}

describe("a broker that lies about reuse", () => {
  let world: World;
  let signer: Signer;
  let bundle: RunBundle;
  let anchors: TrustAnchors;
  beforeAll(async () => {
    world = await createWorld();
    signer = (await projectKeyFrom(world.secret)).signer;
    anchors = anchorsOf(world);
    for (const _ of [1, 2]) {
      const { runId } = await registerRun(world, { reuse: true });
      await runToEnd(world, runId);
      bundle = decodeBundle(await world.broker.bundle(runId));
    }
  });

  type Reuse = Extract<RunBundle["tasks"][number], { kind: "reuse" }>;
  const reuseOf = (path: string) => {
    const index = bundle.tasks.findIndex(
      (task) => task.kind === "reuse" && task.original.transcript.path === path,
    );
    const item = bundle.tasks[index];
    if (item?.kind !== "reuse") throw new Error("expected a reuse");
    return { index, item };
  };

  /** The bundle with one reuse decided otherwise, in its statement and in the log. */
  async function lied(
    path: string,
    change: (
      stated: ReuseStated,
      item: Reuse,
    ) => { readonly stated?: Partial<ReuseStated>; readonly item?: Partial<Reuse> },
  ): Promise<BundleVerdict> {
    const { index, item } = reuseOf(path);
    const before = await envelopeDigest(item.statement);
    const genuine = await verifyReuseStatement(item.statement, world.broker.brokerKey);
    const { stated = {}, item: edit = {} } = change(genuine, item);
    const statement = await signReuseStatement({ ...genuine, ...stated }, signer);
    const digest = await envelopeDigest(statement);
    const tasks = bundle.tasks.with(index, { ...item, ...edit, statement });
    const forged = await relogged({ ...bundle, tasks }, signer, (entries) =>
      entries.map((entry) =>
        entry.kind === "reused" && entry.statement === before ? { ...entry, statement: digest } : entry,
      ),
    );
    return verifyBundle(encodeBundle(forged), { anchors });
  }

  it("is believed where it does not lie, so that what is refused is the lie", async () => {
    const verdict = await lied("for-loop-1[0]/train", () => ({}));
    expect(failed(verdict)).toEqual([]);
    expect(verdict.verdict).toBe("trusted");
  });

  it("can't pass off the result of another iteration", async () => {
    const other = reuseOf("for-loop-1[1]/train").item;
    const theirs = await verifyReuseStatement(other.statement, world.broker.brokerKey);
    const verdict = await lied("for-loop-1[0]/train", () => ({
      stated: { original: theirs.original, statement: theirs.statement },
      item: { original: other.original },
    }));
    expectRefused(verdict, /TRUST_BUNDLE_REUSE|TRUST_COMMIT_INPUTS/, "for-loop-1[0]/train, its original");
  });

  it("can't pass off a result of other parameters by opening commitments of its own", async () => {
    const other = reuseOf("for-loop-1[1]/train").item;
    const theirs = await verifyReuseStatement(other.statement, world.broker.brokerKey);
    // With the other's commitments the shown values are not this task's; with this task's they are not the original's.
    const verdict = await lied("for-loop-1[0]/train", (_, item) => ({
      stated: { original: theirs.original, statement: theirs.statement, inputs: theirs.inputs },
      item: { original: other.original, opened: { ...item.opened, inputs: other.opened.inputs } },
    }));
    expectRefused(verdict, /TRUST_BUNDLE_(VALUE|REUSE)/, "for-loop-1[0]/train");
  });

  it("can't pass off a result of other data", async () => {
    const train = reuseOf("for-loop-1[0]/train").item;
    const artifacts = { data: [`sha256:${"ab".repeat(32)}` as Digest] };
    const verdict = await lied("for-loop-1[0]/train", (stated) => ({
      stated: { inputs: { ...stated.inputs, artifacts } },
    }));
    expectRefused(verdict, "TRUST_STATEMENT_TASK", "for-loop-1[0]/train");
    expect(train.kind).toBe("reuse");
  });

  it("can't pass off a result of hidden values that were others", async () => {
    const salt = new Uint8Array(32);
    const note = await commitmentOf("another hidden note", salt);
    const verdict = await lied("for-loop-1[0]/train", (stated) => ({
      stated: { inputs: { ...stated.inputs, parameters: { ...stated.inputs.parameters, note } } },
    }));
    expectRefused(verdict, "TRUST_BUNDLE_REUSE", "for-loop-1[0]/train, its original");
  });

  it("can't reuse what was never committed, nor for a run that does not want it", async () => {
    const { item } = reuseOf("prepare");
    const original = await verifyReuseStatement(item.statement, world.broker.brokerKey);
    const forged = await relogged(bundle, signer, (entries) =>
      entries.filter((entry) => !(entry.kind === "committed" && entry.statement === original.statement)),
    );
    expectRefused(
      await verifyBundle(encodeBundle(forged), { anchors }),
      /TRUST_BUNDLE_(REUSE|CHAIN)/,
      /prepare, its original|log entry/,
    );
    const { runId } = await registerRun(world, { reuse: false });
    await runToEnd(world, runId);
    const plain = decodeBundle(await world.broker.bundle(runId));
    expect(plain.tasks.every(({ kind }) => kind === "attempt")).toBe(true);
  });
});

describe("a broker that shows everyone another log", () => {
  it("is caught by whoever kept the checkpoint of the registration, or the newest", async () => {
    const world = await createWorld();
    const { signer } = await projectKeyFrom(world.secret);
    const { runId, registered } = await registerRun(world);
    const kept = await openCheckpoint(registered.checkpoint, world.broker.brokerKey);
    await runToEnd(world, runId);
    const genuine = decodeBundle(await world.broker.bundle(runId));
    const head = await openCheckpoint(genuine.log.checkpoint, world.broker.brokerKey);
    const checkpoints = [kept, head].map(({ size, root }) => ({ size, root }));
    const anchors: TrustAnchors = { ...anchorsOf(world), checkpoints };
    expect((await verifyBundle(encodeBundle(genuine), { anchors })).verdict).toBe("trusted");
    // The same run in another log, without what came before it.
    const split = encodeBundle(await relogged(genuine, signer, (entries) => entries));
    expect((await verifyBundle(split, { anchors: anchorsOf(world) })).verdict).toBe("trusted");
    const [first, second] = checkpoints;
    const forked = decodeBundle(split);
    const other = await openCheckpoint(forked.log.checkpoint, world.broker.brokerKey);
    for (const each of [first, second]) {
      if (each === undefined) continue;
      const same = { ...anchorsOf(world), checkpoints: [{ size: other.size, root: each.root }] };
      expectRefused(await verifyBundle(split, { anchors: same }), "TRUST_LOG_CHECKPOINT", "log");
    }
    // A checkpoint of a size that the bundle has no proof of is said to be uncompared, not passed over.
    const between = { ...anchorsOf(world), checkpoints: [{ size: 3, root: "ab".repeat(32) }] };
    const verdict = await verifyBundle(encodeBundle(genuine), { anchors: between });
    expect(verdict.checks).toContainEqual(
      expect.objectContaining({ code: "TRUST_LOG_CHECKPOINT", got: expect.stringContaining("not compared") }),
    );
  });
});

describe("a broker that opens commitments falsely", () => {
  it("can't show another value, salt or metadata than what was committed to", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    const bundle = decodeBundle(await world.broker.bundle(runId));
    const index = bundle.tasks.findIndex(
      (task) => task.kind === "attempt" && task.transcript.path === "evaluate",
    );
    const item = bundle.tasks[index];
    if (item?.kind !== "attempt") throw new Error("expected an attempt");
    const { parameters, metadata } = item.opened;
    const [[digest = "", opening] = []] = Object.entries(metadata);
    const lies: Partial<typeof item.opened>[] = [
      { parameters: { best: { value: 0.99, salt: parameters.best?.salt ?? "" } } },
      { parameters: { best: { value: parameters.best?.value ?? 0, salt: "00".repeat(32) } } },
      { parameters: {} },
      { metadata: {} },
      { metadata: { [digest]: { value: { best: 0.99 }, salt: opening?.salt ?? "" } } },
    ];
    for (const lie of lies) {
      const tasks = bundle.tasks.with(index, { ...item, opened: { ...item.opened, ...lie } });
      const verdict = await verifyBundle(encodeBundle({ ...bundle, tasks }), { anchors: anchorsOf(world) });
      expectRefused(verdict, /TRUST_BUNDLE_(COMMITMENT|OPENING)/, "evaluate, attempt 1");
    }
  });
});

describe("a registration of another submitter's or spec", () => {
  it("can't be put into the log by the broker alone", async () => {
    const world = await createWorld();
    const { signer } = await projectKeyFrom(world.secret);
    const { runId, registration } = await registerRun(world);
    await runToEnd(world, runId);
    const bundle = decodeBundle(await world.broker.bundle(runId));
    for (const by of [signer, keys.mallory]) {
      const forged = await signRegistration({ ...registration, release: [] }, by);
      const digest = await envelopeDigest(forged);
      const changed = await relogged({ ...bundle, registration: forged }, signer, (entries) =>
        entries.map((entry) => ("registration" in entry ? { ...entry, registration: digest } : entry)),
      );
      const verdict = await verifyBundle(encodeBundle(changed), { anchors: anchorsOf(world) });
      expectRefused(verdict, "SEAL_ENVELOPE_SIGNER", "registration");
    }
    const document = { ...pipeline, spec: { ...pipeline.spec, sdkVersion: "another" } };
    const verdict = await verifyBundle(encodeBundle({ ...bundle, document: document as never }), {
      anchors: anchorsOf(world),
    });
    expectRefused(verdict, "TRUST_REGISTRATION_SPEC", "document");
  });
});
