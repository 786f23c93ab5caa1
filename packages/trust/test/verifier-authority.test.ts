/** Runs that a policy authorises and that can't be: the policy's signer, a submitter and the broker are of one mind, and the verifier is not. */
import { type Digest, digestOfJson, fromBase64, fromUtf8, type JsonObject } from "@sealflow/core";
import { projectKeyFrom, type Signer } from "@sealflow/seal";
import { beforeAll, describe, expect, it } from "vitest";
import { BundleChecks } from "../src/bundle/checks.js";
import { decodeBundle, encodeBundle, type RunBundle } from "../src/bundle/format.js";
import {
  envelopeDigest,
  type Flow,
  type Registration,
  signRegistration,
  signTrustPolicy,
  verifyBundle,
} from "../src/index.js";
import { relogged } from "./relogged.js";
import {
  anchorsOf,
  createWorld,
  digest,
  keys,
  pipeline,
  registerRun,
  runToEnd,
  type World,
} from "./world.js";

let world: World;
let signer: Signer;
let bundle: RunBundle;
let registration: Registration;
beforeAll(async () => {
  world = await createWorld();
  ({ signer } = await projectKeyFrom(world.secret));
  const { runId } = await registerRun(world);
  await runToEnd(world, runId);
  bundle = decodeBundle(await world.broker.bundle(runId));
  registration = JSON.parse(fromUtf8(fromBase64(bundle.registration.payload)));
});

/** The bundle under another policy and registration, which all who sign have signed. */
async function authorised(change: {
  readonly flow?: (flow: Flow) => Partial<Flow>;
  readonly registration?: Partial<Registration>;
  readonly document?: JsonObject;
}): Promise<string> {
  const { flow = () => ({}), document = bundle.document } = change;
  const flows = world.policy.flows.map((each) => ({ ...each, ...flow(each) }));
  const policy = await signTrustPolicy({ ...world.policy, flows }, keys.policy);
  const policyDigest = await envelopeDigest(policy);
  const value = { ...registration, policy: policyDigest, ...change.registration };
  const envelope = await signRegistration(value, keys.alice);
  const named = await envelopeDigest(envelope);
  const forged = await relogged({ ...bundle, policy, registration: envelope, document }, signer, (entries) =>
    entries.map((entry) => ({
      ...entry,
      ...("registration" in entry ? { registration: named } : {}),
      ...(entry.kind === "registered" ? { policy: policyDigest } : {}),
    })),
  );
  const { verdict, checks } = await verifyBundle(encodeBundle(forged), { anchors: anchorsOf(world) });
  const [check] = checks.filter(({ passed }) => !passed);
  return `${verdict}: ${check?.code} at ${check?.where}: ${check?.got}`;
}

describe("a run that is authorised is refused", () => {
  it("never for being signed and logged once more", async () => {
    expect(await authorised({})).toMatch(/^trusted: /);
  });

  it("with a task that the flow has no measurement for", async () => {
    const flow = ({ components: { "comp-report": _, ...components } }: Flow) => ({ components });
    expect(await authorised({ flow })).toMatch(
      /^refused: TRUST_REGISTRATION_COMPONENT at document: .*condition-1\/report/,
    );
  });

  it("with an input that the pipeline does not take", async () => {
    const more = digest("ab");
    const flow = ({ inputs }: Flow) => ({ inputs: { ...inputs, more: [more] } });
    const inputs = { ...registration.inputs, more };
    expect(await authorised({ flow, registration: { inputs } })).toMatch(
      /^refused: TRUST_REGISTRATION_INPUT at document: .*got more$/,
    );
  });

  it("without what decides its control flow declassified", async () => {
    expect(await authorised({ registration: { declassify: ["prepare/seeds"] } })).toMatch(
      /^refused: TRUST_REGISTRATION_DECLASSIFY at document: .*got none of prepare\/rows$/,
    );
  });

  it("with a document that has a member more, or is in another spelling", async () => {
    const documents = [
      { ...pipeline, more: 1 },
      { spec: { ...pipeline.spec, sdkVersion: undefined, sdk_version: "sealflow-test" } },
    ].map((each) => JSON.parse(JSON.stringify(each)) as JsonObject);
    for (const document of documents) {
      const spec: Digest = await digestOfJson(document);
      const flow = () => ({ spec });
      expect(await authorised({ document, flow, registration: { spec } })).toMatch(
        /^refused: TRUST_REGISTRATION_SPEC at document: /,
      );
    }
  });

  it("with parameters that the pipeline does not take, as its broker refuses them", async () => {
    for (const parameters of [{ rounds: "many" }, { more: 1 }])
      expect(await authorised({ registration: { parameters } })).toMatch(
        /^refused: PIPELINE_PARAMETER_[A-Z]+ at document: /,
      );
  });
});

describe("an error of the verifier itself", () => {
  it("is no refusal: nothing was found out", async () => {
    const anchors = {
      ...anchorsOf(world),
      get domain(): string {
        throw new TypeError("a defect");
      },
    };
    await expect(verifyBundle(encodeBundle(bundle), { anchors })).rejects.toThrow("a defect");
    const subject = { code: "TRUST_POLICY", what: "anything", where: "policy" };
    const defect = () => Promise.reject(new TypeError("a defect"));
    await expect(new BundleChecks().step(subject, defect)).rejects.toThrow("a defect");
  });
});
