/** A deployment to test with: keys, a policy, a pipeline, a simulated platform, a broker, and tasks that talk to it. */

import {
  type AppraisalPolicy,
  checkPolicy,
  createSimulatedPlatform,
  fingerprintOf,
  type SgxCollateral,
} from "@sealflow/attest";
import { type Digest, type JsonObject, type JsonValue, toBase64, toHex } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import {
  type Envelope,
  identityFromPrivateKey,
  openingOf,
  projectKeyFrom,
  type Signer,
  sealArtifact,
  signerFromSeed,
} from "@sealflow/seal";
import {
  type BrokerOptions,
  type Challenge,
  type CommitSecrets,
  type Committed,
  commitmentOf,
  type Evidence,
  envelopeDigest,
  evidenceDigest,
  type GrantContent,
  memoryKeeper,
  memoryStore,
  openGrant,
  pipelineDigest,
  type Registration,
  reportDataOf,
  sealSecrets,
  signFailureStatement,
  signRegistration,
  signTaskStatement,
  signTrustPolicy,
  startBroker,
  type TaskBroker,
  type TaskCommit,
  type TaskResultStated,
  type Transcript,
  type TrustAnchors,
  type TrustPolicy,
} from "../src/index.js";

/** A digest of one repeated byte. */
export const digest = (byte: string): Digest => `sha256:${byte.repeat(32)}`;
const seed = (byte: number) => new Uint8Array(32).fill(byte);

export const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
export const keys = {
  policy: await signerFromSeed(seed(1)),
  broker: await signerFromSeed(seed(2)),
  alice: await signerFromSeed(seed(3)),
  mallory: await signerFromSeed(seed(4)),
  task: await signerFromSeed(seed(5)),
};
export const identity = await identityFromPrivateKey(seed(6));
export const now = Date.parse("2026-01-02T03:04:05.000Z");

export const policy: TrustPolicy = {
  version: "sealflow.trust-policy/v1",
  epoch: 3,
  submitters: { alice: toHex(keys.alice.publicKey), mallory: toHex(keys.mallory.publicKey) },
  flows: [
    {
      submitter: "alice",
      spec: digest("aa"),
      inputs: { loans: [digest("bb")] },
      components: { "comp-train": { measuredAs: "train", digest: digest("cc") } },
      recipients: [toHex(identity.recipient)],
      release: ["train/accuracy"],
      declassify: ["train/rounds"],
    },
  ],
  maximumAttempts: 3,
  appraisal: checkPolicy({
    version: "sealflow.appraisal/v1",
    name: "loans",
    epoch: 3,
    components: { train: [{ mrenclave: "aa".repeat(32) }] },
    tcb: { statuses: ["UpToDate"], minimumEvaluation: 1 },
    platforms: "any",
    simulatedRoots: [],
  }),
};
export const policyEnvelope = await signTrustPolicy(policy, keys.policy);
export const policyDigest = await envelopeDigest(policyEnvelope);

export const registration: Registration = {
  version: "sealflow.registration/v1",
  runId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  runName: "loans",
  submitter: "alice",
  spec: digest("aa"),
  parameters: { seed: 7 },
  inputs: { loans: digest("bb") },
  recipients: [toHex(identity.recipient)],
  release: ["train/accuracy"],
  declassify: [],
  reuse: false,
  policy: policyDigest,
  policyEpoch: 3,
  createdAt: "2026-01-02T03:00:00.000Z",
  expiresAt: "2026-01-03T03:00:00.000Z",
};

export const transcript: Transcript = {
  domain: "test",
  brokerKey: toHex(keys.broker.publicKey),
  nonce: "01".repeat(32),
  sealingKey: toHex(identity.recipient),
  signingKey: toHex(keys.task.publicKey),
  registration: digest("dd"),
  policy: policyDigest,
  policyEpoch: 3,
  path: "for-loop-1[2]/train",
  attempt: 1,
  component: digest("cc"),
};

type Types = Readonly<Record<string, string>>;
const definitions = (parameters: Types = {}, artifacts: Readonly<Record<string, JsonObject>> = {}) => ({
  parameters: Object.fromEntries(
    Object.entries(parameters).map(([name, type]) => [name, { parameterType: type }]),
  ),
  artifacts,
});
const dataset = { artifactType: { schemaTitle: "system.Dataset", schemaVersion: "0.0.1" } };
const model = { artifactType: { schemaTitle: "system.Model", schemaVersion: "0.0.1" } };
const metrics = { artifactType: { schemaTitle: "system.Metrics", schemaVersion: "0.0.1" } };
const from = (producerTask: string, outputParameterKey: string) => ({
  taskOutputParameter: { producerTask, outputParameterKey },
});
const artifactFrom = (producerTask: string, outputArtifactKey: string) => ({
  taskOutputArtifact: { producerTask, outputArtifactKey },
});
const leaf = (name: string, inputs: JsonObject, outputs: JsonObject) => ({
  [`comp-${name}`]: { executorLabel: `exec-${name}`, inputDefinitions: inputs, outputDefinitions: outputs },
});
const cached = { cachingOptions: { enableCache: true } };

/**
 * Prepares loans, trains once per seed that the preparation gives, reports when there are enough rows, evaluates all
 * models: data that decide, a loop, what is collected, a condition, released metrics.
 */
export const pipeline: PipelineDocument = parsePipelineDocument(
  JSON.stringify({
    schemaVersion: "2.1.0",
    sdkVersion: "sealflow-test",
    pipelineInfo: { name: "loans" },
    deploymentSpec: {
      executors: Object.fromEntries(
        ["prepare", "train", "report", "evaluate"].map((name) => [
          `exec-${name}`,
          { container: { image: "measured" } },
        ]),
      ),
    },
    components: {
      ...leaf(
        "prepare",
        definitions({}, { loans: dataset }),
        definitions({ rows: "NUMBER_INTEGER", seeds: "LIST", note: "STRING" }, { data: dataset }),
      ),
      ...leaf(
        "train",
        definitions({ seed: "NUMBER_INTEGER", rounds: "NUMBER_INTEGER", note: "STRING" }, { data: dataset }),
        definitions({ accuracy: "NUMBER_DOUBLE" }, { model }),
      ),
      ...leaf("report", definitions({ rows: "NUMBER_INTEGER" }), definitions({ text: "STRING" })),
      ...leaf(
        "evaluate",
        definitions({ accuracies: "LIST" }, { models: { ...model, isArtifactList: true } }),
        definitions({ best: "NUMBER_DOUBLE" }, { metrics }),
      ),
      "comp-for-loop-1": {
        inputDefinitions: definitions(
          { seeds: "LIST", item: "NUMBER_INTEGER", rounds: "NUMBER_INTEGER", note: "STRING" },
          { data: dataset },
        ),
        outputDefinitions: definitions(
          { accuracies: "LIST" },
          { models: { ...model, isArtifactList: true } },
        ),
        dag: {
          tasks: {
            train: {
              taskInfo: { name: "train" },
              componentRef: { name: "comp-train" },
              ...cached,
              retryPolicy: { maxRetryCount: 1 },
              inputs: {
                parameters: {
                  seed: { componentInputParameter: "item" },
                  rounds: { componentInputParameter: "rounds" },
                  note: { componentInputParameter: "note" },
                },
                artifacts: { data: { componentInputArtifact: "data" } },
              },
            },
          },
          outputs: {
            parameters: {
              accuracies: {
                valueFromParameter: { producerSubtask: "train", outputParameterKey: "accuracy" },
              },
            },
            artifacts: {
              models: { artifactSelectors: [{ producerSubtask: "train", outputArtifactKey: "model" }] },
            },
          },
        },
      },
      "comp-condition-1": {
        inputDefinitions: definitions({ rows: "NUMBER_INTEGER" }),
        dag: {
          tasks: {
            report: {
              taskInfo: { name: "report" },
              componentRef: { name: "comp-report" },
              inputs: { parameters: { rows: { componentInputParameter: "rows" } } },
            },
          },
        },
      },
    },
    root: {
      inputDefinitions: {
        parameters: { rounds: { parameterType: "NUMBER_INTEGER", defaultValue: 100 } },
        artifacts: { loans: dataset },
      },
      dag: {
        tasks: {
          prepare: {
            taskInfo: { name: "prepare" },
            componentRef: { name: "comp-prepare" },
            ...cached,
            inputs: { artifacts: { loans: { componentInputArtifact: "loans" } } },
          },
          "for-loop-1": {
            taskInfo: { name: "for-loop-1" },
            componentRef: { name: "comp-for-loop-1" },
            dependentTasks: ["prepare"],
            inputs: {
              parameters: {
                seeds: from("prepare", "seeds"),
                note: from("prepare", "note"),
                rounds: { componentInputParameter: "rounds" },
              },
              artifacts: { data: artifactFrom("prepare", "data") },
            },
            parameterIterator: { items: { inputParameter: "seeds" }, itemInput: "item" },
          },
          "condition-1": {
            taskInfo: { name: "condition-1" },
            componentRef: { name: "comp-condition-1" },
            dependentTasks: ["prepare"],
            inputs: { parameters: { rows: from("prepare", "rows") } },
            triggerPolicy: { condition: "int(inputs.parameter_values['rows']) > 10" },
          },
          evaluate: {
            taskInfo: { name: "evaluate" },
            componentRef: { name: "comp-evaluate" },
            dependentTasks: ["for-loop-1"],
            inputs: {
              parameters: { accuracies: from("for-loop-1", "accuracies") },
              artifacts: { models: artifactFrom("for-loop-1", "models") },
            },
          },
        },
      },
    },
  }),
);

/** A task's result before it is sealed. */
export interface PlainResult {
  readonly parameters: Readonly<Record<string, JsonValue>>;
  /** Output to the plaintexts of its artifacts. */
  readonly artifacts: Readonly<
    Record<string, readonly { readonly content: string; readonly metadata?: JsonObject }[]>
  >;
}

/** What the components compute from their granted inputs. */
export const components: Readonly<Record<string, (grant: GrantContent) => PlainResult>> = {
  prepare: () => ({
    parameters: { rows: 12, seeds: [1, 2], note: "a hidden note" },
    artifacts: { data: [{ content: "prepared rows", metadata: { rows: 12 } }] },
  }),
  train: ({ parameters }) => ({
    parameters: { accuracy: 0.5 + Number(parameters.seed?.value) / 100 },
    artifacts: { model: [{ content: `model of seed ${parameters.seed?.value}` }] },
  }),
  report: ({ parameters }) => ({ parameters: { text: `${parameters.rows?.value} rows` }, artifacts: {} }),
  evaluate: ({ parameters }) => {
    const accuracies = parameters.accuracies?.value;
    const best = Math.max(...(Array.isArray(accuracies) ? accuracies.map(Number) : []));
    return { parameters: { best }, artifacts: { metrics: [{ content: "metrics", metadata: { best } }] } };
  },
};
const names = Object.keys(components);
const nothing = (): PlainResult => ({ parameters: {}, artifacts: {} });

/** Digest of a component: a repeated byte for each. */
export const componentDigest = (name: string): Digest => digest(`c${names.indexOf(name)}`);
/** MRENCLAVE of a component. */
export const measurement = (name: string): Uint8Array => new Uint8Array(32).fill(0xe0 + names.indexOf(name));

export interface WorldOptions {
  readonly maximumAttempts?: number;
  /** Changes the policy before it is signed. */
  readonly policy?: (policy: TrustPolicy) => TrustPolicy;
  readonly broker?: Partial<BrokerOptions>;
  /** For the simulated platform's certificates and collateral. */
  readonly period?: { readonly from: number; readonly until: number };
}

/** Everything around one broker. The clock stands where it is put. */
export async function createWorld(options: WorldOptions = {}) {
  const clock = { time: now, now: () => clock.time };
  const period = options.period ?? { from: now - 86_400_000, until: now + 30 * 86_400_000 };
  const platform = await createSimulatedPlatform({ ...period, random });
  const collateral = await platform.collateral(period);
  const store = memoryStore();
  const keeper = memoryKeeper();
  const secret = random.bytes(32);
  const brokerRecipient = (await projectKeyFrom(secret)).identity.recipient;
  const loans = await sealed("loans of the bank", [brokerRecipient]);
  const flow: TrustPolicy["flows"][number] = {
    submitter: "alice",
    spec: await pipelineDigest(pipeline),
    inputs: { loans: [loans.digest] },
    components: Object.fromEntries(
      names.map((name) => [`comp-${name}`, { measuredAs: name, digest: componentDigest(name) }]),
    ),
    recipients: [toHex(identity.recipient)],
    release: ["evaluate/best", "evaluate/metrics"],
    declassify: ["prepare/rows", "prepare/seeds"],
  };
  const appraisal: AppraisalPolicy = checkPolicy({
    version: "sealflow.appraisal/v1",
    name: "loans",
    epoch: 3,
    components: Object.fromEntries(names.map((name) => [name, [{ mrenclave: toHex(measurement(name)) }]])),
    tcb: { statuses: ["UpToDate"], minimumEvaluation: 1 },
    platforms: "any",
    simulatedRoots: [await fingerprintOf(platform.root)],
  });
  const base: TrustPolicy = {
    ...policy,
    flows: [flow],
    appraisal,
    maximumAttempts: options.maximumAttempts ?? 3,
  };
  const trusted = (options.policy ?? ((each) => each))(base);
  const envelope = await signTrustPolicy(trusted, keys.policy);
  const brokerOptions: BrokerOptions = {
    ...{ secret, domain: "test", policy: envelope, policySigner: toHex(keys.policy.publicKey) },
    ...{ roots: [platform.root], store, keeper, clock, random },
    ...options.broker,
  };
  const broker = await startBroker(brokerOptions);
  return {
    ...{
      clock,
      platform,
      collateral,
      period,
      store,
      keeper,
      secret,
      loans,
      flow,
      base,
      broker,
      brokerOptions,
    },
    policy: trusted,
    policyEnvelope: envelope,
    policyDigest: await envelopeDigest(envelope),
  };
}

export type World = Awaited<ReturnType<typeof createWorld>>;

/** A sealed artifact and what a registration needs of it. */
export async function sealed(
  content: string,
  recipients: readonly Uint8Array<ArrayBuffer>[],
  dataKey = random.bytes(32),
) {
  const pieces: Uint8Array[] = [];
  const text = new TextEncoder().encode(content);
  for await (const piece of sealArtifact([text], { recipients, random, dataKey })) pieces.push(piece);
  const { digest: named, opening, chunks, root } = await openingOf(pieces);
  const bytes = Buffer.concat(pieces);
  return {
    bytes,
    digest: named,
    dataKey,
    opening: { opening: toBase64(opening), chunks, root: toHex(root) },
  };
}

/** The registration that alice would make now. */
export async function newRegistration(
  world: World,
  change: Partial<Registration> = {},
): Promise<Registration> {
  const { runId } = await world.broker.openRun();
  return {
    version: "sealflow.registration/v1",
    ...{ runId, runName: "loans", submitter: "alice", spec: world.flow.spec, parameters: { rounds: 50 } },
    inputs: { loans: world.loans.digest },
    recipients: [...world.flow.recipients],
    release: ["evaluate/best", "evaluate/metrics"],
    declassify: ["prepare/rows", "prepare/seeds"],
    ...{ reuse: false, policy: world.policyDigest, policyEpoch: world.policy.epoch },
    createdAt: new Date(world.clock.time).toISOString(),
    expiresAt: new Date(world.clock.time + 86_400_000).toISOString(),
    ...change,
  };
}

/** What a submitter sends to register a run. */
export async function registerRequest(world: World, value: Registration, signer: Signer = keys.alice) {
  const envelope = await signRegistration(value, signer);
  return {
    ...{ runId: value.runId, registration: envelope, document: pipeline as unknown as JsonObject },
    openings: { [world.loans.digest]: world.loans.opening },
  };
}

/** Registers a run, as alice unless another one signs. */
export async function registerRun(
  world: World,
  change: Partial<Registration> = {},
  broker: TaskBroker = world.broker,
  signer: Signer = keys.alice,
) {
  const value = await newRegistration(world, change);
  const request = await registerRequest(world, value, signer);
  const registered = await broker.register(request);
  return { runId: value.runId, registration: value, request, registered };
}

/** A task's side of one attempt: its keys, made for a challenge. */
export async function newAttempt(challenge: Challenge, change: Partial<Transcript> = {}) {
  const own = await identityFromPrivateKey(random.bytes(32));
  const signer = await signerFromSeed(random.bytes(32));
  const { domain, brokerKey, nonce, policyEpoch, path, attempt } = challenge;
  const bound: Transcript = {
    ...{ domain, brokerKey, nonce, policyEpoch, path, attempt },
    sealingKey: toHex(own.recipient),
    signingKey: toHex(signer.publicKey),
    registration: challenge.registration as Digest,
    policy: challenge.policy as Digest,
    component: challenge.component as Digest,
    ...change,
  };
  return { transcript: bound, identity: own, signer };
}
export type Attempt = Awaited<ReturnType<typeof newAttempt>>;

/** Evidence of the simulated platform for a transcript. */
export async function evidenceFor(
  world: Pick<World, "platform" | "collateral">,
  bound: Transcript,
  change: { readonly name?: string; readonly collateral?: SgxCollateral } = {},
): Promise<Evidence> {
  const name = change.name ?? nameOf(bound.path);
  const quote = await world.platform.quote({
    mrEnclave: measurement(name),
    mrSigner: new Uint8Array(32),
    ...{ productId: 0, svn: 0 },
    reportData: await reportDataOf(bound),
  });
  return {
    type: "sgx-dcap",
    quote: toBase64(quote),
    collateral: { ...(change.collateral ?? world.collateral) } as unknown as JsonObject,
  };
}

/** The component of the test pipeline that a path runs. */
export function nameOf(path: string): string {
  return path.split("/").at(-1) ?? path;
}

/** Computes, seals and states a granted task's result. */
export async function resultOf(
  attempt: Attempt,
  granted: { readonly content: GrantContent; readonly grant: Envelope; readonly evidence: Evidence },
  compute: (grant: GrantContent) => PlainResult = components[nameOf(attempt.transcript.path)] ?? nothing,
): Promise<TaskCommit & { readonly stated: TaskResultStated; readonly plain: CommitSecrets }> {
  const { content } = granted;
  const result = compute(content);
  const parameters: Record<string, { value: JsonValue; salt: string }> = {};
  const commitments: Record<string, Digest> = {};
  for (const [name, value] of Object.entries(result.parameters)) {
    const salt = random.bytes(32);
    parameters[name] = { value, salt: toHex(salt) };
    commitments[name] = await commitmentOf(value, salt);
  }
  const artifacts: Record<string, CommitSecrets["artifacts"][Digest]> = {};
  const stated: Record<string, TaskResultStated["outputs"]["artifacts"][string][number][]> = {};
  for (const [name, list] of Object.entries(result.artifacts)) {
    for (const { content: text, metadata = {} } of list) {
      const made = await sealed(text, []);
      const salt = random.bytes(32);
      artifacts[made.digest] = {
        key: toHex(made.dataKey),
        metadata: { value: metadata, salt: toHex(salt) },
      };
      const type = `${content.outputs.artifacts[name]?.type.schemaTitle ?? ""}`;
      stated[name] = [
        ...(stated[name] ?? []),
        { digest: made.digest, type, metadata: await commitmentOf(metadata, salt) },
      ];
    }
  }
  const inputs: Record<string, Digest> = {};
  for (const [name, { value, salt }] of Object.entries(content.parameters)) {
    inputs[name] = await commitmentOf(value, Uint8Array.from(Buffer.from(salt, "hex")));
  }
  const whole: TaskResultStated = {
    grant: await envelopeDigest(granted.grant),
    evidence: await evidenceDigest(granted.evidence),
    inputs: {
      parameters: inputs,
      artifacts: Object.fromEntries(
        Object.entries(content.inputs).map(([name, list]) => [name, list.map((each) => each.digest)]),
      ),
    },
    outputs: { parameters: commitments, artifacts: stated },
  };
  const plain: CommitSecrets = { version: "sealflow.commit-secrets/v2", artifacts, parameters };
  return { ...(await commitOf(attempt, content, whole, plain)), stated: whole, plain };
}

/** A commit of what is stated. */
export async function commitOf(
  attempt: Attempt,
  content: Pick<GrantContent, "runId" | "broker">,
  stated: TaskResultStated,
  plain: CommitSecrets,
): Promise<TaskCommit> {
  const statement = await signTaskStatement(stated, {
    transcript: attempt.transcript,
    signer: attempt.signer,
  });
  const secrets = await sealSecrets(plain, {
    broker: content.broker,
    transcript: attempt.transcript,
    statement: await envelopeDigest(statement),
    random,
  });
  const { path, attempt: number } = attempt.transcript;
  return { runId: content.runId, path, attempt: number, statement, secrets };
}

/** Asks for a task's grant; a result where there is one already. */
export async function obtainGrant(
  world: World,
  runId: string,
  path: string,
  broker: TaskBroker = world.broker,
) {
  const challenge = await broker.challenge({ runId, path });
  if (challenge.kind === "committed") return challenge;
  const attempt = await newAttempt(challenge);
  const evidence = await evidenceFor(world, attempt.transcript);
  const answer = await broker.request({ runId, transcript: attempt.transcript, evidence });
  if (answer.kind === "committed") return answer;
  const { identity: own, transcript: bound } = attempt;
  const content = await openGrant(answer.grant, { transcript: bound, identity: own, at: world.clock.time });
  return { kind: "granted" as const, attempt, evidence, grant: answer.grant, content };
}

/** How tasks are run. */
export interface TaskOptions {
  readonly broker?: TaskBroker;
  readonly compute?: (grant: GrantContent) => PlainResult;
}

/** Runs one task to its commit. */
export async function runTask(
  world: World,
  runId: string,
  path: string,
  options: TaskOptions = {},
): Promise<Committed> {
  const broker = options.broker ?? world.broker;
  const granted = await obtainGrant(world, runId, path, broker);
  if (granted.kind === "committed") return granted;
  const { stated: _, plain: __, ...commit } = await resultOf(granted.attempt, granted, options.compute);
  return broker.commit(commit);
}

/** A signed failure of a granted attempt. */
export async function failureOf(
  granted: Extract<Awaited<ReturnType<typeof obtainGrant>>, { kind: "granted" }>,
  code = "TASK_RAISED",
) {
  const { transcript: bound, signer } = granted.attempt;
  const stated = {
    ...{ code, grant: await envelopeDigest(granted.grant), evidence: await evidenceDigest(granted.evidence) },
  };
  const statement = await signFailureStatement(stated, { transcript: bound, signer });
  return { runId: granted.content.runId, path: bound.path, attempt: bound.attempt, statement };
}

/** Runs every due task until the run has ended. */
export async function runToEnd(world: World, runId: string, options: TaskOptions = {}): Promise<void> {
  for (let step = 0; step < 100; step++) {
    const { state, tasks } = await (options.broker ?? world.broker).status(runId);
    if (state !== "RUNNING") return;
    const due = tasks.filter((task) => task.state === "due" || task.state === "granted");
    for (const { path } of due) await runTask(world, runId, path, options);
  }
  throw new Error("run: expected it to end within 100 rounds");
}

/** What an auditor of this deployment knows. */
export function anchorsOf(world: Pick<World, "broker" | "platform">): TrustAnchors {
  return {
    ...{ domain: "test", policySigner: toHex(keys.policy.publicKey) },
    ...{ brokerKey: world.broker.brokerKey, roots: [world.platform.root] },
  };
}
