import { checkPolicy } from "@sealflow/attest";
import type { Digest } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import {
  type BrokerStore,
  type Challenge,
  type Flow,
  memoryKeeper,
  memoryStore,
  openCheckpoint,
  signTrustPolicy,
  startBroker,
  type TaskResultStated,
  type TrustPolicy,
  verifyBundle,
} from "../src/index.js";
import {
  type Attempt,
  anchorsOf,
  commitOf,
  components,
  createWorld,
  digest,
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

describe("the broker", () => {
  it("takes a run from its registration to its end, in the order of the pipeline alone", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const states = async () =>
      (await world.broker.status(runId)).tasks.map(({ path, state }) => `${path} ${state}`);
    expect(await states()).toEqual(["prepare due"]);
    await expect(runTask(world, runId, "evaluate")).rejects.toMatchObject({ code: "TRUST_TASK_NOT_DUE" });
    await obtainGrant(world, runId, "prepare");
    expect(await states()).toEqual(["prepare granted"]);
    await runToEnd(world, runId);
    expect((await world.broker.status(runId)).state).toBe("SUCCEEDED");
    expect(await states()).toEqual([
      "prepare committed",
      "condition-1/report committed",
      "for-loop-1[0]/train committed",
      "for-loop-1[1]/train committed",
      "evaluate committed",
    ]);
  });

  it("shows the control plane what is declassified, and stand-ins for the rest", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const committed = await runTask(world, runId, "prepare");
    expect(committed.outputs.parameters).toMatchObject({
      rows: { value: 12, declassified: true },
      seeds: { value: [1, 2], declassified: true },
      note: { declassified: false, value: expect.stringMatching(/^sealed:sha256:/) },
    });
    const [train] = [await runTask(world, runId, "for-loop-1[0]/train")];
    expect(train?.outputs.parameters.accuracy).toMatchObject({ value: 0, declassified: false });
  });

  it("skips what a false condition rules out, and says why", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const result = {
      parameters: { rows: 3, seeds: [], note: "" },
      artifacts: { data: [{ content: "none" }] },
    };
    await runTask(world, runId, "prepare", { compute: () => result });
    const { tasks } = await world.broker.status(runId);
    expect(tasks).toContainEqual({
      ...{ path: "condition-1/report", state: "skipped", attempts: 0 },
      skip: { kind: "dependency", dependency: "condition-1", state: "SKIPPED" },
    });
    // A loop over nothing: what collects it is due at once, with empty lists.
    const granted = await obtainGrant(world, runId, "evaluate");
    expect(granted).toMatchObject({ content: { inputs: { models: [] } } });
  });

  it("bounds attempts, counts signed failures, and forgives none that was the last", async () => {
    const world = await createWorld({ maximumAttempts: 2 });
    const { runId } = await registerRun(world);
    const first = await obtainGrant(world, runId, "prepare");
    await obtainGrant(world, runId, "prepare");
    await expect(obtainGrant(world, runId, "prepare")).rejects.toMatchObject({
      code: "TRUST_ATTEMPTS_EXHAUSTED",
    });
    if (first.kind !== "granted") throw new Error("expected a grant");
    const failure = await failureOf(first);
    // The pipeline gives this task no retries.
    expect(await world.broker.fail(failure)).toMatchObject({ kind: "failed", attempt: 1, final: true });
    expect(await world.broker.status(runId)).toMatchObject({ state: "FAILED" });
    const { stated: _, plain: __, ...late } = await resultOf(first.attempt, first);
    await expect(world.broker.commit(late)).rejects.toMatchObject({ code: "TRUST_TASK_NOT_DUE" });
  });

  it("gives the same grant for the same evidence, and the first result for every later commit", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const first = await obtainGrant(world, runId, "prepare");
    const second = await obtainGrant(world, runId, "prepare");
    if (first.kind !== "granted" || second.kind !== "granted") throw new Error("expected grants");
    const { transcript } = first.attempt;
    const again = await world.broker.request({ runId, transcript, evidence: first.evidence });
    expect(again).toEqual({ kind: "granted", grant: first.grant });
    const other = { ...first.evidence, collateral: {} };
    await expect(world.broker.request({ runId, transcript, evidence: other })).rejects.toMatchObject({
      code: "TRUST_ATTEMPT_TAKEN",
    });
    const commits = await Promise.all([second, first].map(async (each) => resultOf(each.attempt, each)));
    const [winner, loser] = commits.map(({ stated: _, plain: __, ...commit }) => commit);
    if (winner === undefined || loser === undefined) throw new Error("expected commits");
    const answers = [
      await world.broker.commit(winner),
      await world.broker.commit(loser),
      await world.broker.commit(winner),
    ];
    expect(answers.map(({ attempt }) => attempt)).toEqual([2, 2, 2]);
    expect(await world.broker.challenge({ runId, path: "prepare" })).toEqual(answers[0]);
  });
});

describe("evidence that the policy does not accept", () => {
  const refused = async (
    world: World,
    change: (attempt: Attempt) => Promise<Parameters<typeof evidenceFor>[2]>,
  ) => {
    const { runId } = await registerRun(world, { expiresAt: "2026-12-31T00:00:00.000Z" });
    const challenge = await world.broker.challenge({ runId, path: "prepare" });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const attempt = await newAttempt(challenge);
    const evidence = await evidenceFor(world, attempt.transcript, await change(attempt));
    const error = await world.broker
      .request({ runId, transcript: attempt.transcript, evidence })
      .catch((e: unknown) => e);
    return error;
  };

  it("is refused with the reason: another component, a simulated enclave under a production policy, expired collateral", async () => {
    const world = await createWorld();
    expect(await refused(world, async () => ({ name: "train" }))).toMatchObject({
      ...{ code: "TRUST_EVIDENCE_REFUSED", data: { code: "ATTEST_POLICY_MEASUREMENT" } },
    });
    const production = await createWorld({
      policy: (policy) => ({
        ...policy,
        appraisal: checkPolicy({ ...policy.appraisal, simulatedRoots: [] }),
      }),
    });
    expect(await refused(production, async () => ({}))).toMatchObject({
      data: { code: "ATTEST_POLICY_SIMULATED" },
    });
    const late = await createWorld();
    late.clock.time += 40 * 86_400_000;
    expect(await refused(late, async () => ({}))).toMatchObject({
      data: { code: expect.stringMatching(/^ATTEST_/) },
    });
  });
});

describe("a request", () => {
  /** A genuine enclave of a task that is due, told one thing that is not so. */
  const told = async (
    change: (
      world: World,
      of: { readonly runId: string },
    ) => Promise<Partial<Challenge>> | Partial<Challenge>,
  ) => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const challenge = await world.broker.challenge({ runId, path: "for-loop-1[0]/train" });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const attempt = await newAttempt({ ...challenge, ...(await change(world, { runId })) });
    const evidence = await evidenceFor(world, attempt.transcript);
    return world.broker.request({ runId, transcript: attempt.transcript, evidence });
  };
  const nonceOf = async (world: World, runId: string, path: string) => {
    const challenge = await world.broker.challenge({ runId, path });
    return challenge.kind === "challenge" ? { nonce: challenge.nonce } : {};
  };

  it("for a key of small order, to which anybody could decrypt, is refused and leaves the task due", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const challenge = await world.broker.challenge({ runId, path: "prepare" });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const { transcript } = await newAttempt(challenge, { sealingKey: "00".repeat(32) });
    const evidence = await evidenceFor(world, transcript);
    await expect(world.broker.request({ runId, transcript, evidence })).rejects.toMatchObject({
      code: "SEAL_RECIPIENT_INVALID",
    });
    expect(await obtainGrant(world, runId, "prepare")).toMatchObject({
      kind: "granted",
      attempt: { transcript: { attempt: 1 } },
    });
  });

  it("is granted when nothing is wrong with it", async () => {
    expect(await told(() => ({}))).toMatchObject({ kind: "granted" });
  });

  it.each<[string, Partial<Challenge>]>([
    ["domain", { domain: "elsewhere" }],
    ["brokerKey", { brokerKey: "ab".repeat(32) }],
    ["registration", { registration: `sha256:${"ab".repeat(32)}` }],
    ["policy", { policy: `sha256:${"ab".repeat(32)}` }],
    ["policyEpoch", { policyEpoch: 2 }],
    ["component", { component: `sha256:${"ab".repeat(32)}` }],
  ])("with another %s in its transcript is refused", async (_, change) => {
    await expect(told(() => change)).rejects.toMatchObject({ code: "TRUST_TRANSCRIPT_MISMATCH" });
  });

  it("with a nonce that is made up, another task's, another run's, or expired is refused", async () => {
    const cases: readonly (readonly [string, Parameters<typeof told>[0]])[] = [
      ["TRUST_NONCE_UNKNOWN", () => ({ nonce: "ab".repeat(32) })],
      ["TRUST_NONCE_UNKNOWN", async (world, { runId }) => nonceOf(world, runId, "for-loop-1[1]/train")],
      ["TRUST_NONCE_UNKNOWN", async (world) => nonceOf(world, (await registerRun(world)).runId, "prepare")],
      [
        "TRUST_NONCE_EXPIRED",
        (world) => {
          world.clock.time += 10 * 60_000;
          return {};
        },
      ],
    ];
    for (const [code, change] of cases) await expect(told(change)).rejects.toMatchObject({ code });
  });

  it("for an attempt that has its grant, or that has failed, is refused", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const path = "for-loop-1[0]/train";
    // Two enclaves with challenges for the same attempt: the first gets it.
    const challenge = await world.broker.challenge({ runId, path });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const late = await newAttempt(challenge);
    const granted = await obtainGrant(world, runId, path);
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const evidence = await evidenceFor(world, late.transcript);
    await expect(
      world.broker.request({ runId, transcript: late.transcript, evidence }),
    ).rejects.toMatchObject({ code: "TRUST_ATTEMPT_TAKEN" });
    const again = { runId, transcript: granted.attempt.transcript, evidence: granted.evidence };
    expect(await world.broker.request(again)).toMatchObject({ grant: granted.grant });
    await world.broker.fail(await failureOf(granted));
    await expect(world.broker.request(again)).rejects.toMatchObject({ code: "TRUST_ATTEMPT_TAKEN" });
  });
});

describe("a policy that changes", () => {
  const changedTo = async (world: World, change: (policy: TrustPolicy) => TrustPolicy) =>
    world.broker.putPolicy(await signTrustPolicy({ ...change(world.policy), epoch: 4 }, keys.policy));
  const otherFlow = (change: Partial<Flow>) => (policy: TrustPolicy) => ({
    ...policy,
    flows: policy.flows.map((flow) => ({ ...flow, ...change })),
  });
  const without = (name: string) => (policy: TrustPolicy) => ({
    ...policy,
    appraisal: checkPolicy({
      ...policy.appraisal,
      components: { ...policy.appraisal.components, [name]: [{ mrenclave: "00".repeat(32) }] },
    }),
  });
  const other = `sha256:${"ab".repeat(32)}` as const;

  it("lets runs of the old one go on under it, when it authorises them too; its epoch must grow", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const granted = await obtainGrant(world, runId, "for-loop-1[0]/train");
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const same = await signTrustPolicy({ ...world.policy, maximumAttempts: 9 }, keys.policy);
    await expect(world.broker.putPolicy(same)).rejects.toMatchObject({ code: "TRUST_POLICY_EPOCH" });
    await changedTo(world, (policy) => ({ ...policy, maximumAttempts: 1 }));
    expect((await world.broker.describe()).policy.epoch).toBe(4);
    const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
    await world.broker.commit(commit);
    await runToEnd(world, runId);
    const bundle = await world.broker.bundle(runId);
    const anchors = anchorsOf(world);
    const verdict = await verifyBundle(bundle, { anchors });
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.run).toMatchObject({
      state: "SUCCEEDED",
      policy: { digest: world.policyDigest, epoch: 3 },
    });
    // An auditor who knows of the newer policy can demand it.
    expect(await verifyBundle(bundle, { anchors: { ...anchors, minimumEpoch: 4 } })).toMatchObject({
      code: "TRUST_POLICY_EPOCH",
    });
    // New runs are registered under the newer one alone.
    await expect(registerRun(world)).rejects.toMatchObject({ code: "TRUST_REGISTRATION_POLICY" });
    await expect(startBroker(world.brokerOptions)).rejects.toMatchObject({ code: "TRUST_POLICY_EPOCH" });
    const policy = (await world.broker.describe()).policy.envelope;
    const again = await startBroker({ ...world.brokerOptions, policy });
    expect((await again.status(runId)).state).toBe("SUCCEEDED");
    expect(await again.bundle(runId)).toEqual(bundle);
  });

  it.each<[string, (policy: TrustPolicy) => TrustPolicy]>([
    ["no longer has their flow", (policy) => ({ ...policy, flows: [] })],
    ["has it for another spec", otherFlow({ spec: other })],
    ["has it for other data", otherFlow({ inputs: { loans: [other] } })],
    ["lets less of them leave", otherFlow({ release: [] })],
    ["has other recipients for it", otherFlow({ recipients: ["ab".repeat(32)] })],
    [
      "wants another source of a component",
      (policy) => {
        const [flow] = policy.flows;
        const components = { ...flow?.components, "comp-train": { measuredAs: "train", digest: other } };
        return otherFlow({ components })(policy);
      },
    ],
    [
      "names another key for their submitter",
      (policy) => ({ ...policy, submitters: { alice: "ab".repeat(32) } }),
    ],
    ["names their submitter no more", (policy) => ({ ...policy, submitters: {} })],
  ])("ends the grants and commits of runs when it %s", async (_, change) => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const granted = await obtainGrant(world, runId, "prepare");
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const { stated: __, plain: ___, ...commit } = await resultOf(granted.attempt, granted);
    await changedTo(world, change);
    const { transcript } = granted.attempt;
    const failure = await failureOf(granted);
    for (const work of [
      () => world.broker.challenge({ runId, path: "prepare" }),
      () => world.broker.request({ runId, transcript, evidence: granted.evidence }),
      () => world.broker.commit(commit),
      () => world.broker.fail(failure),
    ]) {
      await expect(work()).rejects.toMatchObject({ code: "TRUST_POLICY_STALE" });
    }
  });

  it("ends what an enclave may do whose measurement it accepts no more", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const path = "for-loop-1[0]/train";
    const granted = await obtainGrant(world, runId, path);
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
    await changedTo(world, without("train"));
    const { attempt, evidence } = granted;
    for (const work of [
      () => world.broker.request({ runId, transcript: attempt.transcript, evidence }),
      () => world.broker.commit(commit),
      () => obtainGrant(world, runId, path),
    ]) {
      await expect(work()).rejects.toMatchObject({
        code: "TRUST_EVIDENCE_REFUSED",
        data: { code: "ATTEST_POLICY_MEASUREMENT" },
      });
    }
    // What it does not concern goes on.
    expect((await runTask(world, runId, "condition-1/report")).kind).toBe("committed");
  });

  const underNewer = async (world: World) => {
    const { policy } = await world.broker.describe();
    const change = { policy: policy.digest as Digest, policyEpoch: policy.epoch, reuse: true };
    return registerRun(world, change);
  };

  it("reuses results of the old one that it permits, and their bundle verifies under it alone", async () => {
    const world = await createWorld();
    const first = await registerRun(world, { reuse: true });
    // Interrupted: two tasks are done, one is on its way.
    await runTask(world, first.runId, "prepare");
    await runTask(world, first.runId, "for-loop-1[0]/train");
    await obtainGrant(world, first.runId, "for-loop-1[1]/train");
    await changedTo(world, (policy) => ({ ...policy, maximumAttempts: 2 }));
    const { runId } = await underNewer(world);
    expect(await runTask(world, runId, "prepare")).toMatchObject({ reused: true });
    expect(await runTask(world, runId, "for-loop-1[0]/train")).toMatchObject({ reused: true });
    expect(await runTask(world, runId, "for-loop-1[1]/train")).toMatchObject({ reused: false });
    await runToEnd(world, runId);
    const anchors = { ...anchorsOf(world), minimumEpoch: 4 };
    const encoded = await world.broker.bundle(runId);
    const verdict = await verifyBundle(encoded, { anchors });
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.run?.tasks.map(({ state }) => state)).toContain("reused");
  });

  it.each<[string, (policy: TrustPolicy) => TrustPolicy]>([
    ["accepts their measurement no more", without("prepare")],
    ["would not let their run leave as much", otherFlow({ release: ["evaluate/best"] })],
    [
      "wants a newer platform",
      (policy) => ({
        ...policy,
        appraisal: checkPolicy({
          ...policy.appraisal,
          tcb: { ...policy.appraisal.tcb, minimumEvaluation: 99 },
        }),
      }),
    ],
  ])("reuses nothing of the old one when it %s", async (_, change) => {
    const world = await createWorld();
    const first = await registerRun(world, { reuse: true });
    await runTask(world, first.runId, "prepare");
    await changedTo(world, change);
    const { policy } = await world.broker.describe();
    const { runId } = await registerRun(world, {
      ...{ policy: policy.digest as Digest, policyEpoch: 4, reuse: true },
      release: ["evaluate/best"],
    });
    expect(await world.broker.challenge({ runId, path: "prepare" })).toMatchObject({ kind: "challenge" });
  });

  it("does not outlive the registration either", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    world.clock.time += 86_400_000;
    await expect(world.broker.challenge({ runId, path: "prepare" })).rejects.toMatchObject({
      code: "TRUST_REGISTRATION_TIME",
    });
  });
});

describe("a commit", () => {
  type Made = Awaited<ReturnType<typeof resultOf>>;
  const cases: readonly (readonly [
    what: string,
    change: (made: Made) => { stated?: Partial<TaskResultStated>; plain?: object },
    code: string,
  ])[] = [
    ["of another grant", () => ({ stated: { grant: digest("ab") } }), "TRUST_COMMIT_GRANT"],
    ["of other evidence", () => ({ stated: { evidence: digest("ab") } }), "TRUST_COMMIT_GRANT"],
    [
      "that hides an input",
      () => ({ stated: { inputs: { parameters: {}, artifacts: {} } } }),
      "TRUST_COMMIT_INPUTS",
    ],
    [
      "with another input",
      ({ stated }) => ({ stated: { inputs: { ...stated.inputs, artifacts: { loans: [digest("ab")] } } } }),
      "TRUST_COMMIT_INPUTS",
    ],
    [
      "with another value of an input",
      ({ stated }) => ({ stated: { inputs: { ...stated.inputs, parameters: { more: digest("ab") } } } }),
      "TRUST_COMMIT_INPUTS",
    ],
    [
      "of another type",
      ({ stated }) => {
        const [data] = stated.outputs.artifacts.data ?? [];
        if (data === undefined) throw new Error("expected data");
        return {
          stated: {
            outputs: { ...stated.outputs, artifacts: { data: [{ ...data, type: "system.Model" }] } },
          },
        };
      },
      "TRUST_COMMIT_OUTPUTS",
    ],
    [
      "with an output that is not declared",
      ({ stated }) => ({
        stated: {
          outputs: {
            ...stated.outputs,
            artifacts: { ...stated.outputs.artifacts, more: stated.outputs.artifacts.data ?? [] },
          },
        },
      }),
      "TRUST_COMMIT_OUTPUTS",
    ],
    [
      "of one artifact twice",
      ({ stated }) => {
        const [data] = stated.outputs.artifacts.data ?? [];
        if (data === undefined) throw new Error("expected data");
        return { stated: { outputs: { ...stated.outputs, artifacts: { data: [data, data] } } } };
      },
      "TRUST_COMMIT_ARTIFACT",
    ],
    ["without keys", () => ({ plain: { artifacts: {} } }), "TRUST_COMMIT_COMMITMENT"],
    ["without values", () => ({ plain: { parameters: {} } }), "TRUST_COMMIT_COMMITMENT"],
    [
      "with another value than it commits to",
      ({ plain }) => ({
        plain: {
          parameters: { ...plain.parameters, rows: { value: 13, salt: plain.parameters.rows?.salt } },
        },
      }),
      "TRUST_COMMIT_COMMITMENT",
    ],
    [
      "without an output",
      ({ stated, plain }) => {
        const { note: _, ...parameters } = stated.outputs.parameters;
        const { note: __, ...values } = plain.parameters;
        return { stated: { outputs: { ...stated.outputs, parameters } }, plain: { parameters: values } };
      },
      "INTERPRETER_RESULT_UNEXPECTED",
    ],
  ];

  it.each(cases)("%s is refused, and leaves the task as it was", async (_, change, code) => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const granted = await obtainGrant(world, runId, "prepare");
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const made = await resultOf(granted.attempt, granted);
    const { stated, plain } = change(made);
    const wrong = await commitOf(
      granted.attempt,
      granted.content,
      { ...made.stated, ...stated },
      { ...made.plain, ...plain },
    );
    await expect(world.broker.commit(wrong)).rejects.toMatchObject({ code });
    const right = await commitOf(granted.attempt, granted.content, made.stated, made.plain);
    expect(await world.broker.commit(right)).toMatchObject({ kind: "committed", attempt: 1 });
  });

  it("of a value that is not of the declared type is refused before anything is recorded", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const records = world.store.records.length;
    const compute = () =>
      ({ ...components.prepare?.({} as never), parameters: { rows: "many", seeds: [1], note: "" } }) as never;
    await expect(runTask(world, runId, "prepare", { compute })).rejects.toMatchObject({
      code: "INTERPRETER_RESULT_UNEXPECTED",
    });
    // The grant alone.
    expect(world.store.records.length).toBe(records + 1);
  });
});

describe("a bundle", () => {
  it("can be made while the broker goes on with other runs", async () => {
    const world = await createWorld();
    const [first, second] = [await registerRun(world), await registerRun(world)];
    await runToEnd(world, first.runId);
    const [bundles] = await Promise.all([
      Promise.all(Array.from({ length: 5 }, () => world.broker.bundle(first.runId))),
      runToEnd(world, second.runId),
    ]);
    for (const bundle of bundles) {
      expect((await verifyBundle(bundle, { anchors: anchorsOf(world) })).verdict).toBe("trusted");
    }
  });
});

describe("reuse", () => {
  it("finishes tasks without running them when everything that matters is the same", async () => {
    const world = await createWorld();
    const first = await registerRun(world, { reuse: true });
    await runToEnd(world, first.runId);
    const second = await registerRun(world, { reuse: true });
    const answer = await world.broker.challenge({ runId: second.runId, path: "prepare" });
    expect(answer).toMatchObject({ kind: "committed", reused: true, attempt: 0 });
    // Downstream tasks get the keys of the artifacts that were made then.
    await runToEnd(world, second.runId);
    expect((await world.broker.status(second.runId)).state).toBe("SUCCEEDED");
    const restarted = await startBroker(world.brokerOptions);
    expect((await restarted.status(second.runId)).state).toBe("SUCCEEDED");
  });

  it.each([
    ["the registration does not want it", { reuse: false }],
    ["a parameter differs", { reuse: true, parameters: { rounds: 51 } }],
  ])("does not happen when %s", async (_, change) => {
    const world = await createWorld();
    const first = await registerRun(world, { reuse: true });
    await runToEnd(world, first.runId);
    const { runId } = await registerRun(world, change);
    if (change.reuse) await runTask(world, runId, "prepare");
    else expect((await runTask(world, runId, "prepare")).reused).toBe(false);
    expect((await runTask(world, runId, "for-loop-1[0]/train")).reused).toBe(false);
  });
});

describe("the broker's store", () => {
  it("that is cut, exchanged or another broker's is refused", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const { records } = world.store;
    const start = (changed: readonly Uint8Array<ArrayBuffer>[], options = {}) => {
      return startBroker({ ...world.brokerOptions, store: memoryStore([...changed]), ...options });
    };
    await expect(start(records)).resolves.toBeDefined();
    await expect(start(records.slice(0, -1))).rejects.toMatchObject({ code: "TRUST_LOG_ROLLED_BACK" });
    const [first, second, ...rest] = records;
    if (first === undefined || second === undefined) throw new Error("expected records");
    await expect(start([second, first, ...rest])).rejects.toMatchObject({ code: "TRUST_STORE_RECORD" });
    const flipped = first.slice();
    flipped[40] = (flipped[40] ?? 0) ^ 1;
    await expect(start([flipped, second, ...rest])).rejects.toMatchObject({ code: "TRUST_STORE_RECORD" });
    const stranger = await createWorld();
    await expect(start(stranger.store.records)).rejects.toMatchObject({ code: "TRUST_STORE_RECORD" });
    await expect(start(records, { keeper: stranger.keeper })).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_SIGNER",
    });
  });

  it("set back behind a checkpoint that a submitter kept is refused, even without the broker's own", async () => {
    const world = await createWorld();
    const early = [...world.store.records];
    const { registered } = await registerRun(world);
    const options = {
      ...world.brokerOptions,
      store: memoryStore(early),
      keeper: memoryKeeper(),
      checkpoints: [registered.checkpoint],
    };
    await expect(startBroker(options)).rejects.toMatchObject({ code: "TRUST_LOG_ROLLED_BACK" });
    const recovered = await startBroker({
      ...options,
      recovery: { reason: "restored from the backup of Monday" },
    });
    const { checkpoint } = await recovered.describe();
    expect(await openCheckpoint(checkpoint, world.broker.brokerKey)).toMatchObject({ size: 2 });
  });

  it("that fails stops the broker: nothing is decided that might not be remembered", async () => {
    const world = await createWorld();
    let full = false;
    const store: BrokerStore = {
      read: () => world.store.read(),
      get: (index) => world.store.get(index),
      append: async (record) => {
        if (full) throw new Error("no space left");
        await world.store.append(record);
      },
    };
    const broker = await startBroker({ ...world.brokerOptions, store });
    const { runId } = await registerRun(world, {}, broker);
    const granted = await obtainGrant(world, runId, "prepare", broker);
    if (granted.kind !== "granted") throw new Error("expected a grant");
    const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
    full = true;
    await expect(broker.commit(commit)).rejects.toThrow("no space left");
    full = false;
    await expect(broker.commit(commit)).rejects.toMatchObject({ code: "TRUST_BROKER_STOPPED" });
    const restarted = await startBroker({ ...world.brokerOptions, store });
    expect(await restarted.commit(commit)).toMatchObject({ kind: "committed", attempt: 1 });
  });

  it("holds no value, key or name in the clear", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runToEnd(world, runId);
    const text = Buffer.concat(world.store.records).toString("latin1");
    for (const secret of [
      "hidden note",
      "prepare",
      "alice",
      Buffer.from(world.loans.dataKey).toString("hex"),
    ]) {
      expect(text).not.toContain(secret);
    }
  });
});
