/** Each check of a bundle by itself: one thing wrong, everything else right, signed by the broker and the tasks where it has to be. */
import { intelRoot } from "@sealflow/attest";
import { type Digest, digestOfJson, fromBase64, fromUtf8, toBase64, toHex } from "@sealflow/core";
import { projectKeyFrom, type Signer } from "@sealflow/seal";
import { beforeAll, describe, expect, it } from "vitest";
import { decodeBundle, encodeBundle, maxBundleBytes, type RunBundle } from "../src/bundle/format.js";
import {
  envelopeDigest,
  evidenceDigest,
  signFailureStatement,
  signRegistration,
  signTaskStatement,
  type TaskResultStated,
  type TrustAnchors,
  transcriptHash,
  verifyBundle,
} from "../src/index.js";
import type { LogEntry } from "../src/log/entry.js";
import {
  type ReuseStated,
  signReuseStatement,
  verifyReuseStatement,
} from "../src/statement/reuse-statement.js";
import { relogged } from "./relogged.js";
import {
  type Attempt,
  anchorsOf,
  createWorld,
  evidenceFor,
  failureOf,
  keys,
  newAttempt,
  obtainGrant,
  registerRun,
  resultOf,
  runTask,
  runToEnd,
  type World,
} from "./world.js";

type Task = RunBundle["tasks"][number];
type AttemptTask = Extract<Task, { kind: "attempt" }>;
type ReuseTask = Extract<Task, { kind: "reuse" }>;

let world: World;
let signer: Signer;
/** A run whose first task's key the tests have, with a failed attempt, and one that nothing was heard of. */
let bundle: RunBundle;
let held: { readonly attempt: Attempt; readonly stated: TaskResultStated };
/** A run with another one's results. */
let reused: RunBundle;
const other = `sha256:${"ab".repeat(32)}` as const;
const train = "for-loop-1[0]/train";

beforeAll(async () => {
  world = await createWorld({
    policy: (policy) => ({
      ...policy,
      flows: policy.flows.flatMap((flow) => [flow, { ...flow, submitter: "mallory" }]),
    }),
  });
  ({ signer } = await projectKeyFrom(world.secret));
  const { runId } = await registerRun(world);
  const granted = await obtainGrant(world, runId, "prepare");
  await obtainGrant(world, runId, "prepare");
  if (granted.kind !== "granted") throw new Error("expected a grant");
  const { stated, plain: _, ...commit } = await resultOf(granted.attempt, granted);
  held = { attempt: granted.attempt, stated };
  await world.broker.commit(commit);
  const failing = await obtainGrant(world, runId, train);
  if (failing.kind !== "granted") throw new Error("expected a grant");
  await world.broker.fail(await failureOf(failing));
  await runToEnd(world, runId);
  bundle = decodeBundle(await world.broker.bundle(runId));
  for (const _ of [1, 2]) {
    const { runId: id } = await registerRun(world, { reuse: true });
    await runToEnd(world, id);
    reused = decodeBundle(await world.broker.bundle(id));
  }
  for (const each of [bundle, reused]) expect((await verify(each)).verdict).toBe("trusted");
  for (const each of [bundle, reused])
    expect((await verify(await relogged(each, signer, (entries) => entries))).verdict).toBe("trusted");
});

const verify = (value: RunBundle, anchors: TrustAnchors = anchorsOf(world)) =>
  verifyBundle(encodeBundle(value), { anchors });

/** The one check that refused. */
async function refusalOf(value: RunBundle, anchors?: TrustAnchors): Promise<string> {
  const { verdict, checks } = await verify(value, anchors);
  const [check, ...more] = checks.filter(({ passed }) => !passed);
  expect([verdict, more]).toEqual(["refused", []]);
  return `${check?.code} at ${check?.where}: ${check?.what}`;
}

const isAttempt = (path: string, attempt: number) => (task: Task) =>
  task.kind === "attempt" && task.transcript.path === path && task.transcript.attempt === attempt;

/** A bundle with one attempt changed. */
function withAttempt(
  path: string,
  attempt: number,
  change: (task: AttemptTask) => Partial<AttemptTask>,
): RunBundle {
  const index = bundle.tasks.findIndex(isAttempt(path, attempt));
  const task = bundle.tasks[index];
  if (task?.kind !== "attempt") throw new Error("expected an attempt");
  return { ...bundle, tasks: bundle.tasks.with(index, { ...task, ...change(task) }) };
}
const opening = { value: 1, salt: "ab".repeat(32) };

/** A bundle in whose log some entries are changed. */
const lied = (value: RunBundle, is: (entry: LogEntry) => boolean, change: Partial<LogEntry>) =>
  relogged(value, signer, (entries) =>
    entries.map((entry) => (is(entry) ? ({ ...entry, ...change } as LogEntry) : entry)),
  );
const isEntry = (kind: LogEntry["kind"], path: string) => (entry: LogEntry) =>
  entry.kind === kind && "path" in entry && entry.path === path;

describe("an attempt in a bundle is refused", () => {
  it("when it shows outputs although it failed, or nothing was heard of it", async () => {
    for (const [path, attempt] of [
      [train, 1],
      ["prepare", 2],
    ] as const) {
      const shown = withAttempt(path, attempt, ({ opened }) => ({
        opened: { ...opened, parameters: { note: opening } },
      }));
      expect(await refusalOf(shown)).toBe(
        `TRUST_BUNDLE_OPENING at ${path}, attempt ${attempt}: nothing is shown of outputs that there are not`,
      );
    }
  });

  it("when it has a statement although nothing was heard of it", async () => {
    const { statement } = bundle.tasks.find(isAttempt("prepare", 1)) as AttemptTask;
    expect(await refusalOf(withAttempt("prepare", 2, () => ({ statement })))).toMatch(
      /^TRUST_BUNDLE_EXTRA at prepare, attempt 2/,
    );
  });

  it("with another transcript than was granted", async () => {
    const changed = withAttempt("prepare", 1, ({ transcript }) => ({
      transcript: { ...transcript, nonce: "ab".repeat(32) },
    }));
    expect(await refusalOf(changed)).toMatch(/^TRUST_BUNDLE_TRANSCRIPT at prepare, attempt 1/);
  });

  it("when an input that is public is not shown, or not as it was committed to", async () => {
    const without = withAttempt(train, 1, ({ opened }) => ({ opened: { ...opened, inputs: {} } }));
    expect(await refusalOf(without)).toMatch(
      /^TRUST_BUNDLE_OPENING at for-loop-1\[0\]\/train, attempt 1: the inputs/,
    );
    const salted = withAttempt(train, 1, ({ opened }) => ({
      opened: {
        ...opened,
        inputs: { ...opened.inputs, seed: { value: 1, salt: "ab".repeat(32) } },
      },
    }));
    expect(await refusalOf(salted)).toMatch(/^TRUST_BUNDLE_COMMITMENT at .*: seed is what was committed to$/);
  });

  it("when it was granted with more inputs than the task has", async () => {
    const forged = await lied(bundle, isEntry("granted", "prepare"), { parameters: { more: other } });
    expect(await refusalOf(forged)).toMatch(/^TRUST_BUNDLE_INPUTS at prepare, attempt 1/);
  });

  it("where the entry is of a reuse, and the other way round", async () => {
    const [at] = reused.tasks.flatMap(({ kind }, i) => (kind === "attempt" ? [i] : []));
    const [first, attempt] = [reused.tasks[0], reused.tasks[at ?? 0]];
    if (first?.kind !== "reuse" || attempt === undefined) throw new Error("expected a reuse and an attempt");
    for (const tasks of [reused.tasks.with(0, attempt), reused.tasks.with(at ?? 0, first)])
      expect(await refusalOf({ ...reused, tasks })).toMatch(/^TRUST_BUNDLE_TASK at log entry \d+: /);
  });
});

describe("a bundle is refused", () => {
  it("with a task, collateral or a root that nothing rests on, or without a task that something does", async () => {
    const [first] = bundle.tasks;
    if (first === undefined) throw new Error("expected a task");
    expect(await refusalOf({ ...bundle, tasks: [...bundle.tasks, first] })).toMatch(
      /^TRUST_BUNDLE_EXTRA at bundle/,
    );
    expect(await refusalOf({ ...bundle, tasks: bundle.tasks.slice(0, -1) })).toMatch(
      /^TRUST_BUNDLE_TASK at log entry/,
    );
    const collateral = { ...bundle.collateral, [await digestOfJson({})]: {} };
    expect(await refusalOf({ ...bundle, collateral })).toBe(
      "TRUST_BUNDLE_EXTRA at bundle: all collateral belongs to evidence",
    );
    const roots = [...bundle.claims.roots, toHex(intelRoot.publicKeyInfo)].sort();
    const both = { ...anchorsOf(world), roots: [intelRoot, world.platform.root] };
    expect(await refusalOf({ ...bundle, claims: { ...bundle.claims, roots } }, both)).toBe(
      "TRUST_BUNDLE_EXTRA at bundle: evidence ends at every claimed root",
    );
    expect(
      await refusalOf({ ...bundle, claims: { ...bundle.claims, roots: roots.toReversed() } }, both),
    ).toMatch(/^TRUST_BUNDLE_ORDER at claims/);
  });

  it("with an entry of the log that nothing rests on, though it is in the log", async () => {
    const { time, policyEpoch } = bundle.log.entries[0]?.entry ?? { time: "", policyEpoch: 0 };
    const policy: LogEntry = {
      ...{ version: "sealflow.log-entry/v1", time, policyEpoch },
      ...{ kind: "policy", policy: world.policyDigest },
    };
    const more = await relogged(bundle, signer, (entries) => [policy, ...entries]);
    const { checks } = await verify(more);
    expect(checks.filter(({ passed }) => !passed)).toMatchObject([
      { code: "TRUST_BUNDLE_EXTRA", where: "bundle", expected: "", got: "log entry 0" },
    ]);
  });

  it("that is larger than any that is read, before it is looked at", async () => {
    const { verdict, code, checks } = await verifyBundle(new Uint8Array(maxBundleBytes + 1));
    expect([verdict, code, checks.length]).toEqual(["refused", "TRUST_BUNDLE_TOO_LARGE", 1]);
    expect(checks[0]).toMatchObject({ where: "bundle", got: `${maxBundleBytes + 1}` });
  });

  it("with a quote in another spelling of its base64, whatever the log says of it", async () => {
    const index = bundle.tasks.findIndex(isAttempt("prepare", 1));
    const task = bundle.tasks[index];
    if (task?.kind !== "attempt") throw new Error("expected an attempt");
    const bytes = fromBase64(task.evidence.quote);
    // One byte more leaves digits with unused bits at the end.
    const padded = toBase64(Uint8Array.of(...bytes, ...new Uint8Array(4 - (bytes.length % 3))));
    const quote = padded.replace(/A==$/, "B==");
    expect(quote).not.toBe(padded);
    const evidence = { ...task.evidence, quote };
    const collateral = bundle.collateral[evidence.collateral] ?? {};
    const digest = await evidenceDigest({ type: "sgx-dcap", quote, collateral });
    const changed = withAttempt("prepare", 1, () => ({ evidence }));
    const forged = await lied(changed, isEntry("granted", "prepare"), { evidence: digest });
    expect(await refusalOf(forged)).toBe(
      "TRUST_DOCUMENT_MALFORMED at bundle: the bundle is in its one encoding",
    );
  });

  it("with other collateral under the name of the archived one", async () => {
    const collateral = Object.fromEntries(Object.keys(bundle.collateral).map((digest) => [digest, {}]));
    expect(await refusalOf({ ...bundle, collateral })).toMatch(
      /^TRUST_BUNDLE_COLLATERAL at prepare, attempt 1/,
    );
  });
});

describe("a broker and a task that lie together are refused", () => {
  /** The first task's statement, signed by its key, and logged as committed. */
  async function stating(change: Partial<TaskResultStated>): Promise<RunBundle> {
    const { transcript, signer: own } = held.attempt;
    const statement = await signTaskStatement({ ...held.stated, ...change }, { transcript, signer: own });
    const changed = withAttempt("prepare", 1, () => ({ statement }));
    return lied(changed, isEntry("committed", "prepare"), { statement: await envelopeDigest(statement) });
  }

  it("when the result is of another grant or of other inputs", async () => {
    expect(await refusalOf(await stating({ grant: other }))).toMatch(
      /^TRUST_COMMIT_GRANT at prepare, attempt 1/,
    );
    const inputs = { parameters: {}, artifacts: { loans: [other] } };
    expect(await refusalOf(await stating({ inputs }))).toMatch(/^TRUST_COMMIT_INPUTS at prepare, attempt 1/);
  });

  it("when an artifact is one that is there already", async () => {
    const { outputs } = held.stated;
    const data = (outputs.artifacts.data ?? []).map((each) => ({ ...each, digest: world.loans.digest }));
    expect(await refusalOf(await stating({ outputs: { ...outputs, artifacts: { data } } }))).toMatch(
      /^TRUST_COMMIT_ARTIFACT at prepare, attempt 1/,
    );
  });

  it("when outputs are of another type, more or fewer than declared, or there is one that is not", async () => {
    const { outputs } = held.stated;
    const [data] = outputs.artifacts.data ?? [];
    if (data === undefined) throw new Error("expected data");
    const { note: _, ...fewer } = outputs.parameters;
    const cases = [
      [{ artifacts: { data: [{ ...data, type: "system.Model" }] } }, "TRUST_COMMIT_OUTPUTS"],
      [{ artifacts: { data: [data], more: [{ ...data, digest: other }] } }, "TRUST_COMMIT_OUTPUTS"],
      [{ artifacts: { data: [data, { ...data, digest: other }] } }, "INTERPRETER_RESULT_UNEXPECTED"],
      [{ artifacts: {} }, "INTERPRETER_RESULT_UNEXPECTED"],
      [{ parameters: fewer }, "INTERPRETER_RESULT_UNEXPECTED"],
      [{ parameters: { ...outputs.parameters, more: other } }, "INTERPRETER_RESULT_UNEXPECTED"],
    ] as const;
    for (const [change, code] of cases)
      expect(await refusalOf(await stating({ outputs: { ...outputs, ...change } }))).toMatch(
        new RegExp(`^${code} at prepare, attempt 1: `),
      );
  });

  it("when a failure is of another grant, or ends what it does not end", async () => {
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const failing = await obtainGrant(world, runId, train);
    if (failing.kind !== "granted") throw new Error("expected a grant");
    await world.broker.fail(await failureOf(failing));
    await runToEnd(world, runId);
    const run = decodeBundle(await world.broker.bundle(runId));
    const { transcript, signer: own } = failing.attempt;
    const stated = { grant: other, evidence: await evidenceDigest(failing.evidence), code: "TASK_RAISED" };
    const statement = await signFailureStatement(stated, { transcript, signer: own });
    const tasks = run.tasks.map((task) =>
      isAttempt(train, 1)(task) ? ({ ...task, statement } as Task) : task,
    );
    const forged = await lied({ ...run, tasks }, isEntry("failed", train), {
      statement: await envelopeDigest(statement),
    });
    expect(await refusalOf(forged)).toMatch(/^TRUST_COMMIT_GRANT at for-loop-1\[0\]\/train, attempt 1/);
    expect(await refusalOf(await lied(run, isEntry("failed", train), { final: true }))).toMatch(
      /^TRUST_BUNDLE_FAILURE at for-loop-1\[0\]\/train, attempt 1/,
    );
  });

  it("when it decides after the registration has expired: a grant, a commit, a reuse", async () => {
    const { registration } = bundle;
    const { expiresAt } = JSON.parse(fromUtf8(fromBase64(registration.payload)));
    const from = (is: (entry: LogEntry) => boolean) => (entries: LogEntry[]) => {
      const first = entries.findIndex(is);
      return entries.map((entry, i) => (i >= first ? { ...entry, time: expiresAt } : entry));
    };
    const late = await relogged(bundle, signer, from(isEntry("committed", "prepare")));
    expect(await refusalOf(late)).toMatch(/^TRUST_REGISTRATION_TIME at prepare, attempt 1/);
    const again = await relogged(reused, signer, from(isEntry("reused", "prepare")));
    expect(await refusalOf(again)).toMatch(/^TRUST_REGISTRATION_TIME at prepare:/);
    const { runId } = await registerRun(world);
    const granted = await obtainGrant(world, runId, "prepare");
    if (granted.kind !== "granted") throw new Error("expected a grant");
    await world.broker.fail(await failureOf(granted));
    const failed = decodeBundle(await world.broker.bundle(runId));
    for (const kind of ["granted", "failed"] as const) {
      const whole = await relogged(failed, signer, from(isEntry(kind, "prepare")));
      expect(await refusalOf(whole)).toBe(
        "TRUST_REGISTRATION_TIME at prepare, attempt 1: decided before the registration expired",
      );
    }
  });

  it("when it counts one failure twice", async () => {
    const twice = await relogged(bundle, signer, (entries) => {
      const at = entries.findIndex(isEntry("failed", train));
      return entries.toSpliced(at, 0, ...entries.slice(at, at + 1));
    });
    expect(await refusalOf(twice)).toBe(
      `TRUST_BUNDLE_ATTEMPT at ${train}, attempt 1: the attempt has a grant and has not ended`,
    );
  });

  it("when it logs the registration for another run, an entry with words more, or lets another run's time go back", async () => {
    const runId = crypto.randomUUID();
    expect(await refusalOf(await lied(bundle, ({ kind }) => kind === "registered", { runId }))).toBe(
      "TRUST_BUNDLE_RUN at registration: the entry names the run",
    );
    const worded = await lied(bundle, isEntry("committed", "prepare"), { more: 1 } as never);
    expect(await refusalOf(worded)).toBe(
      "TRUST_DOCUMENT_MALFORMED at bundle: the bundle is in its one encoding",
    );
    const [first] = reused.log.entries;
    const back = await relogged(reused, signer, (entries) =>
      entries.map((entry, i) => (i === 0 ? { ...entry, time: "2026-01-02T03:04:05.001Z" } : entry)),
    );
    expect(first?.entry.kind).toBe("registered");
    expect(await refusalOf(back)).toBe("TRUST_BUNDLE_TIME at log entry 1: time does not go back");
  });

  it("when it signs its log as of an older policy than the run's", async () => {
    const older = await relogged(bundle, signer, (entries) => entries, { policyEpoch: 2 });
    expect(await refusalOf(older)).toBe("TRUST_BUNDLE_EPOCH at log: the checkpoint knows the run's policy");
  });
});

describe("a reuse is refused", () => {
  const item = () => {
    const [first] = reused.tasks;
    if (first?.kind !== "reuse") throw new Error("expected a reuse");
    return first;
  };

  /** The first task's reuse with other words of the broker, or another original, and other entries. */
  async function reusing(
    stated: Partial<ReuseStated>,
    change: {
      readonly original?: ReuseTask["original"];
      readonly entries?: (entries: LogEntry[]) => LogEntry[];
    } = {},
  ): Promise<RunBundle> {
    const first = item();
    const before = await envelopeDigest(first.statement);
    const genuine = await verifyReuseStatement(first.statement, world.broker.brokerKey);
    const statement = await signReuseStatement({ ...genuine, ...stated }, signer);
    const digest = await envelopeDigest(statement);
    const original = change.original ?? first.original;
    return relogged(
      { ...reused, tasks: reused.tasks.with(0, { ...first, original, statement }) },
      signer,
      (entries) =>
        (change.entries ?? ((each) => each))(entries).map((entry) =>
          entry.kind === "reused" && entry.statement === before ? { ...entry, statement: digest } : entry,
        ),
    );
  }
  const genuine = () => verifyReuseStatement(item().statement, world.broker.brokerKey);

  it("in other words than were decided", async () => {
    const statement = await signReuseStatement({ ...(await genuine()), path: "evaluate" }, signer);
    const tasks = reused.tasks.with(0, { ...item(), statement });
    expect(await refusalOf({ ...reused, tasks })).toMatch(
      /^TRUST_BUNDLE_STATEMENT at prepare: the reuse statement/,
    );
  });

  it("for a run that does not want it", async () => {
    const registration = JSON.parse(fromUtf8(fromBase64(reused.registration.payload)));
    const plain = await signRegistration({ ...registration, reuse: false }, keys.alice);
    const [own, now] = [await envelopeDigest(reused.registration), await envelopeDigest(plain)];
    const forged = await reusing({ registration: now });
    const unwanted = await relogged({ ...forged, registration: plain }, signer, (entries) =>
      entries.map((entry) =>
        "registration" in entry && entry.registration === own ? { ...entry, registration: now } : entry,
      ),
    );
    expect(await refusalOf(unwanted)).toBe(
      "TRUST_BUNDLE_REUSE at prepare: registration and spec allow reuse",
    );
  });

  it("of an attempt, or of a run, that the original is not", async () => {
    const { original } = await genuine();
    const at = "TRUST_BUNDLE_REUSE at prepare, its original: the original is the stated one";
    expect(await refusalOf(await reusing({ original: { ...original, attempt: 2 } }))).toBe(at);
    // The log agrees with the lie about the run; what the original itself was registered as does not.
    const moved = (entries: LogEntry[]) =>
      entries.map((entry) =>
        "path" in entry && entry.path === "prepare" && entry.registration === original.registration
          ? { ...entry, registration: other }
          : entry,
      );
    expect(
      await refusalOf(await reusing({ original: { ...original, registration: other } }, { entries: moved })),
    ).toBe(at);
  });

  it("of an original that was granted under another epoch than its registration's", async () => {
    const { original } = await genuine();
    const forged = await lied(
      reused,
      (entry) =>
        isEntry("granted", "prepare")(entry) &&
        "registration" in entry &&
        entry.registration === original.registration,
      { policyEpoch: 2 },
    );
    expect(await refusalOf(forged)).toMatch(/^TRUST_BUNDLE_EPOCH at prepare, its original/);
  });

  it("with another statement than the reused one", async () => {
    const second = reused.tasks.find((task, i) => i > 0 && task.kind === "reuse") as ReuseTask;
    const original = { ...item().original, statement: second.original.statement };
    const tasks = reused.tasks.with(0, { ...item(), original });
    expect(await refusalOf({ ...reused, tasks })).toMatch(
      /^TRUST_BUNDLE_STATEMENT at prepare, its original: the original's statement/,
    );
  });

  it("of an original that was done after it, or decided out of its registration's time or epoch", async () => {
    const { registration } = (await genuine()).original;
    const isOriginal = (kind: LogEntry["kind"]) => (entry: LogEntry) =>
      isEntry(kind, "prepare")(entry) && isOfPrepare(entry, registration);
    const at = "prepare, its original";
    const late = await relogged(reused, signer, (entries) => {
      const moved = entries.filter(isOriginal("committed"));
      const rest = entries.filter((entry) => !moved.includes(entry));
      return rest.toSpliced(rest.findIndex(isEntry("reused", "prepare")) + 1, 0, ...moved);
    });
    expect(await refusalOf(late)).toBe(
      `TRUST_BUNDLE_REUSE at ${at}: the original was done before it was reused`,
    );
    expect(await refusalOf(await lied(reused, isOriginal("committed"), { policyEpoch: 2 }))).toBe(
      `TRUST_BUNDLE_EPOCH at ${at}: decided under its registration's policy`,
    );
    const own = await createWorld();
    const expiresAt = new Date(own.clock.time + 1000).toISOString();
    const brief = await registerRun(own, { reuse: true, expiresAt });
    await runTask(own, brief.runId, "prepare");
    own.clock.time += 2000;
    const { runId } = await registerRun(own, { reuse: true });
    await runToEnd(own, runId);
    const run = decodeBundle(await own.broker.bundle(runId));
    const by = (await projectKeyFrom(own.secret)).signer;
    const is = isOfRun(brief.registered.registration);
    for (const [kind, place] of [
      ["granted", "TRUST_REGISTRATION_TIME"],
      ["committed", "TRUST_REGISTRATION_TIME"],
      ["reused", undefined],
    ] as const) {
      const since = (entries: LogEntry[]) => {
        const from = entries.findIndex(isEntry(kind, "prepare"));
        return entries.map((entry, i) => (i >= from && is(entry) ? { ...entry, time: expiresAt } : entry));
      };
      const { checks } = await verify(await relogged(run, by, since), anchorsOf(own));
      const [check] = checks.filter(({ passed }) => !passed);
      expect([check?.code, check?.where]).toEqual([place, place && at]);
    }
  });
  const isOfRun = (registration: string) => (entry: LogEntry) =>
    "registration" in entry && entry.registration === registration;

  it("of an original of another submitter", async () => {
    const change = { submitter: "mallory", reuse: true };
    const { runId, request } = await registerRun(world, change, world.broker, keys.mallory);
    const forged = await others(runId, request.registration);
    expect(await refusalOf(forged)).toBe(
      "TRUST_BUNDLE_REUSE at prepare, its original: the original is of the same submitter",
    );
  });

  it("of an original that went to others", async () => {
    const { runId, request } = await registerRun(world, { reuse: true, recipients: [] });
    const forged = await others(runId, request.registration);
    expect(await refusalOf(forged)).toBe(
      "TRUST_BUNDLE_REUSE at prepare, its original: the original went to the same recipients",
    );
  });

  /** The reuse with another run's first task for its original. */
  async function others(runId: string, registration: RunBundle["registration"]): Promise<RunBundle> {
    await runToEnd(world, runId);
    const run = decodeBundle(await world.broker.bundle(runId));
    const [task] = run.tasks;
    if (task?.kind !== "attempt" || task.statement === null) throw new Error("expected a committed attempt");
    const { transcript, evidence, statement } = task;
    const original = { registration, transcript, evidence, statement };
    const theirs = run.log.entries.map(({ entry }) => entry).slice(0, 3);
    const named = { registration: await envelopeDigest(registration), path: "prepare", attempt: 1 };
    const mine = (await genuine()).original.registration;
    return reusing(
      { original: named, statement: await envelopeDigest(statement) },
      { original, entries: (entries) => [...theirs, ...entries.filter((each) => !isOfPrepare(each, mine))] },
    );
  }
  const isOfPrepare = (entry: LogEntry, registration: Digest) =>
    "path" in entry &&
    entry.path === "prepare" &&
    "registration" in entry &&
    entry.registration === registration;

  it("of an original of another source, or of other words about its grant", async () => {
    const first = item();
    const { original } = await genuine();
    const remade = async (component: Digest | undefined, grant: Digest | undefined) => {
      const { transcript: before } = first.original;
      const change = component === undefined ? {} : { component };
      const attempt = await newAttempt({ kind: "challenge", expiresAt: "", ...before, ...change });
      const { transcript, signer: own } = attempt;
      const evidence = await evidenceFor(world, transcript);
      const entry = reused.log.entries
        .map((each) => each.entry)
        .find((each) => isEntry("granted", "prepare")(each));
      if (entry?.kind !== "granted") throw new Error("expected a grant");
      const { parameters, artifacts } = (await genuine()).inputs;
      const stated: TaskResultStated = {
        ...held.stated,
        grant: grant ?? entry.grant,
        evidence: await evidenceDigest(evidence),
        inputs: { parameters, artifacts },
      };
      const statement = await signTaskStatement(stated, { transcript, signer: own });
      const named = await envelopeDigest(statement);
      const hash = toHex(await transcriptHash(transcript));
      const whole = { ...first.original.evidence, quote: evidence.quote };
      return reusing(
        { statement: named },
        {
          original: { ...first.original, transcript, evidence: whole, statement },
          entries: (entries) =>
            entries.map((each): LogEntry => {
              if (!isOfPrepare(each, original.registration)) return each;
              if (each.kind === "granted") return { ...each, transcript: hash, evidence: stated.evidence };
              return each.kind === "committed" ? { ...each, statement: named } : each;
            }),
        },
      );
    };
    expect(await refusalOf(await remade(other, undefined))).toMatch(
      /^TRUST_TRANSCRIPT_MISMATCH at prepare, its original/,
    );
    expect(await refusalOf(await remade(undefined, other))).toMatch(
      /^TRUST_COMMIT_GRANT at prepare, its original/,
    );
  });
});
