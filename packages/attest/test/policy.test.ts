import { describe, expect, it } from "vitest";
import {
  type AppraisalPolicy,
  appraise,
  checkPolicy,
  diffPolicies,
  fingerprintOf,
  openPolicy,
  parsePolicy,
  type SgxVerdict,
  signPolicy,
  type TrustRoot,
} from "../src/index.js";

const enclave = {
  mrEnclave: "aa".repeat(32),
  mrSigner: "bb".repeat(32),
  productId: 1,
  svn: 3,
  attributes: "05".padEnd(32, "0"),
  miscSelect: "00000000",
  reportData: "cc".repeat(64),
  debug: false,
};
const platform = {
  fmspc: "00606a000000",
  pceId: "0000",
  ppid: "dd".repeat(16),
  tcbDate: "2025-01-01T00:00:00Z",
  evaluationNumber: 19,
};
const accepted: SgxVerdict = {
  verdict: "accept",
  kind: "intel",
  status: "SWHardeningNeeded",
  advisories: ["INTEL-SA-00615"],
  checks: [],
  enclave,
  platform,
};
const base = {
  version: "sealflow.appraisal/v1",
  name: "loans",
  epoch: 2,
  components: { train: [{ mrenclave: "aa".repeat(32), productId: 1, minimumSvn: 3 }] },
  tcb: {
    statuses: ["UpToDate", "SWHardeningNeeded"],
    advisories: [{ id: "INTEL-SA-00615", until: "2025-12-31", reason: "mitigated in the runtime" }],
    minimumEvaluation: 17,
  },
  platforms: "any",
};
const at = Date.parse("2025-09-01T00:00:00Z");

async function judge(change: object, request: object = {}, verdict: object = {}) {
  const policy = checkPolicy({ ...base, ...change });
  const result = await appraise({ ...accepted, ...verdict }, { policy, at, ...request });
  return result.code ?? result.verdict;
}

describe("appraisal", () => {
  it("accepts what the policy names, and lists its checks", async () => {
    const result = await appraise(accepted, { policy: checkPolicy(base), at, component: "train" });
    expect(result.verdict).toBe("accept");
    expect(result.checks.map(({ code }) => code)).toEqual([
      "ATTEST_POLICY_SIMULATED",
      "ATTEST_POLICY_STATUS",
      "ATTEST_POLICY_ADVISORY",
      "ATTEST_POLICY_EVALUATION",
      "ATTEST_POLICY_PLATFORM",
      "ATTEST_POLICY_MEASUREMENT",
    ]);
  });

  it("accepts a signer with product id and minimum SVN", async () => {
    const bySigner = { mrsigner: "bb".repeat(32), productId: 1, minimumSvn: 3 };
    expect(await judge({ components: { train: [bySigner] } })).toBe("accept");
  });

  const tcb = base.tcb;
  const one = base.components.train[0];
  it.each<[string, string, object, object, object]>([
    [
      "a status that is not listed",
      "ATTEST_POLICY_STATUS",
      { tcb: { ...tcb, statuses: ["UpToDate"] } },
      {},
      {},
    ],
    ["no status listed", "ATTEST_POLICY_STATUS", { tcb: { ...tcb, statuses: [] } }, {}, {}],
    ["an advisory that is not listed", "ATTEST_POLICY_ADVISORY", { tcb: { ...tcb, advisories: [] } }, {}, {}],
    [
      "an exception that has ended",
      "ATTEST_POLICY_ADVISORY",
      {},
      { at: Date.parse("2026-01-01T00:00:00Z") },
      {},
    ],
    ["an old evaluation", "ATTEST_POLICY_EVALUATION", { tcb: { ...tcb, minimumEvaluation: 20 } }, {}, {}],
    ["another family", "ATTEST_POLICY_PLATFORM", { platforms: { fmspcs: ["00906ed50000"] } }, {}, {}],
    ["another machine", "ATTEST_POLICY_PLATFORM", { platforms: { ppids: ["ee".repeat(16)] } }, {}, {}],
    ["an empty list of platforms", "ATTEST_POLICY_PLATFORM", { platforms: {} }, {}, {}],
    ["no component", "ATTEST_POLICY_MEASUREMENT", { components: {} }, {}, {}],
    ["another component", "ATTEST_POLICY_MEASUREMENT", {}, { component: "load" }, {}],
    [
      "a component named like a property of objects",
      "ATTEST_POLICY_MEASUREMENT",
      {},
      { component: "toString" },
      {},
    ],
    [
      "another product of the same measurement",
      "ATTEST_POLICY_MEASUREMENT",
      { components: { train: [{ ...one, productId: 2 }] } },
      {},
      {},
    ],
    [
      "an SVN that is too low",
      "ATTEST_POLICY_MEASUREMENT",
      { components: { train: [{ ...one, minimumSvn: 4 }] } },
      {},
      {},
    ],
    ["other report data", "ATTEST_REPORT_DATA", {}, { reportData: new Uint8Array(64) }, {}],
    ["evidence without platform or enclave", "ATTEST_POLICY_EVALUATION", {}, {}, { platform: undefined }],
  ])("refuses %s", async (_, code, change, request, verdict) => {
    expect(await judge(change, request, verdict)).toBe(code);
  });

  it("refuses simulated evidence unless the policy names its root", async () => {
    const root: TrustRoot = { kind: "simulated", publicKeyInfo: Uint8Array.of(1, 2, 3) };
    expect(await judge({}, { root }, { kind: "simulated" })).toBe("ATTEST_POLICY_SIMULATED");
    const named = { simulatedRoots: [await fingerprintOf(root)] };
    expect(await judge(named, { root }, { kind: "simulated" })).toBe("accept");
  });

  it("leaves a refusal what it was", async () => {
    expect(await judge({}, {}, { verdict: "refuse", code: "ATTEST_QUOTE_SIGNATURE" })).toBe(
      "ATTEST_QUOTE_SIGNATURE",
    );
  });
});

describe("policies", () => {
  it("are read from YAML and JSON alike", () => {
    const json = JSON.stringify(base);
    expect(parsePolicy(json)).toEqual(checkPolicy(base));
    expect(
      parsePolicy(
        "version: sealflow.appraisal/v1\nname: p\nepoch: 1\ncomponents: {}\ntcb: {statuses: [], minimumEvaluation: 17}\nplatforms: any\n",
      ).name,
    ).toBe("p");
  });

  it.each([
    ["unknown fields", JSON.stringify({ ...base, allowDebug: true }), "ATTEST_POLICY_INVALID"],
    [
      "an accepted Revoked",
      JSON.stringify({ ...base, tcb: { ...base.tcb, statuses: ["Revoked"] } }),
      "ATTEST_POLICY_INVALID",
    ],
    [
      "a signer without product id",
      JSON.stringify({ ...base, components: { a: [{ mrsigner: "bb".repeat(32), minimumSvn: 1 }] } }),
      "ATTEST_POLICY_INVALID",
    ],
    ["missing platforms", JSON.stringify({ ...base, platforms: undefined }), "ATTEST_POLICY_INVALID"],
    ["a zero epoch", JSON.stringify({ ...base, epoch: 0 }), "ATTEST_POLICY_INVALID"],
    [
      "a day that does not exist",
      JSON.stringify({
        ...base,
        tcb: { ...base.tcb, advisories: [{ id: "X", until: "2025-02-30", reason: "r" }] },
      }),
      "ATTEST_POLICY_INVALID",
    ],
    ["double keys", "name: a\nname: b\n", "ATTEST_POLICY_SYNTAX"],
    ["aliases", "a: &x [1]\nb: *x\n", "ATTEST_POLICY_SYNTAX"],
    ["no YAML", "a: [", "ATTEST_POLICY_SYNTAX"],
    ["nothing", "", "ATTEST_POLICY_INVALID"],
  ])("with %s are refused", (_, text, code) => {
    expect(() => parsePolicy(text)).toThrow(expect.objectContaining({ code }));
  });

  it("list what changes, whatever the order of entries", () => {
    const before = checkPolicy(base);
    const after: AppraisalPolicy = {
      ...before,
      epoch: 3,
      tcb: { ...before.tcb, statuses: ["SWHardeningNeeded"] },
    };
    expect(diffPolicies(before, after)).toEqual([
      { path: "epoch", before: "2", after: "3" },
      { path: 'tcb.statuses["UpToDate"]', before: '"UpToDate"' },
    ]);
    const reordered = { ...before, tcb: { ...before.tcb, statuses: [...before.tcb.statuses].reverse() } };
    expect(diffPolicies(before, reordered)).toEqual([]);
  });
});

describe("signed policies", () => {
  async function newKey() {
    const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
    const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
    return { privateKey: pair.privateKey, publicKey };
  }

  it("open under their signer, at their epoch or below", async () => {
    const key = await newKey();
    const envelope = await signPolicy(checkPolicy(base), key);
    expect(await openPolicy(envelope, { signers: [key.publicKey], minimumEpoch: 2 })).toEqual(
      checkPolicy(base),
    );
    await expect(openPolicy(envelope, { signers: [key.publicKey], minimumEpoch: 3 })).rejects.toMatchObject({
      code: "ATTEST_POLICY_EPOCH",
    });
  });

  it("are refused under another signer, without signers, and with any change", async () => {
    const key = await newKey();
    const other = await newKey();
    const envelope = await signPolicy(checkPolicy(base), key);
    const signature = { code: "ATTEST_POLICY_SIGNATURE" };
    await expect(openPolicy(envelope, { signers: [other.publicKey] })).rejects.toMatchObject(signature);
    await expect(openPolicy(envelope, { signers: [] })).rejects.toMatchObject(signature);
    const payload = btoa(atob(envelope.payload).replace('"epoch":2', '"epoch":9'));
    await expect(openPolicy({ ...envelope, payload }, { signers: [key.publicKey] })).rejects.toMatchObject(
      signature,
    );
    await expect(
      openPolicy({ ...envelope, payloadType: "text/plain" }, { signers: [key.publicKey] }),
    ).rejects.toMatchObject({ code: "ATTEST_POLICY_ENVELOPE" });
  });
});
