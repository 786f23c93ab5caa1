/**
 * The protocol against an adversary who owns the network and the schedule: he starts any enclave with anything he likes,
 * keeps, drops, repeats, reorders and forges every message, moves the clock, and restarts the broker.
 *
 * What must hold is said by a model of the test's pipeline that is written here by hand and shares no code with what it judges.
 */
import { canonicalJson, type Digest, isSealflowError, toHex } from "@sealflow/core";
import { type Envelope, identityFromPrivateKey, signerFromSeed } from "@sealflow/seal";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { decodeBundle, type RunBundle } from "../src/bundle/format.js";
import {
  type Broker,
  type Challenge,
  type Evidence,
  type GrantContent,
  openGrant,
  signRegistration,
  startBroker,
  type TaskCommit,
  type TaskFailure,
  type Transcript,
  verifyBundle,
} from "../src/index.js";
import {
  type Attempt,
  anchorsOf,
  componentDigest,
  createWorld,
  evidenceFor,
  failureOf,
  keys,
  nameOf,
  newAttempt,
  newRegistration,
  pipeline,
  random,
  registerRun,
  resultOf,
  runToEnd,
  type World,
} from "./world.js";

const slow = process.env.SEALFLOW_SLOW !== undefined;
const maximumAttempts = 4;

const settings = { numRuns: slow ? 300 : 8 };
const steps = slow ? 120 : 60;

/** Every path that a message may name: those of the pipeline, and some that it does not have. */
const paths = [
  "prepare",
  "condition-1/report",
  "for-loop-1[0]/train",
  "for-loop-1[1]/train",
  "evaluate",
  "for-loop-1[2]/train",
  "for-loop-1/train",
  "condition-2/report",
] as const;

/** The pipeline by hand: whether a task is due, given the tasks that are committed. */
function isDue(path: string, committed: ReadonlySet<string>): boolean {
  if (committed.has(path)) return false;
  if (path === "prepare") return true;
  const trains = ["for-loop-1[0]/train", "for-loop-1[1]/train"];
  if (path === "condition-1/report" || trains.includes(path)) return committed.has("prepare");
  return path === "evaluate" && trains.every((each) => committed.has(each));
}

/** What each task reads, by hand: from which tasks its artifacts come. */
const reads: Readonly<Record<string, readonly string[]>> = {
  "for-loop-1[0]/train": ["prepare"],
  "for-loop-1[1]/train": ["prepare"],
  evaluate: ["for-loop-1[0]/train", "for-loop-1[1]/train"],
};

/** An enclave that runs the measured code of a component honestly, whatever it is told. */
interface Enclave {
  readonly runId: string;
  readonly attempt: Attempt;
  readonly evidence: Evidence;
  granted?: { readonly content: GrantContent; readonly grant: Envelope; readonly evidence: Evidence };
  commit?: TaskCommit;
}

type Pick = (most: number) => number;
type Action = readonly [kind: number, a: number, b: number, c: number];

class Play {
  broker: Broker;
  readonly world: World;
  readonly runs: readonly { readonly runId: string; readonly registration: string }[];
  readonly enclaves: Enclave[] = [];
  readonly challenges: Challenge[] = [];
  readonly grants: Envelope[] = [];
  readonly commits: TaskCommit[] = [];
  readonly failures: TaskFailure[] = [];
  /** What the model knows: committed statements by run and path, and grants that were given. */
  readonly committed = new Map<string, Map<string, string>>();
  readonly outputs = new Map<string, Set<string>>();
  readonly granted = new Map<string, number>();
  readonly failed = new Map<string, number>();
  /** Nonces that the broker gave, with what for and when. */
  readonly issued = new Map<string, string>();
  readonly issuedAt = new Map<string, number>();
  grantsGiven = 0;

  constructor(world: World, runs: Play["runs"]) {
    this.world = world;
    this.broker = world.broker;
    this.runs = runs;
    for (const { runId } of runs) this.committed.set(runId, new Map());
  }

  async act([kind, a, b, c]: Action): Promise<void> {
    const pick =
      (seed: number): Pick =>
      (most) =>
        most === 0 ? 0 : seed % most;
    const [first, second, third] = [pick(a), pick(b), pick(c)];
    const actions = [
      () => this.honestStep(first, second),
      () => this.honestStep(first, second),
      () => this.startEnclave(first, second),
      () => this.race(first, second),
      () => this.delay(first, second),
      () => this.startMisled(first, second, third),
      () => this.ask(first),
      () => this.ask(first),
      () => this.askForged(first, second, third),
      () => this.swapGrants(first, second),
      () => this.sendCommit(first),
      () => this.sendForgedCommit(first, second, third),
      () => this.sendFailure(first),
      () => this.sendForgedFailure(first, second),
      () => this.moveClock(first),
      () => this.restart(),
    ];
    await (actions[kind % actions.length] ?? actions[0])?.();
  }

  runOf(pick: Pick) {
    const run = this.runs[pick(this.runs.length)];
    if (run === undefined) throw new Error("expected runs");
    return run;
  }

  /** An enclave of some component, given a genuine challenge for some path. */
  async startEnclave(first: Pick, second: Pick): Promise<void> {
    const { runId } = this.runOf(first);
    const path = paths[second(paths.length)] ?? "prepare";
    const challenge = await refusedOr(this.broker.challenge({ runId, path }));
    if (challenge === undefined) {
      const ended = this.committed.get(runId)?.has(path) === true;
      expect(ended).toBe(false);
      return;
    }
    if (challenge.kind === "committed") {
      expect(challenge.statement).toBe(this.committed.get(runId)?.get(path));
      return;
    }
    this.noteChallenge(runId, challenge);
    await this.enclave(runId, challenge);
  }

  /** A genuine challenge for a task that is due now. */
  async freshChallenge(
    first: Pick,
    second: Pick,
  ): Promise<{ runId: string; challenge: Challenge } | undefined> {
    const { runId } = this.runOf(first);
    const { tasks } = await this.broker.status(runId);
    const due = tasks.filter(({ state }) => state === "due" || state === "granted");
    const task = due[second(due.length)];
    if (task === undefined) return undefined;
    const challenge = await refusedOr(this.broker.challenge({ runId, path: task.path }));
    if (challenge?.kind !== "challenge") return undefined;
    this.noteChallenge(runId, challenge);
    return { runId, challenge };
  }

  noteChallenge(runId: string, challenge: Challenge): void {
    this.expectDue(runId, challenge.path);
    this.challenges.push(challenge);
    this.issued.set(challenge.nonce, `${runId} ${challenge.path} ${challenge.attempt}`);
    this.issuedAt.set(challenge.nonce, this.world.clock.time);
  }

  /** An enclave that is told one lie beside a genuine challenge, and asks at once. */
  async startMisled(first: Pick, second: Pick, third: Pick): Promise<void> {
    const fresh = await this.freshChallenge(first, second);
    if (fresh === undefined) return;
    const { runId, challenge } = fresh;
    const other = this.challenges[second(this.challenges.length)] ?? challenge;
    const lies: Partial<Challenge>[] = [
      { path: paths[second(paths.length)] ?? "prepare" },
      { registration: this.runs.find((run) => run.runId !== runId)?.registration ?? "" },
      { attempt: challenge.attempt + 1 },
      { nonce: other.nonce },
      { nonce: toHex(random.bytes(32)) },
      { policyEpoch: challenge.policyEpoch - 1 },
      { policy: `sha256:${"ab".repeat(32)}` },
      { brokerKey: toHex(keys.mallory.publicKey) },
      { domain: "elsewhere" },
    ];
    await this.request(await this.enclave(runId, { ...challenge, ...lies[third(lies.length)] }));
  }

  /** Evidence that is kept back until its nonce has expired. */
  async delay(first: Pick, second: Pick): Promise<void> {
    const fresh = await this.freshChallenge(first, second);
    if (fresh === undefined) return;
    const enclave = await this.enclave(fresh.runId, fresh.challenge);
    this.world.clock.time += 10 * 60_000;
    await this.request(enclave);
    expect(enclave.granted).toBeUndefined();
  }

  /** The honest code of the path's component: it states its own component and no other. */
  async enclave(runId: string, challenge: Challenge): Promise<Enclave> {
    const component = componentDigest(nameOf(challenge.path)) as Digest;
    const attempt = await newAttempt(challenge, { component });
    const evidence = await evidenceFor(this.world, attempt.transcript);
    const enclave = { runId, attempt, evidence };
    this.enclaves.push(enclave);
    return enclave;
  }

  async ask(first: Pick): Promise<void> {
    const enclave = this.enclaves[first(this.enclaves.length)];
    if (enclave !== undefined) await this.request(enclave);
  }

  async request(enclave: Enclave): Promise<void> {
    const { runId, attempt, evidence } = enclave;
    const { transcript } = attempt;
    const answer = await refusedOr(this.broker.request({ runId, transcript, evidence }));
    if (answer === undefined) return;
    if (answer.kind === "committed") {
      expect(answer.statement).toBe(this.committed.get(runId)?.get(transcript.path));
      return;
    }
    this.noteGrant(runId, transcript, answer.grant);
    if (enclave.granted !== undefined) return;
    const { identity } = attempt;
    const content = await refusedOr(
      openGrant(answer.grant, { transcript, identity, at: this.world.clock.time }),
    );
    if (content === undefined) return;
    this.expectOwnInputs(runId, transcript.path, content);
    enclave.granted = { content, grant: answer.grant, evidence };
    const { stated: _, plain: __, ...commit } = await resultOf(attempt, enclave.granted);
    enclave.commit = commit;
    this.commits.push(commit);
    this.failures.push(await failureOf({ kind: "granted", attempt, ...enclave.granted }));
  }

  /** Requests that no honest enclave sends, each with all but one thing right. */
  async askForged(first: Pick, second: Pick, third: Pick): Promise<void> {
    const fresh = await this.freshChallenge(first, second);
    if (fresh === undefined) return;
    const { runId, challenge } = fresh;
    const { attempt, evidence } = await this.enclave(runId, challenge);
    const own = await identityFromPrivateKey(random.bytes(32));
    const sealingKey = toHex(own.recipient);
    const stolen: Transcript = { ...attempt.transcript, sealingKey };
    const name = nameOf(challenge.path) === "train" ? "report" : "train";
    const other = this.enclaves[second(this.enclaves.length)];
    const forgeries: (() => Promise<{ transcript: Transcript; evidence: Evidence }>)[] = [
      // The adversary's key with an honest enclave's evidence.
      async () => ({ transcript: stolen, evidence }),
      // The adversary's key and code, measured as what it is.
      async () => ({
        transcript: stolen,
        evidence: await evidenceFor(this.world, stolen, { name: "malware" }),
      }),
      // Another component's genuine enclave, which an adversary may have found a hole in.
      async () => ({ transcript: stolen, evidence: await evidenceFor(this.world, stolen, { name }) }),
      // Another enclave's evidence.
      async () => ({ transcript: stolen, evidence: other?.evidence ?? evidence }),
      // A platform with a root of the adversary's own.
      async () => ({ transcript: stolen, evidence: await evidenceFor(await strangePlatform(), stolen) }),
      // Honest code that was built from another source than the policy demands.
      async () => {
        const transcript: Transcript = { ...stolen, component: `sha256:${"ab".repeat(32)}` };
        return { transcript, evidence: await evidenceFor(this.world, transcript) };
      },
    ];
    const forged = await forgeries[third(forgeries.length)]?.();
    if (forged === undefined) return;
    const answer = await refusedOr(this.broker.request({ runId, ...forged }));
    // What it is told of a finished task anybody is told; a grant it never gets.
    expect(answer?.kind ?? "committed", `forgery ${third(forgeries.length)}`).toBe("committed");
  }

  /** Two enclaves of one task at once, each with a genuine challenge. */
  async race(first: Pick, second: Pick): Promise<void> {
    const pair = [await this.freshChallenge(first, second), await this.freshChallenge(first, second)];
    const enclaves: Enclave[] = [];
    for (const each of pair)
      if (each !== undefined) enclaves.push(await this.enclave(each.runId, each.challenge));
    await Promise.all(enclaves.map((each) => this.request(each)));
    await Promise.all(enclaves.map(async ({ commit }) => commit && this.commit(commit)));
  }

  /** A grant that is handed to another task than it was made for. */
  async swapGrants(first: Pick, second: Pick): Promise<void> {
    const enclave = this.enclaves[first(this.enclaves.length)];
    const grant = this.grants[second(this.grants.length)];
    if (enclave === undefined || grant === undefined) return;
    const { transcript, identity } = enclave.attempt;
    const content = await refusedOr(openGrant(grant, { transcript, identity, at: this.world.clock.time }));
    if (content === undefined) return;
    expect(content.path).toBe(transcript.path);
    expect(canonicalJson(grant)).toBe(canonicalJson(enclave.granted?.grant ?? grant));
  }

  async sendCommit(first: Pick): Promise<void> {
    const commit = this.commits[first(this.commits.length)];
    if (commit !== undefined) await this.commit(commit);
  }

  async commit(commit: TaskCommit): Promise<void> {
    const { runId, path } = commit;
    const before = this.committed.get(runId)?.get(path);
    const answer = await refusedOr(this.broker.commit(commit));
    if (answer === undefined) {
      expect(before).toBeUndefined();
      return;
    }
    if (before !== undefined) expect(answer.statement).toBe(before);
    else {
      this.expectDue(runId, path);
      this.committed.get(runId)?.set(path, answer.statement);
      this.outputs.set(`${runId} ${path}`, new Set(Object.values(answer.outputs.artifacts).flat()));
    }
  }

  /** Commits with all but one thing right, of an attempt that could commit. */
  async sendForgedCommit(first: Pick, second: Pick, third: Pick): Promise<void> {
    const fresh = await this.freshChallenge(first, second);
    if (fresh === undefined) return;
    const enclave = await this.enclave(fresh.runId, fresh.challenge);
    await this.request(enclave);
    const { commit, granted, attempt } = enclave;
    const other = this.commits[second(this.commits.length)] ?? commit;
    if (commit === undefined || granted === undefined || other === undefined) return;
    const signer = await signerFromSeed(random.bytes(32));
    const made = async (by: Attempt): Promise<TaskCommit> => {
      const { stated: _, plain: __, ...own } = await resultOf(by, granted);
      return own;
    };
    const forgeries: (() => Promise<TaskCommit>)[] = [
      async () => ({ ...commit, path: paths[second(paths.length)] ?? "prepare" }),
      async () => ({ ...commit, attempt: commit.attempt + 1 }),
      async () => ({ ...commit, statement: other.statement }),
      async () => ({ ...commit, secrets: other.secrets }),
      // Another result of the same attempt: its secrets belong to another statement.
      async () => ({ ...commit, secrets: (await made(attempt)).secrets }),
      // The adversary's own result, signed with his own key.
      async () => made({ ...attempt, signer }),
      // A statement about a transcript of his own.
      async () => made({ ...attempt, transcript: { ...attempt.transcript, nonce: "ab".repeat(32) } }),
    ];
    const forged = await forgeries[third(forgeries.length)]?.();
    if (forged === undefined || this.commits.some((each) => canonicalJson(each) === canonicalJson(forged)))
      return;
    const before = this.committed.get(forged.runId)?.get(forged.path);
    const answer = await refusedOr(this.broker.commit(forged));
    // It changes nothing: at most it is told what was committed before.
    if (answer !== undefined) expect(answer.statement, `forgery ${third(forgeries.length)}`).toBe(before);
  }

  async sendFailure(first: Pick): Promise<void> {
    const failure = this.failures[first(this.failures.length)];
    // Failures end tasks; a few of them leave something to look at.
    if (failure === undefined || this.failed.size >= 1) return;
    const answer = await refusedOr(this.broker.fail(failure));
    if (answer?.kind !== "failed") return;
    const key = `${failure.runId} ${failure.path}`;
    this.failed.set(key, (this.failed.get(key) ?? 0) + 1);
  }

  async sendForgedFailure(first: Pick, second: Pick): Promise<void> {
    const failure = this.failures[first(this.failures.length)];
    const other = this.failures[second(this.failures.length)];
    if (failure === undefined || other === undefined || failure === other) return;
    for (const forged of [
      { ...failure, statement: other.statement },
      { ...failure, path: other.path, runId: other.runId },
    ]) {
      if (canonicalJson(forged) === canonicalJson(other) || canonicalJson(forged) === canonicalJson(failure))
        continue;
      const answer = await refusedOr(this.broker.fail(forged));
      expect(answer?.kind ?? "committed").toBe("committed");
    }
  }

  async moveClock(first: Pick): Promise<void> {
    this.world.clock.time += [1000, 60_000, 11 * 60_000, -5000][first(4)] ?? 0;
  }

  async restart(): Promise<void> {
    this.broker = await startBroker(this.world.brokerOptions);
  }

  /** What would happen without an adversary, so that runs get on. */
  async honestStep(first: Pick, second: Pick): Promise<void> {
    const fresh = await this.freshChallenge(first, second);
    if (fresh === undefined) return;
    const enclave = await this.enclave(fresh.runId, fresh.challenge);
    await this.request(enclave);
    if (enclave.commit !== undefined) await this.commit(enclave.commit);
  }

  /** No key reaches a task that is not due, nor anyone but an enclave of the right code. */
  noteGrant(runId: string, transcript: Transcript, grant: Envelope): void {
    this.expectDue(runId, transcript.path);
    const honest = this.enclaves.some(
      ({ attempt }) => attempt.transcript.sealingKey === transcript.sealingKey,
    );
    expect(honest).toBe(true);
    expect(transcript.registration).toBe(this.runs.find((run) => run.runId === runId)?.registration);
    expect(transcript).toMatchObject({
      ...{ domain: "test", brokerKey: this.world.broker.brokerKey },
      ...{ policy: this.world.policyDigest, policyEpoch: this.world.policy.epoch },
      component: componentDigest(nameOf(transcript.path)),
    });
    if (this.grants.some((each) => canonicalJson(each) === canonicalJson(grant))) return;
    this.grants.push(grant);
    this.grantsGiven++;
    expect(this.issued.get(transcript.nonce)).toBe(`${runId} ${transcript.path} ${transcript.attempt}`);
    const age = this.world.clock.time - (this.issuedAt.get(transcript.nonce) ?? Number.NEGATIVE_INFINITY);
    expect(age).toBeLessThan(10 * 60_000);
    const key = `${runId} ${transcript.path}`;
    const count = (this.granted.get(key) ?? 0) + 1;
    this.granted.set(key, count);
    expect(transcript.attempt).toBe(count);
    expect(count).toBeLessThanOrEqual(nameOf(transcript.path) === "train" ? 2 : maximumAttempts);
  }

  expectDue(runId: string, path: string): void {
    const committed = new Set(this.committed.get(runId)?.keys());
    expect(isDue(path, committed), `${path} after ${[...committed].join(", ")}`).toBe(true);
  }

  /** Exactly the artifacts that the committed producers of this run made. */
  expectOwnInputs(runId: string, path: string, content: GrantContent): void {
    const got = Object.values(content.inputs)
      .flat()
      .map(({ digest }) => digest as string);
    const wanted = (reads[path] ?? []).flatMap((producer) => [
      ...(this.outputs.get(`${runId} ${producer}`) ?? []),
    ]);
    const external = path === "prepare" ? [this.world.loans.digest as string] : [];
    expect(got).toEqual([...external, ...wanted]);
  }
}

/** A value, or undefined for a refusal. Anything but a refusal is a defect. */
async function refusedOr<Value>(work: Promise<Value>): Promise<Value | undefined> {
  try {
    return await work;
  } catch (error) {
    if (isSealflowError(error) && error.code !== "TRUST_BROKER_STOPPED") return undefined;
    throw error;
  }
}

let strange: Promise<World> | undefined;
function strangePlatform(): Promise<World> {
  strange ??= createWorld();
  return strange;
}

const action: fc.Arbitrary<Action> = fc.tuple(fc.nat(15), fc.nat(1000), fc.nat(1000), fc.nat(1000));
/** With so little memory the broker keeps no run but the one that it was asked about last. */
const memory = fc.constantFrom({ runMemoryBytes: 1 }, {});

describe("the protocol with an active adversary", () => {
  it("lets no key reach a task that is not due, and no run verify that was not the registered one", async () => {
    let grants = 0;
    let finished = 0;
    await fc.assert(
      fc.asyncProperty(
        fc.array(action, { minLength: steps, maxLength: steps }),
        memory,
        async (actions, broker) => {
          const world = await createWorld({ maximumAttempts, broker });
          const registered = [await registerRun(world), await registerRun(world)];
          const runs = registered.map(({ runId, registered: { registration } }) => ({ runId, registration }));
          const play = new Play(world, runs);
          for (const each of actions) await play.act(each);
          grants += play.grantsGiven;
          finished += await judge(play);
        },
      ),
      { ...settings, endOnFailure: true },
    );
    // The adversary must not have been so strong that nothing happened.
    expect(grants).toBeGreaterThan(settings.numRuns * 3);
    expect(finished).toBeGreaterThan(0);
  });

  it("registers nothing that a submitter of the policy has not signed for this broker", async () => {
    const world = await createWorld();
    const value = await newRegistration(world);
    const send = async (change: object, signer = keys.alice, document: unknown = pipeline) => {
      const registration = await signRegistration({ ...value, ...change }, signer);
      const openings = { [world.loans.digest]: world.loans.opening };
      return world.broker.register({
        runId: value.runId,
        registration,
        document: document as never,
        openings,
      });
    };
    const cases = [
      [{}, keys.mallory, pipeline, "SEAL_ENVELOPE_SIGNER"],
      [{ submitter: "mallory" }, keys.mallory, pipeline, "TRUST_REGISTRATION_FLOW"],
      [{ runId: "00000000-0000-8000-8000-000000000000" }, keys.alice, pipeline, "TRUST_RUN_TAKEN"],
      [
        {},
        keys.alice,
        { ...pipeline, spec: { ...pipeline.spec, sdkVersion: "another" } },
        "TRUST_REGISTRATION_SPEC",
      ],
      [{ declassify: ["prepare/rows"] }, keys.alice, pipeline, "TRUST_REGISTRATION_DECLASSIFY"],
      [{ policyEpoch: 2 }, keys.alice, pipeline, "TRUST_REGISTRATION_POLICY"],
      [{ parameters: { rounds: "many" } }, keys.alice, pipeline, "PIPELINE_PARAMETER_INVALID"],
    ] as const;
    for (const [change, signer, document, code] of cases) {
      await expect(send(change, signer, document), code).rejects.toMatchObject({ code });
    }
    await expect(send({})).resolves.toMatchObject({ runId: value.runId });
    await expect(send({ runName: "again" })).rejects.toMatchObject({ code: "TRUST_RUN_TAKEN" });
  });
});

/** Lets both runs end honestly where they still can, and judges what they left. @returns Runs that verified. */
async function judge(play: Play): Promise<number> {
  const { world, broker, runs } = play;
  const anchors = anchorsOf(world);
  const bundles: RunBundle[] = [];
  for (const { runId } of runs) {
    // An adversary may have used up every attempt: then the run stands still, and no more.
    await refusedOr(runToEnd(world, runId, { broker }));
    const { state, tasks } = await broker.status(runId);
    for (const [path, statement] of play.committed.get(runId) ?? []) {
      expect(tasks.find((task) => task.path === path)?.committed?.statement).toBe(statement);
    }
    const encoded = await broker.bundle(runId);
    const verdict = await verifyBundle(encoded, { anchors });
    if (state === "RUNNING") {
      expect(verdict.code).toBe("TRUST_BUNDLE_UNFINISHED");
      continue;
    }
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.run).toMatchObject({ runId, state });
    bundles.push(decodeBundle(encoded));
  }
  const [a, b] = bundles;
  if (a !== undefined && b !== undefined) await expectNoMixture(a, b, anchors);
  return bundles.length;
}

/** Parts of two genuine runs never make a third. */
async function expectNoMixture(
  a: RunBundle,
  b: RunBundle,
  anchors: ReturnType<typeof anchorsOf>,
): Promise<void> {
  const mixtures: unknown[] = [
    { ...a, tasks: b.tasks },
    { ...a, log: b.log },
    { ...a, registration: b.registration },
    { ...a, log: b.log, tasks: b.tasks },
    { ...a, tasks: a.tasks.map((task, i) => (i % 2 === 0 ? task : (b.tasks[i] ?? task))) },
  ];
  for (const mixture of mixtures) {
    const text = canonicalJson(mixture);
    if (text === canonicalJson(a)) continue;
    expect((await verifyBundle(new TextEncoder().encode(text), { anchors })).verdict).toBe("refused");
  }
}
