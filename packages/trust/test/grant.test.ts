import { toHex } from "@sealflow/core";
import { identityFromPrivateKey } from "@sealflow/seal";
import { describe, expect, it } from "vitest";
import { DecisionLog } from "../src/broker/decision-log.js";
import {
  type Checkpoint,
  commitmentOf,
  encodeTranscript,
  type GrantContent,
  openCheckpoint,
  openGrant,
  reportDataOf,
  sealGrant,
  signCheckpoint,
  type Transcript,
  transcriptHash,
} from "../src/index.js";
import { rootOf } from "./plain-merkle.js";
import { digest, identity, keys, now, transcript } from "./world.js";

const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const content: GrantContent = {
  version: "sealflow.grant/v1",
  runId: "0190a1b2-c3d4-7e5f-8a9b-0c1d2e3f4a5b",
  path: transcript.path,
  attempt: 1,
  component: transcript.component,
  parameters: { rounds: { value: 100, salt: "78".repeat(32) } },
  inputs: {
    data: [
      {
        name: "data",
        type: { schemaTitle: "system.Dataset" },
        statement: digest("12"),
        digest: digest("34"),
        key: "56".repeat(32),
        metadata: { rows: 3 },
      },
    ],
  },
  outputs: { parameters: { accuracy: "NUMBER_DOUBLE" }, artifacts: {} },
  recipients: [toHex(identity.recipient)],
  broker: "9a".repeat(32),
  release: ["accuracy"],
  expiresAt: "2026-01-02T04:00:00.000Z",
};
const seal = (change: Partial<GrantContent> = {}, to: Transcript = transcript, signer = keys.broker) =>
  sealGrant({ ...content, ...change }, { transcript: to, signer, random });
const task = { transcript, identity, at: now };

describe("the transcript", () => {
  const changes: readonly Partial<Transcript>[] = [
    { domain: "test2" },
    { brokerKey: "02".repeat(32) },
    { nonce: "02".repeat(32) },
    { sealingKey: "02".repeat(32) },
    { signingKey: "02".repeat(32) },
    { registration: digest("02") },
    { policy: digest("02") },
    { policyEpoch: 4 },
    { path: "for-loop-1[3]/train" },
    { attempt: 2 },
    { component: digest("02") },
  ];
  it("has another hash for any change of any field", async () => {
    const all = [transcript, ...changes.map((change) => ({ ...transcript, ...change }))];
    expect(changes.length).toBe(Object.keys(transcript).length);
    const hashes = await Promise.all(all.map(async (each) => toHex(await transcriptHash(each))));
    expect(new Set(hashes).size).toBe(all.length);
  });

  it("keeps neighbouring fields apart by their lengths", () => {
    const [a, b] = [
      { ...transcript, domain: "a", path: "bc" },
      { ...transcript, domain: "ab", path: "c" },
    ];
    expect(encodeTranscript(a)).not.toEqual(encodeTranscript(b));
  });

  it("fills REPORTDATA with its hash and zeros", async () => {
    const data = await reportDataOf(transcript);
    expect(data.slice(0, 32)).toEqual(await transcriptHash(transcript));
    expect(data.slice(32)).toEqual(new Uint8Array(32));
  });
});

describe("a grant", () => {
  it("opens for the task whose transcript it answers, and shows no key outside", async () => {
    const envelope = await seal();
    expect(await openGrant(envelope, task)).toEqual(content);
    expect(atob(envelope.payload)).not.toContain("56".repeat(32));
  });

  it("by another broker is refused before it is decrypted", async () => {
    const envelope = await seal({}, transcript, keys.mallory);
    await expect(openGrant(envelope, task)).rejects.toMatchObject({ code: "SEAL_ENVELOPE_SIGNER" });
  });

  it("for another transcript of the same keys is refused", async () => {
    const envelope = await seal({}, { ...transcript, attempt: 2 });
    await expect(openGrant(envelope, task)).rejects.toMatchObject({ code: "TRUST_GRANT_TRANSCRIPT" });
  });

  it.each([
    ["another path", { path: "train" }],
    ["another attempt", { attempt: 2 }],
    ["another component", { component: digest("ab") }],
  ])("that was signed with %s inside is refused", async (_, change) => {
    await expect(openGrant(await seal(change), task)).rejects.toMatchObject({
      code: "TRUST_GRANT_TRANSCRIPT",
    });
  });

  it("to another key, or expired, is refused", async () => {
    const stranger = await identityFromPrivateKey(new Uint8Array(32).fill(9));
    await expect(openGrant(await seal(), { ...task, identity: stranger })).rejects.toMatchObject({
      code: "TRUST_GRANT_KEY",
    });
    const late = Date.parse(content.expiresAt);
    await expect(openGrant(await seal(), { ...task, at: late })).rejects.toMatchObject({
      code: "TRUST_GRANT_EXPIRED",
    });
  });
});

describe("a commitment", () => {
  it("depends on value and salt", async () => {
    const salt = (byte: number) => new Uint8Array(32).fill(byte);
    const all = [commitmentOf(1, salt(1)), commitmentOf(2, salt(1)), commitmentOf(1, salt(2))];
    expect(new Set(await Promise.all(all)).size).toBe(3);
    expect(() => commitmentOf(1, new Uint8Array(16))).toThrow(TypeError);
  });
});

describe("a checkpoint", () => {
  const leaves = [1, 2, 3].map((byte) => new Uint8Array(32).fill(byte));
  const checkpoint: Checkpoint = {
    version: "sealflow.checkpoint/v1",
    ...{ domain: "test", time: "2026-01-02T03:04:05.000Z", policyEpoch: 3 },
    ...{ size: 2, root: "" },
  };

  it("is its broker's alone", async () => {
    const signed = { ...checkpoint, root: toHex(await rootOf(leaves.slice(0, 2))) };
    const envelope = await signCheckpoint(signed, keys.broker);
    expect(await openCheckpoint(envelope, transcript.brokerKey)).toEqual(signed);
    const stranger = await signCheckpoint(signed, keys.mallory);
    await expect(openCheckpoint(stranger, transcript.brokerKey)).rejects.toMatchObject({
      code: "SEAL_ENVELOPE_SIGNER",
    });
  });

  it("holds against a log that was cut back or rewritten, or that never was so long", async () => {
    const logOf = async (part: readonly Uint8Array<ArrayBuffer>[]) => {
      const log = new DecisionLog();
      for (const leaf of part) await log.tree.append(leaf);
      return log;
    };
    const [two, three] = [await rootOf(leaves.slice(0, 2)), await rootOf(leaves)];
    const kept = { ...checkpoint, root: toHex(two) };
    await expect((await logOf(leaves)).requireContinues(kept)).resolves.toBeUndefined();
    for (const [part, of] of [
      [leaves.slice(0, 1), kept],
      [leaves.slice(1), kept],
      [leaves.toReversed(), kept],
      [leaves, { ...kept, size: 4, root: toHex(three) }],
    ] as const) {
      await expect((await logOf(part)).requireContinues(of)).rejects.toMatchObject({
        code: "TRUST_LOG_ROLLED_BACK",
      });
    }
  });
});
