import { toHex } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { openRegistration, openTrustPolicy, type Registration, signRegistration } from "../src/index.js";
import { digest, keys, now, policy, policyDigest, policyEnvelope, registration } from "./world.js";

const trust = { policy, policyDigest, at: now };
const signer = toHex(keys.policy.publicKey);

describe("a trust policy", () => {
  it("is read as it was signed", async () => {
    expect(await openTrustPolicy(policyEnvelope, { signer })).toEqual(policy);
  });

  it("by another signer, or of a lower epoch than seen, is refused", async () => {
    const other = toHex(keys.mallory.publicKey);
    await expect(openTrustPolicy(policyEnvelope, { signer: other })).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_SIGNER",
    });
    await expect(openTrustPolicy(policyEnvelope, { signer, minimumEpoch: 4 })).rejects.toMatchObject({
      code: "TRUST_POLICY_EPOCH",
    });
  });
});

describe("a registration", () => {
  it("that a flow authorises is accepted with that flow", async () => {
    const opened = await openRegistration(await signRegistration(registration, keys.alice), trust);
    expect(opened).toEqual({ registration, flow: policy.flows[0] });
  });

  it("signed by another submitter of the policy than it names is refused", async () => {
    const envelope = await signRegistration(registration, keys.mallory);
    await expect(openRegistration(envelope, trust)).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNER" });
  });

  it("signed by nobody of the policy is refused", async () => {
    const envelope = await signRegistration(registration, keys.task);
    await expect(openRegistration(envelope, trust)).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNER" });
  });

  const flow = "TRUST_REGISTRATION_FLOW";
  const cases: readonly (readonly [reason: string, change: Partial<Registration>, code: string])[] = [
    ["of a spec that no flow has", { spec: digest("ab") }, flow],
    ["with other data", { inputs: { loans: digest("bc") } }, flow],
    ["without its data", { inputs: {} }, flow],
    ["with data more", { inputs: { ...registration.inputs, more: digest("bb") } }, flow],
    ["with a recipient more", { recipients: [...registration.recipients, "ee".repeat(32)] }, flow],
    ["that declassifies more", { declassify: ["train/rows"] }, flow],
    ["that releases more", { release: ["train/accuracy", "train/rows"] }, flow],
    ["under another policy", { policy: digest("ef") }, "TRUST_REGISTRATION_POLICY"],
    ["under an older epoch", { policyEpoch: 2 }, "TRUST_REGISTRATION_POLICY"],
    ["of later", { createdAt: "2026-01-02T03:04:05.001Z" }, "TRUST_REGISTRATION_TIME"],
    ["that has expired", { expiresAt: "2026-01-02T03:04:05.000Z" }, "TRUST_REGISTRATION_TIME"],
    ["of a stranger", { submitter: "bob" }, "TRUST_REGISTRATION_SUBMITTER"],
    ["named like a built-in member", { submitter: "constructor" }, "TRUST_REGISTRATION_SUBMITTER"],
  ];
  it.each(cases)("%s is refused", async (_, change, code) => {
    const envelope = await signRegistration({ ...registration, ...change }, keys.alice);
    await expect(openRegistration(envelope, trust)).rejects.toMatchObject({ code });
  });

  it("of another submitter's flow is refused, whoever of the policy has signed it", async () => {
    const envelope = await signRegistration({ ...registration, submitter: "mallory" }, keys.mallory);
    await expect(openRegistration(envelope, trust)).rejects.toMatchObject({
      code: flow,
      message: expect.stringContaining("none for mallory"),
    });
  });

  it("with a member that it does not have is refused when signing", async () => {
    const value = { ...registration, more: 1 };
    await expect(async () => signRegistration(value, keys.alice)).rejects.toMatchObject({
      code: "TRUST_DOCUMENT_MALFORMED",
    });
  });
});
