/** Every parser of this room under genuine inputs with something done to them: refusals, never exceptions, no wrong accept. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, isSealflowError, sha256, toHex, utf8 } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  fuzz as fuzzed,
  mutatedBytes,
  mutatedDocument,
  mutatedValue,
  type Numbers,
  slow,
  spelled,
  fuzzTimeout as timeout,
} from "../../../test-support/fuzz.js";
import {
  checkPolicy,
  createSimulatedPlatform,
  type MaaEvidence,
  type MaaVerdict,
  openPolicy,
  type PolicyEnvelope,
  parseCollateral,
  parsePolicy,
  parseQuote,
  Refusal,
  signPolicy,
  verifyMaaToken,
  verifySgxQuote,
} from "../src/index.js";
import { parseClaims } from "../src/maa/token.js";
import { parseQeIdentity, parseTcbInfo } from "../src/sgx/tcb-documents.js";
import { parseCertificate } from "../src/x509/certificate.js";
import { parseRevocationList } from "../src/x509/crl.js";
import { parsePemChain } from "../src/x509/pem.js";
import { createMaaIssuer } from "./maa-issuer.js";
import { vectors } from "./vectors.js";

/** A million each in the slow suite. */
const count = slow ? 1_000_000 : 1000;
const at = Date.parse("2026-01-02T03:04:05Z");

let platform: Awaited<ReturnType<typeof createSimulatedPlatform>>;
let quote: Uint8Array<ArrayBuffer>;
let collateral: Awaited<ReturnType<typeof platform.collateral>>;
let envelope: PolicyEnvelope;
let signers: Uint8Array<ArrayBuffer>[];
const policyText = JSON.stringify(
  {
    version: "sealflow.appraisal/v1",
    name: "loans",
    epoch: 3,
    components: {
      train: [{ mrenclave: "ab".repeat(32) }, { mrsigner: "cd".repeat(32), productId: 1, minimumSvn: 2 }],
    },
    tcb: {
      statuses: ["UpToDate"],
      minimumEvaluation: 17,
      advisories: [{ id: "INTEL-SA-00615", until: "2027-01-01", reason: "LVI is mitigated" }],
    },
    platforms: "any",
    simulatedRoots: [],
  },
  null,
  1,
);

beforeAll(async () => {
  const period = { from: at - 86_400_000, until: at + 86_400_000 };
  const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
  platform = await createSimulatedPlatform({ ...period, random });
  collateral = await platform.collateral(period);
  quote = await platform.quote({
    ...{ mrEnclave: new Uint8Array(32).fill(1), mrSigner: new Uint8Array(32), productId: 0, svn: 0 },
    reportData: new Uint8Array(64),
  });
  const pair = (await crypto.subtle.generateKey("Ed25519", true, ["sign", "verify"])) as CryptoKeyPair;
  const publicKey = new Uint8Array(await crypto.subtle.exportKey("raw", pair.publicKey));
  signers = [publicKey];
  envelope = await signPolicy(parsePolicy(policyText), { privateKey: pair.privateKey, publicKey });
});

const isRefusal = (error: unknown) => error instanceof Refusal || isSealflowError(error);
const fuzz = (name: string, one: (next: Numbers) => unknown) => fuzzed(name, { count, isRefusal }, one);

const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
const same = (a: Uint8Array, b: Uint8Array) => Buffer.compare(a, b) === 0;

describe(`${count} changed inputs`, { timeout }, () => {
  it("of a quote are parsed or refused", async () => {
    expect(parseQuote(quote).report).toBeDefined();
    await fuzz("quote", (next) => parseQuote(mutatedBytes(quote, next)));
  });

  it("of a quote with its collateral are refused by the verifier", { timeout }, async () => {
    const { root } = platform;
    expect((await verifySgxQuote({ quote, collateral, at, root })).verdict).toBe("accept");
    await fuzz("verified quote", async (next) => {
      // One in a hundred goes through all signatures; most end where a length or a field is wrong.
      const deep = next(100) === 0;
      const changed = deep ? mutatedBytes(quote, next) : quote.slice(0, next(quote.length));
      if (same(changed, quote)) return;
      const verdict = await verifySgxQuote({ quote: changed, collateral, at, root });
      expect(verdict.verdict).toBe("refuse");
    });
  });

  it("of collateral are read or refused", async () => {
    await fuzz("collateral", (next) => parseCollateral(mutatedValue(collateral, next)));
  });

  it.each([
    ["TCB info", () => collateral.tcb_info, parseTcbInfo],
    ["QE identity", () => collateral.qe_identity, parseQeIdentity],
  ] as const)("of %s are read or refused", async (name, textOf, parse) => {
    const text = Buffer.from(textOf());
    const value = JSON.parse(textOf()) as object;
    await fuzz(name, (next) => parse(latin(mutatedDocument(text, value, next))));
  });

  it("of certificates are parsed or refused", async () => {
    const certificate = platform.rootCertificate;
    expect(parseCertificate(certificate)).toBeDefined();
    await fuzz("certificate", (next) => parseCertificate(mutatedBytes(certificate, next)));
  });

  it("of revocation lists are parsed or refused", async () => {
    const list = fromHex(`${collateral.pck_crl}`);
    expect(parseRevocationList(list)).toBeDefined();
    await fuzz("revocation list", (next) => parseRevocationList(mutatedBytes(list, next)));
  });

  it("of PEM chains are parsed or refused", async () => {
    const chain = Buffer.from(collateral.tcb_info_issuer_chain);
    await fuzz("PEM chain", (next) =>
      parsePemChain(latin(mutatedBytes(chain, next)), "ATTEST_COLLATERAL_MALFORMED"),
    );
  });

  it("of a policy are read or refused", async () => {
    const genuine = Buffer.from(policyText);
    const value = JSON.parse(policyText) as object;
    await fuzz("policy", (next) => {
      if (next(4) > 0) checkPolicy(mutatedValue(value, next));
      else parsePolicy(latin(mutatedBytes(genuine, next)));
    });
  });

  it("of a signed policy: none is opened but the signed one", async () => {
    expect((await openPolicy(envelope, { signers })).epoch).toBe(3);
    await fuzz("signed policy", async (next) => {
      const changed = mutatedValue(envelope, next);
      await openPolicy(changed, { signers });
      // One signature that holds is enough, whatever stands beside it.
      expect(changed.payload).toBe(envelope.payload);
      expect(changed.signatures).toContainEqual(envelope.signatures[0]);
    });
  });

  it.skipIf(!vectors)("of a token are refused", async () => {
    const evidence = recordedToken();
    expect((await verifyMaaToken(evidence)).verdict).toBe("accept");
    const token = Buffer.from(evidence.token);
    const [head = "", ...rest] = evidence.token.split(".");
    const header = JSON.parse(Buffer.from(head, "base64url").toString()) as object;
    await fuzz("token", async (next) => {
      const keys = next(4) === 0 ? mutatedValue(evidence.keys, next) : evidence.keys;
      const other = Buffer.from(spelled(mutatedValue(header, next))).toString("base64url");
      const changed = next(3) > 0 ? latin(mutatedBytes(token, next)) : [other, ...rest].join(".");
      const verdict = await verifyMaaToken({ ...evidence, keys, token: changed });
      if (changed !== evidence.token) expect(verdict.verdict).toBe("refuse");
    });
  });

  it("of a token's claims, signed or not: an accepted one says what it must", async () => {
    const issuer = await createMaaIssuer("k");
    const expected = { ...expectation, runtimeData: new Uint8Array(3) };
    const claims = { ...genuineClaims, "x-ms-sgx-report-data": await reportDataOf(expected.runtimeData) };
    const header = utf8(JSON.stringify({ alg: "RS256", kid: "k", jku: `${expected.issuer}/certs` }));
    const judged = (token: string) => verifyMaaToken({ token, keys: issuer.keys, at, expected });
    const genuine = await issuer.sign(header, spelled(claims));
    expect(await judged(genuine)).toMatchObject({ verdict: "accept", enclave: { svn: 2 } });
    await fuzz("token's claims", async (next) => {
      // RSA takes its time: most are read as if they had been signed.
      const changed = mutatedDocument(spelled(claims), claims, next);
      if (next(20) > 0) return parseClaims(changed);
      const verdict = await judged(await issuer.sign(header, changed));
      if (verdict.verdict === "accept") requireMeant(changed, verdict, claims);
    });
  });
});

const expectation = {
  issuer: "https://bank.eus.attest.azure.net",
  policyHash: "hash",
  maximumAgeMs: 300_000,
  minimumTcb: 10,
  nonce: "nonce",
};
const genuineClaims = {
  iss: expectation.issuer,
  iat: at / 1000 - 60,
  nbf: at / 1000 - 60,
  exp: at / 1000 + 3600,
  nonce: "nonce",
  "x-ms-attestation-type": "sgx",
  "x-ms-policy-hash": "hash",
  "x-ms-sgx-is-debuggable": false,
  "x-ms-sgx-mrenclave": "ab".repeat(32),
  "x-ms-sgx-mrsigner": "cd".repeat(32),
  "x-ms-sgx-product-id": 1,
  "x-ms-sgx-svn": 2,
  "x-ms-sgx-tcbidentifier": "11",
  "x-ms-sgx-report-data": "",
};

const reportDataOf = async (data: Uint8Array<ArrayBuffer>) => toHex(await sha256(data)).padEnd(128, "0");

/** What decides must be as it was, or still within what is expected; the enclave must be the one that was signed. */
function requireMeant(signed: Uint8Array, { enclave }: MaaVerdict, genuine: Record<string, unknown>): void {
  const said = JSON.parse(new TextDecoder().decode(signed)) as Record<string, unknown>;
  for (const name of ["iss", "nonce", "x-ms-attestation-type", "x-ms-policy-hash", "x-ms-sgx-report-data"])
    expect(said[name]).toBe(genuine[name]);
  expect(said["x-ms-sgx-is-debuggable"]).toBe(false);
  expect(Number(said["x-ms-sgx-tcbidentifier"])).toBeGreaterThanOrEqual(expectation.minimumTcb);
  expect(Number(said.iat) * 1000).toBeLessThanOrEqual(at);
  expect(Number(said.nbf) * 1000).toBeLessThanOrEqual(at);
  expect(Number(said.exp) * 1000).toBeGreaterThan(at);
  expect(enclave).toMatchObject({
    mrEnclave: said["x-ms-sgx-mrenclave"],
    mrSigner: said["x-ms-sgx-mrsigner"],
    productId: said["x-ms-sgx-product-id"],
    svn: said["x-ms-sgx-svn"],
  });
}

function recordedToken(): MaaEvidence {
  const read = (suffix: string) =>
    readFileSync(join(vectors ?? "", "azure-maa-recorded", `sgx_shared_json.${suffix}`), "utf8");
  const { claims, request } = JSON.parse(read("meta.json"));
  return {
    token: read("jwt").trim(),
    keys: JSON.parse(read("jwks.json")),
    at: (claims.iat + 60) * 1000,
    expected: {
      issuer: claims.iss,
      policyHash: claims["x-ms-policy-hash"],
      maximumAgeMs: 300_000,
      minimumTcb: "any",
      runtimeData: Uint8Array.from(Buffer.from(request.runtimeData.data, "base64url")),
    },
  };
}
