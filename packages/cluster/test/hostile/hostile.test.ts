/**
 * A hostile control plane in the middle, end to end: pods run the pod's own program, the broker answers over TLS, and the
 * control plane starts, swaps, repeats and forges what it likes. One run is attacked all the way and ends as if nothing
 * had been; each attack says where it was caught and why.
 */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { isSealflowError, type JsonObject } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { type Signer, signerFromSeed } from "@sealflow/seal";
import { type Registration, signFailureStatement, signRegistration, verifyBundle } from "@sealflow/trust";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { ControlPlane, contentOf, forgedCopy, type PodChange, type PodEnd } from "./control-plane.js";
import { Deployment, maximumAttempts, random } from "./deployment.js";
import { type FalseBroker, mallorysTls, openFalseBroker } from "./false-broker.js";
import { openSetting, SECRET, type Setting } from "./setting.js";

let setting: Setting;
let mallory: FalseBroker;
/** The run that is attacked, and another one of the same pipeline. */
let plane: ControlPlane;
let other: ControlPlane;
beforeAll(async () => {
  setting = await openSetting();
  mallory = await openFalseBroker(setting.deployment.server.url);
  plane = await setting.begin();
  other = await setting.begin();
}, 60_000);
afterAll(async () => {
  mallory?.close();
  await setting?.close();
});

const within = "exit-handler-1";
const train = (outer: number, inner: number) => `${within}/for-loop-2[${outer}]/for-loop-4[${inner}]/train`;
const trains = [train(0, 0), train(0, 1), train(1, 0), train(1, 1)];
const rightBranch = `${within}/condition-branches-5/condition-6/describe`;
const wrongBranch = `${within}/condition-branches-5/condition-7/describe-2`;
const [prepare, flaky, publish, cleanup] = [
  `${within}/prepare`,
  `${within}/flaky`,
  `${within}/publish`,
  "cleanup",
];

/** How a pod ended, in one line: its exit code, and the code of what it said. */
function ending({ code, stderr }: PodEnd): string {
  const [, kind = "", reason = ""] = /error\[(ENCLAVE_[A-Z]+)\]: ([A-Z_]+)/.exec(stderr) ?? [];
  return [code, kind, reason].filter((each) => each !== "").join(" ");
}

const attack = async (path: string, change: PodChange = {}, by = plane) =>
  ending(await by.start(path, change).ended);
const granted = (by = plane) => setting.deployment.granted(by.options.runId);
const notDue = "4 ENCLAVE_REFUSED TRUST_TASK_NOT_DUE";

/** The code that work is refused with. */
async function refusal(work: Promise<unknown>): Promise<string> {
  try {
    await work;
  } catch (error) {
    if (isSealflowError(error)) return error.code;
    throw error;
  }
  return "nothing";
}

describe("before anything has run", () => {
  it.each([
    ["a loop's iteration", train(0, 0)],
    ["an iteration that there never will be", train(7, 0)],
    ["an iteration of the inner loop too many", train(0, 2)],
    ["one branch", rightBranch],
    ["the other branch", wrongBranch],
    ["the end", publish],
    ["the exit task, as if everything had failed", cleanup],
  ])("%s is not due: no grant", async (_, path) => {
    expect(await attack(path)).toBe(notDue);
  });

  it.each([
    [
      "an image that is measured as something else",
      { "--quotes-token": "foreign" },
      "TRUST_EVIDENCE_REFUSED",
    ],
    ["another permitted component under the task's name", { "--executor": "exec-train" }, "SEALED_COMPONENT"],
    ["a component that the image has not", { "--executor": "exec-other" }, "SEALED_COMPONENT"],
    ["another run's id that nobody has", { "--run": crypto.randomUUID() }, "TRUST_RUN_UNKNOWN"],
  ])("%s gets no grant", async (_, flags, code) => {
    expect(await attack(prepare, { flags })).toBe(`4 ENCLAVE_REFUSED ${code}`);
  });

  it("code that was changed by one line is another component, whatever it is measured as", async () => {
    expect(await attack(prepare, { image: setting.patched })).toBe("4 ENCLAVE_REFUSED SEALED_COMPONENT");
  });

  it("nothing of it has got a grant", async () => {
    expect(await granted()).toEqual({});
  });
});

describe("a false broker", () => {
  it("without the key that is pinned is not spoken to", async () => {
    setting.wire.target = mallory.port;
    expect(await attack(prepare)).toBe("4 ENCLAVE_REFUSED SEALED_BROKER_PIN");
    expect(await attack(prepare, { flags: { "--broker-pin": null } })).toBe(
      "1 ENCLAVE_FAILED SEALED_BROKER_UNREACHABLE",
    );
    setting.wire.target = Number(new URL(setting.deployment.server.url).port);
  });

  const pinned = { "--broker-pin": mallorysTls.pin };
  it.each([
    [
      "puts its own key into the challenge",
      {
        answer: (what: string, body: object) =>
          what === "challenges" ? { ...body, brokerKey: mallory.key } : body,
      },
      "TRUST_TRANSCRIPT_MISMATCH",
    ],
    [
      "and puts the genuine one back into the transcript: the evidence is bound to the other",
      {
        answer: (what: string, body: object) =>
          what === "challenges" ? { ...body, brokerKey: mallory.key } : body,
        request: (what: string, body: Record<string, unknown>) =>
          what === "requests"
            ? {
                ...body,
                transcript: {
                  ...(body.transcript as object),
                  brokerKey: setting.deployment.anchors.brokerKey,
                },
              }
            : body,
      },
      "TRUST_EVIDENCE_REFUSED",
    ],
    [
      "has the grant sealed to itself",
      {
        request: (what: string, body: Record<string, unknown>) =>
          what === "requests"
            ? { ...body, transcript: { ...(body.transcript as object), sealingKey: mallory.key } }
            : body,
      },
      "TRUST_EVIDENCE_REFUSED",
    ],
    [
      "names another component",
      {
        answer: (what: string, body: object) =>
          what === "challenges" ? { ...body, component: `sha256:${"ab".repeat(32)}` } : body,
      },
      "SEALED_COMPONENT",
    ],
    [
      "asks for another task's sake",
      { answer: (what: string, body: object) => (what === "challenges" ? { ...body, path: publish } : body) },
      "SEALED_CHALLENGE",
    ],
  ] as const)("in between that is spoken to all the same, %s", async (_, meddle, code) => {
    mallory.meddle = meddle as FalseBroker["meddle"];
    const flags = { ...pinned, "--broker": `https://127.0.0.1:${mallory.port}` };
    expect(await attack(prepare, { flags })).toBe(`4 ENCLAVE_REFUSED ${code}`);
    expect(await granted()).toEqual({});
  });

  it("that changes a grant is found out by its signature", async () => {
    mallory.meddle = {
      answer: (what, body) => {
        const grant = body.grant as { payload: string } | undefined;
        if (what !== "requests" || grant === undefined) return body;
        const text = Buffer.from(grant.payload, "base64")
          .toString()
          .replace(/"ciphertext":"./, '"ciphertext":"0');
        return { ...body, grant: { ...grant, payload: Buffer.from(text).toString("base64") } };
      },
    };
    const flags = { ...pinned, "--broker": `https://127.0.0.1:${mallory.port}` };
    expect(await attack(prepare, { flags }, other)).toMatch(/^4 ENCLAVE_REFUSED SEAL_ENVELOPE_/);
    mallory.meddle = {};
  });

  it("with a policy and data of its own runs the code on those, and nobody believes what comes of it", async () => {
    const own = join(setting.scratch, "mallory");
    mkdirSync(own);
    const false_ = await Deployment.open({ directory: own, ...setting.deploy, tls: mallorysTls });
    try {
      const runId = await false_.register({ ...plane.options.parameters, word: "mallory's data" });
      const flags = {
        ...pinned,
        ...{ "--broker": false_.server.url, "--run": runId, "--quotes": false_.quotes },
      };
      const pod = plane.start(prepare, { flags });
      expect(await pod.ended).toMatchObject({ code: 0 });
      expect(await granted()).toEqual({});
      expect(await refusal(setting.deployment.broker.bundle(runId))).toBe("TRUST_RUN_UNKNOWN");
      // Its output is offered to the genuine run below.
      offered.push(join(pod.place, "data"));
    } finally {
      await false_.close();
    }
  });
});
/** Sealed files that the control plane has from elsewhere. */
const offered: string[] = [];

describe("a run that the control plane registers", () => {
  const rewired = (): PipelineDocument => {
    const text = JSON.stringify(setting.document).replace(
      '"outputParameterKey":"Output"',
      '"outputParameterKey":"Output2"',
    );
    return parsePipelineDocument(
      JSON.stringify(JSON.parse(text).spec)
        .replaceAll("Output2", "Output")
        .replace('"name":"attacked"', '"name":"attacked-again"'),
    );
  };
  const tried: [string, () => Promise<[Partial<Registration>, Signer, PipelineDocument]>, string][] = [
    [
      "with the permitted components in a wiring of its own",
      async () => {
        const { pipelineDigest } = await import("@sealflow/trust");
        const document = rewired();
        return [
          { submitter: "mallory", spec: await pipelineDigest(document), release: [], declassify: [] },
          setting.deployment.submitters.mallory,
          document,
        ];
      },
      "TRUST_REGISTRATION_FLOW",
    ],
    [
      "with another's pipeline under its own name",
      async () => [{ submitter: "mallory" }, setting.deployment.submitters.mallory, setting.document],
      "TRUST_REGISTRATION_FLOW",
    ],
    [
      "in another's name",
      async () => [{}, setting.deployment.submitters.mallory, setting.document],
      "SEAL_ENVELOPE_SIGNER",
    ],
    [
      "by somebody whom the policy does not know",
      async () => [{ submitter: "eve" }, await signerFromSeed(random.bytes(32)), setting.document],
      "SEAL_ENVELOPE_SIGNER",
    ],
    [
      "with a document other than the signed one",
      async () => [{}, setting.deployment.submitters.alice, rewired()],
      "TRUST_REGISTRATION_SPEC",
    ],
    [
      "with more to be shown than the policy allows",
      async () => [
        { declassify: [`${within}/for-loop-2/for-loop-4/train/Output`] },
        setting.deployment.submitters.alice,
        setting.document,
      ],
      "TRUST_REGISTRATION_FLOW",
    ],
    [
      "with itself as a recipient",
      async () => [{ recipients: [mallory.key] }, setting.deployment.submitters.alice, setting.document],
      "TRUST_REGISTRATION_FLOW",
    ],
  ];
  it.each(tried)("%s is refused", async (_, make, code) => {
    const [change, signer, document] = await make();
    const registration = await setting.deployment.registration(plane.options.parameters, change);
    expect(await refusal(setting.deployment.send(registration, signer, document))).toBe(code);
  });

  it("twice, or with parameters changed in transit, is refused", async () => {
    const { deployment } = setting;
    const registration = await deployment.registration(plane.options.parameters);
    const { alice } = deployment.submitters;
    const envelope = await signRegistration(registration, alice);
    const changed = JSON.stringify({ ...registration, parameters: { ...registration.parameters, rows: 1 } });
    const message = {
      runId: registration.runId,
      registration: { ...envelope, payload: Buffer.from(changed).toString("base64") },
      document: setting.document as unknown as JsonObject,
      openings: {},
    };
    expect(await refusal(deployment.broker.register(message))).toMatch(/^SEAL_ENVELOPE_/);
    const again = { ...registration, runId: plane.options.runId };
    expect(await refusal(deployment.send(again, alice, setting.document))).toBe("TRUST_RUN_TAKEN");
  });
});

describe("the first task", () => {
  it("computes with the registered parameters, whatever the executor input says", async () => {
    const lies = (input: JsonObject) => ({
      ...input,
      inputs: { parameterValues: { rows: 99, word: "lies" }, artifacts: {} },
    });
    expect(await plane.run(prepare, { input: lies })).toMatchObject({ code: 0, stderr: "" });
    expect(plane.shown.get(prepare)?.parameters).toEqual({ rows: 3, items: [1, 2] });
    expect(await other.run(prepare)).toMatchObject({ code: 0 });
  });

  it("is due once: started again, it does not run and gives what is committed", async () => {
    expect(await attack(prepare)).toBe("0");
    expect(await granted()).toEqual({ [prepare]: 1 });
  });

  it("is answered for by its commit: a driver that lies about its outputs starts what is not due", async () => {
    const liar = new ControlPlane({ ...plane.options, store: join(setting.scratch, "liar") });
    const [data = ""] = plane.files(prepare);
    liar.take(prepare, join(data, ".."), (outputs) => ({
      ...outputs,
      parameters: { rows: 1, items: [1, 2, 3] },
    }));
    const extra = [...liar.due.keys()].filter((path) => !plane.due.has(path));
    expect(extra.sort()).toEqual([wrongBranch, train(2, 0), train(2, 1)]);
    for (const path of extra) expect(await attack(path, {}, liar)).toBe(notDue);
  });
});

describe("artifacts", () => {
  const forged: [string, string, (data: string, other: string) => readonly string[], RegExp][] = [
    ["none", train(0, 0), () => [], /SEALED_INPUT_MISSING/],
    ["the same task's of another run", train(0, 0), (_, theirs) => [theirs], /SEALED_INPUT_MISSING/],
    ["one that a false broker had made", train(0, 0), () => offered, /SEALED_INPUT_MISSING/],
    ["one with a bit flipped in its content", train(0, 1), (data) => [flipped(data, -40)], /SEAL/],
    ["one with a bit flipped in its header", train(0, 1), (data) => [flipped(data, 30)], /SEAL/],
    ["one that was cut off", train(1, 0), (data) => [cut(data)], /SEAL/],
    [
      "an empty one",
      train(1, 0),
      (data) => [forgedCopy(data, `${data}.empty`, () => Buffer.alloc(0))],
      /SEAL/,
    ],
  ];
  const flipped = (data: string, at: number) =>
    forgedCopy(data, `${data}.flipped${at}`, (bytes) => {
      const place = at < 0 ? bytes.length + at : at;
      bytes[place] = (bytes[place] ?? 0) ^ 1;
      return bytes;
    });
  const cut = (data: string) =>
    forgedCopy(data, `${data}.cut`, (bytes) => bytes.subarray(0, bytes.length - 17));
  it.each(forged)("%s in place of the granted one: the runtime refuses", async (_, path, files, reason) => {
    const [data = ""] = plane.files(prepare);
    const [theirs = ""] = other.files(prepare);
    const end = await attack(path, { files: files(data, theirs) });
    expect(end).toMatch(/^4 ENCLAVE_REFUSED /);
    expect(end).toMatch(reason);
  });

  it("a failure that nobody signed counts for nothing", async () => {
    const { broker } = setting.deployment;
    const { runId } = plane.options;
    const path = train(0, 0);
    const challenge = await broker.challenge({ runId, path });
    if (challenge.kind !== "challenge") throw new Error("already committed");
    const signer = await signerFromSeed(random.bytes(32));
    const { kind: _, ...said } = challenge;
    const transcript = { ...said, sealingKey: mallory.key, signingKey: mallory.key, attempt: 1 } as never;
    const digest = `sha256:${"ab".repeat(32)}` as const;
    const statement = await signFailureStatement(
      { code: "TASK_RAISED", grant: digest, evidence: digest },
      { transcript, signer },
    );
    expect(await refusal(broker.fail({ runId, path, attempt: 1, statement }))).toMatch(/^SEAL_ENVELOPE_/);
    expect(await refusal(broker.fail({ runId, path, attempt: 9, statement }))).toBe("TRUST_COMMIT_ATTEMPT");
  });
});

describe("branches, loops, upstream", () => {
  it("the branch not taken stays closed while the other one is open", async () => {
    expect(await attack(wrongBranch)).toBe(notDue);
    const lies = (input: JsonObject) => ({
      ...input,
      inputs: {
        parameterValues: { kind: "small" },
        artifacts: {
          data: {
            artifacts: [
              {
                name: "data",
                type: { schemaTitle: "system.Model" },
                uri: plane.files(prepare)[0] ?? "",
                metadata: { rows: 999 },
              },
            ],
          },
        },
      },
    });
    expect(await plane.run(rightBranch, { input: lies })).toMatchObject({ code: 0 });
    expect(await attack(wrongBranch)).toBe(notDue);
  });

  it("nothing goes on while an iteration is missing, or a task that is said to be skipped or failed", async () => {
    await plane.goOn((path) => path === trains[3] || path === flaky || path === publish || path === cleanup);
    expect(await attack(publish)).toBe(notDue);
    expect(await attack(cleanup)).toBe(notDue);
    expect(await plane.run(train(1, 1))).toMatchObject({ code: 0 });
    expect(await attack(publish)).toBe(notDue);
    expect(await attack(cleanup)).toBe(notDue);
  });

  it("what failed by its own word is tried again as often as the spec says", async () => {
    const first = await plane.run(flaky);
    expect(ending(first)).toBe("1 ENCLAVE_FAILED TASK_RAISED");
    expect(await attack(publish)).toBe(notDue);
    expect(await plane.run(flaky)).toMatchObject({ code: 0 });
    expect(await attack(flaky)).toBe("0");
    expect((await granted())[flaky]).toBe(2);
  });

  it("iterations that are repeated or too many change nothing", async () => {
    const before = await granted();
    for (const path of trains) expect(await attack(path)).toBe("0");
    for (const path of [train(2, 0), train(0, 2), `${within}/for-loop-2[0]/for-loop-4[00]/train`]) {
      expect(await attack(path)).toMatch(/^4 ENCLAVE_REFUSED TRUST_/);
    }
    expect(await granted()).toEqual(before);
  });

  it("another arm's artifact in place of OneOf's is refused, and the exit task does not come before the end", async () => {
    const files = plane.files().filter((file) => !plane.files(rightBranch).includes(file));
    expect(await attack(publish, { files })).toBe("4 ENCLAVE_REFUSED SEALED_INPUT_MISSING");
    expect(await attack(cleanup)).toBe(notDue);
  });
});

describe("the end", () => {
  it("is what the tasks made: the exit task is told the true status", async () => {
    expect(await plane.run(publish)).toMatchObject({ code: 0 });
    const lies = (input: JsonObject) => ({
      ...input,
      inputs: {
        parameterValues: {
          status: { state: "FAILED", pipelineTaskName: "other", error: { message: "lies" } },
        },
      },
    });
    expect(await plane.run(cleanup, { input: lies })).toMatchObject({ code: 0 });
    expect(plane.outcome).toMatchObject({ state: "SUCCEEDED" });
  });

  it("verifies: every task once, by its own word, with what the attacked ones were really given", async () => {
    const verdict = await setting.deployment.verify(plane.options.runId);
    expect(verdict.checks.filter(({ passed }) => !passed)).toEqual([]);
    expect(verdict).toMatchObject({ verdict: "trusted", run: { state: "SUCCEEDED" } });
    const tasks = new Map(verdict.run?.tasks.map((task) => [task.path, task]));
    expect([...tasks.keys()].sort()).toEqual(
      [prepare, ...trains, rightBranch, wrongBranch, flaky, publish, cleanup].sort(),
    );
    expect(tasks.get(wrongBranch)).toMatchObject({ state: "skipped", attempts: 0 });
    expect(tasks.get(cleanup)?.outputs?.parameters.Output?.value).toBe(`COMPLETE ${within}`);
    const published = JSON.parse(`${tasks.get(publish)?.outputs?.parameters.Output?.value}`);
    expect(published).toMatchObject({
      text: "large",
      note: "large: 3 of 3",
      models: ["1a", "1b", "2a", "2b"],
      seven: 7,
    });
  });

  it("shows the control plane no secret, in no file and no log", () => {
    expect(contentOf(join(setting.scratch, "store"))).not.toContain(SECRET);
    expect(contentOf(join(setting.scratch, "pods"))).not.toContain(SECRET);
  });

  it("can't be claimed for a run that goes on, nor under another's name", async () => {
    expect(await setting.deployment.verify(other.options.runId)).toMatchObject({
      verdict: "refused",
      code: "TRUST_BUNDLE_UNFINISHED",
    });
    const bundle = await setting.deployment.broker.bundle(plane.options.runId);
    const anchors = { ...setting.deployment.anchors, brokerKey: mallory.key };
    expect(await verifyBundle(bundle, { anchors })).toMatchObject({
      verdict: "refused",
      code: "TRUST_ANCHOR_BROKER",
    });
    const text = Buffer.from(bundle).toString("latin1").replace("SUCCEEDED", "FAILED");
    const forged = Uint8Array.from(Buffer.from(text, "latin1"));
    expect(await verifyBundle(forged, { anchors: setting.deployment.anchors })).toMatchObject({
      verdict: "refused",
    });
  });
});

describe("rolling again for a better model", () => {
  it("ends with the attempts that the policy allows, and shows no result to choose by", async () => {
    const path = train(1, 1);
    const ends: string[] = [];
    for (let attempt = 0; attempt <= maximumAttempts; attempt++) {
      // Challenge and grant pass, the commit does not.
      setting.wire.allow(2);
      ends.push(await attack(path, {}, other));
    }
    expect(ends.slice(0, -1)).toEqual(
      Array(maximumAttempts).fill("1 ENCLAVE_FAILED SEALED_BROKER_UNREACHABLE"),
    );
    expect(ends.at(-1)).toBe("4 ENCLAVE_REFUSED TRUST_ATTEMPTS_EXHAUSTED");
    setting.wire.allowAll();
    expect(await attack(path, {}, other)).toBe("4 ENCLAVE_REFUSED TRUST_ATTEMPTS_EXHAUSTED");
    expect((await granted(other))[path]).toBe(maximumAttempts);
  });

  it("has two pods at once and takes the first: the second one's result is the first one's", async () => {
    const path = train(0, 0);
    const pods = [other.start(path), other.start(path)];
    const ends = await Promise.all(pods.map(({ ended }) => ended));
    expect(ends.map(ending)).toContain("0");
    // The slower one gets the committed result, or is told that the place is taken.
    for (const end of ends) expect(ending(end)).toMatch(/^(0|4 ENCLAVE_REFUSED TRUST_ATTEMPT_TAKEN)$/);
    const { tasks } = await setting.deployment.broker.status(other.options.runId);
    expect(tasks.filter((task) => task.path === path && task.state === "committed")).toHaveLength(1);
  });
});

describe("a run that really fails", () => {
  it("says so to its exit task and its verifier, and lets nothing behind it run", async () => {
    const failing = await setting.begin({ rows: 1, mark: "/nowhere/mark" });
    const { due } = failing;
    await failing.goOn((path) => path === flaky);
    expect([...failing.shown.keys()]).toContain(wrongBranch);
    const ends = [
      await attack(flaky, {}, failing),
      await attack(flaky, {}, failing),
      await attack(flaky, {}, failing),
    ];
    expect(ends.slice(0, 2)).toEqual(Array(2).fill("1 ENCLAVE_FAILED TASK_RAISED"));
    expect(ends[2]).toBe(notDue);
    expect(await attack(publish, {}, failing)).toBe(notDue);
    expect([...due.keys()]).toEqual([flaky]);
    const claims = (input: JsonObject) => ({
      ...input,
      inputs: { parameterValues: { status: { state: "COMPLETE", pipelineTaskName: within } } },
    });
    expect(await attack(cleanup, { input: claims }, failing)).toBe("0");
    const verdict = await setting.deployment.verify(failing.options.runId);
    expect(verdict).toMatchObject({ verdict: "trusted", run: { state: "FAILED" } });
    const tasks = new Map(verdict.run?.tasks.map((task) => [task.path, task]));
    expect(tasks.get(flaky)).toMatchObject({ state: "failed", error: "TASK_RAISED", attempts: 2 });
    expect(tasks.get(publish)).toMatchObject({ state: "skipped", attempts: 0 });
    expect(tasks.get(cleanup)?.outputs?.parameters.Output?.value).toBe(`FAILED ${within}`);
  });
});
