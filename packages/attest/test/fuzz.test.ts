/** Every parser of this room under genuine inputs with something done to them: refusals, never exceptions, no wrong accept. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { fromHex, isSealflowError } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import {
  mutatedBytes,
  mutatedValue,
  type Numbers,
  numbers,
  withoutTraces,
} from "../../../test-support/fuzz.js";
import {
  checkPolicy,
  createSimulatedPlatform,
  type MaaEvidence,
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
import { parseQeIdentity, parseTcbInfo } from "../src/sgx/tcb-documents.js";
import { parseCertificate } from "../src/x509/certificate.js";
import { parseRevocationList } from "../src/x509/crl.js";
import { parsePemChain } from "../src/x509/pem.js";
import { vectors } from "./vectors.js";

/** A million each in the slow suite. */
const slow = process.env.SEALFLOW_SLOW !== undefined;
const count = slow ? 1_000_000 : 1000;
const timeout = slow ? 4 * 3_600_000 : 60_000;
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

async function fuzz(name: string, one: (next: Numbers) => unknown): Promise<void> {
  const next = numbers(name.length * 7919);
  const restore = withoutTraces();
  try {
    for (let i = 0; i < count; i++) {
      try {
        await one(next);
      } catch (error) {
        if (error instanceof Refusal || isSealflowError(error)) continue;
        throw new Error(`${name}: input ${i}`, { cause: error });
      }
    }
  } finally {
    restore();
  }
}

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

  it("of TCB info and QE identity are read or refused", async () => {
    const parsers = [
      [collateral.tcb_info, parseTcbInfo],
      [collateral.qe_identity, parseQeIdentity],
    ] as const;
    const genuine = parsers.map(([text, parse]) => ({ value: JSON.parse(text) as object, text, parse }));
    await fuzz("documents", (next) => {
      const { value, text, parse } = genuine[next(2)] ??
        genuine[0] ?? { value: {}, text: "", parse: parseTcbInfo };
      parse(
        next(2) === 0
          ? JSON.stringify(mutatedValue(value, next))
          : latin(mutatedBytes(Buffer.from(text), next)),
      );
    });
  });

  it("of certificates, revocation lists and PEM chains are parsed or refused", async () => {
    const certificate = platform.rootCertificate;
    const list = fromHex(`${collateral.pck_crl}`);
    const chain = Buffer.from(collateral.tcb_info_issuer_chain);
    expect(parseCertificate(certificate)).toBeDefined();
    await fuzz("certificate", (next) => {
      const kind = next(3);
      if (kind === 0) parseCertificate(mutatedBytes(certificate, next));
      else if (kind === 1) parseRevocationList(mutatedBytes(list, next));
      else parsePemChain(latin(mutatedBytes(chain, next)), "ATTEST_COLLATERAL_MALFORMED");
    });
  });

  it("of a policy are read or refused", async () => {
    const genuine = Buffer.from(policyText);
    const value = JSON.parse(policyText) as object;
    await fuzz("policy", (next) => {
      if (next(10) > 0) checkPolicy(mutatedValue(value, next));
      else parsePolicy(latin(mutatedBytes(genuine, next)));
    });
  });

  it("of a signed policy: none is opened but the signed one", async () => {
    expect((await openPolicy(envelope, { signers })).epoch).toBe(3);
    await fuzz("signed policy", async (next) => {
      const changed = mutatedValue(envelope, next);
      if (changed.payload === envelope.payload) return;
      await expect(openPolicy(changed, { signers })).rejects.toThrow();
    });
  });

  it.skipIf(!vectors)("of a token are refused", async () => {
    const evidence = recordedToken();
    expect((await verifyMaaToken(evidence)).verdict).toBe("accept");
    const token = Buffer.from(evidence.token);
    await fuzz("token", async (next) => {
      const keys = next(4) === 0 ? mutatedValue(evidence.keys, next) : evidence.keys;
      const changed = keys === evidence.keys ? latin(mutatedBytes(token, next)) : evidence.token;
      const verdict = await verifyMaaToken({ ...evidence, keys, token: changed });
      // Other keys may be changed beside the one that counts.
      if (changed !== evidence.token) expect(verdict.verdict).toBe("refuse");
    });
  });
});

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
