/** Each check of the broker by itself: one thing wrong with a message, everything else right and signed. */
import { type Digest, digestOfJson, isSealflowError, type JsonObject, toBase64 } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  type CommitSecrets,
  type Flow,
  type Registration,
  signFailureStatement,
  signTrustPolicy,
  type TaskResultStated,
  type TrustPolicy,
  verifyBundle,
} from "../src/index.js";
import {
  anchorsOf,
  commitOf,
  createWorld,
  digest,
  evidenceFor,
  failureOf,
  keys,
  newAttempt,
  newRegistration,
  obtainGrant,
  pipeline,
  registerRequest,
  registerRun,
  resultOf,
  runTask,
  runToEnd,
  sealed,
  type World,
} from "./world.js";

/** Code and words of a refusal. */
async function refusalOf(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isSealflowError(error)) return `${error.code} ${error.message}`;
    throw error;
  }
  return "nothing";
}

type Grant = Extract<Awaited<ReturnType<typeof obtainGrant>>, { kind: "granted" }>;

async function grantOf(world: World, runId: string, path: string): Promise<Grant> {
  const granted = await obtainGrant(world, runId, path);
  if (granted.kind !== "granted") throw new Error("expected a grant");
  return granted;
}

/** Another text with one hex digit turned. */
const turned = (text: string, at: number) =>
  `${text.slice(0, at)}${text[at] === "0" ? "1" : "0"}${text.slice(at + 1)}`;

describe("a registration is refused", () => {
  let world: World;
  beforeAll(async () => {
    world = await createWorld();
  });
  const send = async (
    change: Partial<Registration>,
    edit: (request: Awaited<ReturnType<typeof registerRequest>>) => object = (request) => request,
  ) => {
    const request = await registerRequest(world, await newRegistration(world, change));
    return world.broker.register(edit(request) as never);
  };

  it("when the run has another one", async () => {
    const { runId, registration, request, registered } = await registerRun(world);
    expect(await world.broker.register(request)).toMatchObject({ registration: registered.registration });
    const second = await registerRequest(world, { ...registration, runName: "again" });
    expect(await refusalOf(world.broker.register(second))).toMatch(
      `TRUST_RUN_TAKEN run ${runId}: expected its registration ${registered.registration}`,
    );
  });

  it("when it is of another run than the one that it is sent for", async () => {
    const { runId } = await world.broker.openRun();
    expect(await refusalOf(send({}, (request) => ({ ...request, runId })))).toMatch(
      `TRUST_RUN_TAKEN registration: expected run ${runId}`,
    );
  });

  it("under an id that nobody offered, or that has one digit of the offer's time, chance or MAC turned", async () => {
    const offered = await world.broker.openRun();
    for (const at of [0, 9, 35]) {
      const runId = turned(offered.runId, at);
      expect(await refusalOf(send({ runId })), `digit ${at}`).toBe(
        `TRUST_RUN_UNKNOWN run id: expected one that this broker offered, got ${runId}`,
      );
    }
    const runId = crypto.randomUUID();
    expect(await refusalOf(send({ runId }))).toMatch(/^TRUST_RUN_UNKNOWN run id/);
    expect(await send({ runId: offered.runId })).toMatchObject({ runId: offered.runId });
  });

  it("under another spelling of an offered id", async () => {
    const { runId } = await world.broker.openRun();
    const large = runId.toUpperCase();
    await expect(async () => send({ runId: large })).rejects.toMatchObject({
      code: "TRUST_DOCUMENT_MALFORMED",
    });
    expect(await refusalOf(send({ runId }, (request) => ({ ...request, runId: large })))).toMatch(
      /^TRUST_DOCUMENT_MALFORMED registration request: .* runId/,
    );
  });

  it("from the moment that the offer of its id has expired", async () => {
    const own = await createWorld();
    const [first, second] = [await own.broker.openRun(), await own.broker.openRun()];
    own.clock.time = Date.parse(first.expiresAt) - 1;
    await expect(registerRun(own, { runId: first.runId })).resolves.toBeDefined();
    own.clock.time = Date.parse(second.expiresAt);
    expect(await refusalOf(registerRun(own, { runId: second.runId }))).toBe(
      `TRUST_RUN_OFFER_EXPIRED run id: expected a registration before ${second.expiresAt}, got ${second.expiresAt}`,
    );
  });

  it("without the opening of an input, or with one that another artifact has", async () => {
    // A key that is known is not asked for again.
    const own = await createWorld();
    const other = await sealed("other loans", []);
    const named = own.loans.digest;
    for (const [openings, got] of [
      [{}, "none"],
      [{ [other.digest]: other.opening }, "none"],
      [{ [named]: other.opening }, `that of ${other.digest}`],
      [{ [named]: { ...own.loans.opening, root: other.opening.root } }, "that of sha256:"],
      [{ [named]: { ...own.loans.opening, chunks: 2 } }, "that of sha256:"],
    ] as const) {
      const request = await registerRequest(own, await newRegistration(own));
      expect(await refusalOf(own.broker.register({ ...request, openings }))).toMatch(
        `TRUST_INPUT_KEY input ${named}: expected the opening of this artifact, got ${got}`,
      );
    }
    await expect(registerRun(own)).resolves.toBeDefined();
  });

  it("without what decides its control flow declassified", async () => {
    expect(await refusalOf(send({ declassify: ["prepare/rows"] }))).toMatch(
      /^TRUST_REGISTRATION_DECLASSIFY registration: .*, got none of prepare\/seeds$/,
    );
  });

  /** A world whose flow is another one. */
  const flowing = (change: (flow: Flow) => Partial<Flow>) =>
    createWorld({
      policy: (policy) => ({
        ...policy,
        flows: policy.flows.map((flow) => ({ ...flow, ...change(flow) })),
      }),
    });

  it("with a task that the flow has no measurement for", async () => {
    const own = await flowing(({ components: { "comp-report": _, ...components } }) => ({ components }));
    expect(await refusalOf(registerRun(own))).toMatch(
      /^TRUST_REGISTRATION_COMPONENT registration, task condition-1\/report: .*comp-report.*, got none$/,
    );
  });

  it("with an input that the pipeline does not take", async () => {
    const own = await flowing(({ inputs }) => ({ inputs: { ...inputs, more: inputs.loans ?? [] } }));
    const inputs = { loans: own.loans.digest, more: own.loans.digest };
    expect(await refusalOf(registerRun(own, { inputs }))).toMatch(
      /^TRUST_REGISTRATION_INPUT registration: .*, got more$/,
    );
  });

  it.each<[string, JsonObject, RegExp]>([
    ["with a member more", { ...pipeline, more: 1 } as never, /^TRUST_REGISTRATION_SPEC .*, got spec, more$/],
    ["without a spec", { platform: {} }, /^TRUST_REGISTRATION_SPEC .*, got platform$/],
    [
      "in another spelling",
      { spec: { ...pipeline.spec, sdkVersion: undefined, sdk_version: "sealflow-test" } } as never,
      /^TRUST_REGISTRATION_SPEC .*, got another spelling of it$/,
    ],
  ])("with a document %s, though its digest is authorised", async (_, value, reason) => {
    const document = JSON.parse(JSON.stringify(value));
    const spec = await digestOfJson(document);
    const own = await flowing(() => ({ spec }));
    const request = await registerRequest(own, await newRegistration(own, { spec }));
    expect(await refusalOf(own.broker.register({ ...request, document }))).toMatch(reason);
  });
});

describe("a run without anything to do", () => {
  const rounds = {
    parameters: { rounds: { componentInputParameter: "rounds" } },
    artifacts: { loans: { componentInputArtifact: "loans" } },
  };

  it("has ended with its registration, and its bundle says so", async () => {
    // The root's own tasks wait for a condition that the parameters alone decide.
    const tasks = Object.entries(pipeline.spec.root.dag?.tasks ?? {}).map(([name, task]) => [
      name,
      name === "prepare"
        ? { ...task, inputs: rounds, triggerPolicy: { condition: "inputs.parameter_values['rounds'] > 99" } }
        : task,
    ]);
    const document = {
      spec: {
        ...pipeline.spec,
        components: {
          ...pipeline.spec.components,
          "comp-prepare": {
            ...pipeline.spec.components?.["comp-prepare"],
            inputDefinitions: {
              ...pipeline.spec.components?.["comp-prepare"]?.inputDefinitions,
              parameters: { rounds: { parameterType: "NUMBER_INTEGER" } },
            },
          },
        },
        root: { ...pipeline.spec.root, dag: { ...pipeline.spec.root.dag, tasks: Object.fromEntries(tasks) } },
      },
    } as unknown as JsonObject;
    const spec = await digestOfJson(document);
    const world = await createWorld({
      policy: (policy) => ({ ...policy, flows: policy.flows.map((flow) => ({ ...flow, spec })) }),
    });
    const value = await newRegistration(world, { spec });
    const request = { ...(await registerRequest(world, value)), document };
    await world.broker.register(request);
    const { runId } = value;
    expect((await world.broker.status(runId)).state).not.toBe("RUNNING");
    const verdict = await verifyBundle(await world.broker.bundle(runId), { anchors: anchorsOf(world) });
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict.verdict).toBe("trusted");
    expect(verdict.run?.tasks.map(({ path, state }) => `${path} ${state}`)).toEqual([
      "prepare skipped",
      "condition-1/report skipped",
      "for-loop-1/train skipped",
      "evaluate skipped",
    ]);
    // Asked again it has not ended twice.
    const records = world.store.records.length;
    await world.broker.register(request);
    expect(world.store.records.length).toBe(records);
  });
});

describe("a nonce", () => {
  /** The answer to a request for a task's next attempt with the nonce of its first challenge, changed. */
  async function asked(
    change: (nonce: string, world: World, runId: string) => Promise<string> | string,
    attempt = 1,
  ) {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const challenge = await world.broker.challenge({ runId, path: "prepare" });
    if (challenge.kind !== "challenge") throw new Error("expected a challenge");
    const nonce = await change(challenge.nonce, world, runId);
    const made = await newAttempt({ ...challenge, nonce, attempt });
    const evidence = await evidenceFor(world, made.transcript);
    return world.broker.request({ runId, transcript: made.transcript, evidence });
  }
  const unknown = (attempt: number) =>
    `TRUST_NONCE_UNKNOWN task prepare, attempt ${attempt}: expected a nonce that this broker gave for it, got another`;

  it("of one attempt is none for the next", async () => {
    const taken = async (nonce: string, world: World, runId: string) => {
      await obtainGrant(world, runId, "prepare");
      return nonce;
    };
    expect(await refusalOf(asked(taken, 2))).toBe(unknown(2));
  });

  it.each([
    ["expiry", 5],
    ["chance", 20],
    ["MAC", 63],
  ])("with one digit of its %s turned is none", async (_, at) => {
    expect(await refusalOf(asked((nonce) => turned(nonce, at)))).toBe(unknown(1));
  });

  it("is good until the moment that it says, and not from then on", async () => {
    const late = (by: number) => (nonce: string, world: World) => {
      world.clock.time += 600_000 - by;
      return nonce;
    };
    expect(await asked(late(1))).toMatchObject({ kind: "granted" });
    expect(await refusalOf(asked(late(0)))).toMatch(/^TRUST_NONCE_EXPIRED task prepare, attempt 1/);
  });
});

describe("a commit is refused", () => {
  interface Made {
    readonly stated: TaskResultStated;
    readonly plain: CommitSecrets;
  }
  const data = ({ stated }: Made) => {
    const [first] = stated.outputs.artifacts.data ?? [];
    if (first === undefined) throw new Error("expected data");
    return first;
  };
  /** The answer to the first task's commit with other words or secrets. */
  async function committed(
    change: (made: Made, world: World) => Partial<Made> | Promise<Partial<Made>>,
  ): Promise<unknown> {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const granted = await grantOf(world, runId, "prepare");
    const made = await resultOf(granted.attempt, granted);
    const { stated = made.stated, plain = made.plain } = await change(made, world);
    return world.broker.commit(await commitOf(granted.attempt, granted.content, stated, plain));
  }

  it("never when nothing is wrong with it", async () => {
    expect(await committed(() => ({}))).toMatchObject({ kind: "committed", attempt: 1 });
  });

  it("with an artifact that the run has already, keys and all", async () => {
    const work = committed((made, world) => {
      const { digest: before, ...rest } = data(made);
      const there = { ...rest, digest: world.loans.digest };
      const { [before]: opening, ...artifacts } = made.plain.artifacts;
      return {
        stated: {
          ...made.stated,
          outputs: { ...made.stated.outputs, artifacts: { data: [there] } },
        },
        plain: {
          ...made.plain,
          artifacts: { ...artifacts, ...(opening && { [there.digest]: opening }) },
        },
      };
    });
    expect(await refusalOf(work)).toBe(
      "TRUST_COMMIT_ARTIFACT commit: expected artifacts that were made for it, got one that is there already",
    );
  });

  it("with the key of an artifact that it does not state: it would count for another's", async () => {
    const work = committed(({ plain }, world) => ({
      plain: {
        ...plain,
        artifacts: {
          ...plain.artifacts,
          [world.loans.digest]: {
            key: "ab".repeat(32),
            metadata: { value: {}, salt: "ab".repeat(32) },
          },
        },
      },
    }));
    expect(await refusalOf(work)).toBe(
      "TRUST_COMMIT_COMMITMENT commit, metadata of artifacts: expected openings of the 1 in the statement, got 2",
    );
  });

  it("with the key of another artifact in place of its own", async () => {
    const work = committed((made, world) => ({
      plain: {
        ...made.plain,
        artifacts: Object.fromEntries(
          Object.values(made.plain.artifacts).map((each) => [world.loans.digest, each]),
        ),
      },
    }));
    expect(await refusalOf(work)).toMatch(
      /^TRUST_COMMIT_COMMITMENT commit, metadata of artifacts, sha256:[0-9a-f]{64}: /,
    );
  });

  it.each<[string, (opening: { value: JsonObject; salt: string }) => object]>([
    ["value", ({ salt }) => ({ value: { rows: 13 }, salt })],
    ["salt", ({ value }) => ({ value, salt: "ab".repeat(32) })],
  ])("with another %s of an artifact's metadata", async (_, change) => {
    const work = committed((made) => ({
      plain: {
        ...made.plain,
        artifacts: Object.fromEntries(
          Object.entries(made.plain.artifacts).map(([name, { key, metadata }]) => [
            name,
            { key, metadata: change(metadata) as typeof metadata },
          ]),
        ),
      },
    }));
    expect(await refusalOf(work)).toMatch(/^TRUST_COMMIT_COMMITMENT commit, metadata of artifacts, sha256:/);
  });

  it("with a value more than it states, or one under another name", async () => {
    const more = committed(({ plain }) => ({
      plain: { ...plain, parameters: { ...plain.parameters, more: { value: 1, salt: "ab".repeat(32) } } },
    }));
    expect(await refusalOf(more)).toBe(
      "TRUST_COMMIT_COMMITMENT commit, parameters: expected openings of the 3 in the statement, got 4",
    );
    const renamed = committed(({ plain: { parameters, ...plain } }) => {
      const { rows, ...rest } = parameters;
      return { plain: { ...plain, parameters: { ...rest, ...(rows && { lines: rows }) } } };
    });
    expect(await refusalOf(renamed)).toMatch(/^TRUST_COMMIT_COMMITMENT commit, parameters, lines: /);
  });

  it("with two artifacts of an output that is no list, or with none", async () => {
    const two: Parameters<typeof committed>[0] = async (made) => {
      const more = await sealed("more rows", []);
      const first = data(made);
      const opening = made.plain.artifacts[first.digest];
      return {
        stated: {
          ...made.stated,
          outputs: {
            ...made.stated.outputs,
            artifacts: { data: [first, { ...first, digest: more.digest }] },
          },
        },
        plain: {
          ...made.plain,
          artifacts: { ...made.plain.artifacts, ...(opening && { [more.digest]: opening }) },
        },
      };
    };
    const none: Parameters<typeof committed>[0] = (made) => ({
      stated: { ...made.stated, outputs: { ...made.stated.outputs, artifacts: {} } },
      plain: { ...made.plain, artifacts: {} },
    });
    for (const change of [two, none])
      expect(await refusalOf(committed(change))).toMatch(/^INTERPRETER_RESULT_UNEXPECTED /);
  });

  it("with secrets that are another attempt's, another statement's, or no ciphertext at all", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const [one, two] = [await grantOf(world, runId, "prepare"), await grantOf(world, runId, "prepare")];
    const [first, second, again] = [
      await resultOf(one.attempt, one),
      await resultOf(two.attempt, two),
      await resultOf(one.attempt, one),
    ];
    const { stated: _, plain: __, ...commit } = first;
    // A point of small order, which an implementation must not share a secret with.
    const enc = toBase64(new Uint8Array(32));
    for (const secrets of [second.secrets, again.secrets, { ...first.secrets, enc }, { enc, ciphertext: "" }])
      expect(await refusalOf(world.broker.commit({ ...commit, secrets }))).toMatch(
        /^TRUST_COMMIT_SECRETS commit: /,
      );
    expect(await world.broker.commit(commit)).toMatchObject({ kind: "committed", attempt: 1 });
  });

  it("of an attempt that has no grant, or that has failed", async () => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    await runTask(world, runId, "prepare");
    const path = "for-loop-1[0]/train";
    const granted = await grantOf(world, runId, path);
    const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted);
    const failed = await failureOf(granted);
    const at = (attempt: number, got: string) =>
      `TRUST_COMMIT_ATTEMPT task ${path}, attempt ${attempt}: expected an attempt that has a grant and has not failed, got ${got}`;
    for (const work of [
      () => world.broker.commit({ ...commit, attempt: 2 }),
      () => world.broker.fail({ ...failed, attempt: 2 }),
    ])
      expect(await refusalOf(work())).toBe(at(2, "one without a grant"));
    await world.broker.fail(failed);
    const otherwise = await failureOf(granted, "TASK_EXITED");
    for (const work of [() => world.broker.commit(commit), () => world.broker.fail(otherwise)])
      expect(await refusalOf(work())).toBe(at(1, "one that has failed"));
  });
});

describe("a failure is refused", () => {
  it.each<[string, { readonly grant?: Digest; readonly evidence?: Digest }]>([
    ["grant", { grant: digest("ab") }],
    ["evidence", { evidence: digest("ab") }],
  ])("with another %s than its attempt's", async (_, change) => {
    const world = await createWorld();
    const { runId } = await registerRun(world);
    const granted = await grantOf(world, runId, "prepare");
    const { stated } = await resultOf(granted.attempt, granted);
    const { transcript, signer } = granted.attempt;
    const words = { grant: stated.grant, evidence: stated.evidence, code: "TASK_RAISED", ...change };
    const statement = await signFailureStatement(words, { transcript, signer });
    expect(await refusalOf(world.broker.fail({ runId, path: "prepare", attempt: 1, statement }))).toBe(
      "TRUST_COMMIT_GRANT failure of prepare: expected the grant and evidence of its attempt, got others",
    );
    expect(await world.broker.fail(await failureOf(granted))).toMatchObject({ kind: "failed" });
  });
});

describe("a result is not reused", () => {
  const newer = async (world: World, change: (policy: TrustPolicy) => Partial<TrustPolicy>) => {
    const policy = { ...world.policy, epoch: 4, ...change(world.policy) };
    await world.broker.putPolicy(await signTrustPolicy(policy, keys.policy));
    const { policy: now } = await world.broker.describe();
    return { policy: now.digest as Digest, policyEpoch: 4, reuse: true };
  };

  it("by a run of an earlier policy than it was made under: its bundle is judged by that one", async () => {
    const world = await createWorld();
    const early = await registerRun(world, { reuse: true });
    const under = await newer(world, () => ({ maximumAttempts: 2 }));
    const later = await registerRun(world, under);
    await runTask(world, later.runId, "prepare");
    expect(await world.broker.challenge({ runId: early.runId, path: "prepare" })).toMatchObject({
      kind: "challenge",
      policyEpoch: 3,
    });
    // The other way round it is.
    const third = await registerRun(world, under);
    expect(await runTask(world, third.runId, "prepare")).toMatchObject({ reused: true });
    await runToEnd(world, early.runId);
    const verdict = await verifyBundle(await world.broker.bundle(early.runId), {
      anchors: anchorsOf(world),
    });
    expect(verdict.verdict).toBe("trusted");
  });

  it("when the policy since names another key for the submitter who had it made", async () => {
    const world = await createWorld();
    const first = await registerRun(world, { reuse: true });
    await runTask(world, first.runId, "prepare");
    const alice = `${world.policy.submitters.mallory}`;
    const under = await newer(world, () => ({ submitters: { alice } }));
    const { runId } = await registerRun(world, under, world.broker, keys.mallory);
    expect(await world.broker.challenge({ runId, path: "prepare" })).toMatchObject({ kind: "challenge" });
  });
});
