import { readFileSync } from "node:fs";
import { join } from "node:path";
import { utf8 } from "@sealflow/core";
import { describe, expect, it } from "vitest";
import { type MaaExpectation, verifyMaaToken } from "../src/index.js";
import { createMaaIssuer } from "./maa-issuer.js";
import { vectors } from "./vectors.js";

interface Recorded {
  readonly claims: Record<string, unknown> & { iss: string; iat: number };
  readonly request: { readonly runtimeData: { readonly data: string } };
}

function recorded(name: string) {
  const read = (suffix: string) =>
    readFileSync(join(vectors ?? "", "azure-maa-recorded", `${name}.${suffix}`), "utf8");
  const { claims, request } = JSON.parse(read("meta.json")) as Recorded;
  const runtimeData = Uint8Array.from(Buffer.from(request.runtimeData.data, "base64url"));
  const expected: MaaExpectation = {
    issuer: claims.iss,
    policyHash: `${claims["x-ms-policy-hash"]}`,
    maximumAgeMs: 300_000,
    minimumTcb: "any",
    runtimeData,
  };
  const token = read("jwt").trim();
  return {
    token,
    keys: JSON.parse(read("jwks.json")) as { keys: object[] },
    at: (claims.iat + 60) * 1000,
    expected,
  };
}

/** Another character for the same bits: an RS256 signature leaves four of its last one unused. */
function respelt(last: string): string {
  const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  return alphabet[alphabet.indexOf(last) ^ 1] ?? "";
}

describe.skipIf(!vectors)("recorded tokens", () => {
  it.each(["sgx_shared_binary", "sgx_shared_json", "sgx_private_provider"])(
    "%s is accepted",
    async (name) => {
      const verdict = await verifyMaaToken(recorded(name));
      expect(verdict).toMatchObject({
        verdict: "accept",
        kind: "maa",
        enclave: { debug: false, productId: 1 },
      });
    },
  );

  it("without a signature are refused", async () => {
    expect((await verifyMaaToken(recorded("alg_none_draft_policy"))).code).toBe("ATTEST_MAA_ALGORITHM");
  });

  if (!vectors) return;
  const base = recorded("sgx_shared_json");
  const other = recorded("sgx_private_provider");
  const expecting = (change: object) => ({ expected: { ...base.expected, ...change } });
  const [head = "", body = "", signature = ""] = base.token.split(".");
  const header = (change: object) =>
    Buffer.from(
      JSON.stringify({ ...JSON.parse(Buffer.from(head, "base64url").toString()), ...change }),
    ).toString("base64url");
  it.each<[string, string, object]>([
    ["another issuer's", "ATTEST_MAA_KEY_URL", { token: other.token }],
    [
      "a foreign jku",
      "ATTEST_MAA_KEY_URL",
      { token: `${header({ jku: "https://evil.example/certs" })}.${body}.${signature}` },
    ],
    [
      "an issuer that only begins alike",
      "ATTEST_MAA_KEY_URL",
      expecting({ issuer: "https://sharedwus.wus.attest.azure" }),
    ],
    [
      "another algorithm",
      "ATTEST_MAA_ALGORITHM",
      { token: `${header({ alg: "HS256" })}.${body}.${signature}` },
    ],
    ["an unknown key", "ATTEST_MAA_KEY", { token: `${header({ kid: "x" })}.${body}.${signature}` }],
    ["no keys", "ATTEST_MAA_KEY", { keys: { keys: [] } }],
    ["keys that are none", "ATTEST_MAA_KEY", { keys: null }],
    ["a key twice", "ATTEST_MAA_KEY", { keys: { keys: [...base.keys.keys, ...base.keys.keys] } }],
    ["a changed header", "ATTEST_MAA_SIGNATURE", { token: `${header({ typ: "jwt" })}.${body}.${signature}` }],
    ["another body", "ATTEST_MAA_SIGNATURE", { token: `${head}.${other.token.split(".")[1]}.${signature}` }],
    ["no token", "ATTEST_MAA_MALFORMED", { token: "nothing" }],
    [
      "another spelling of its signature",
      "ATTEST_MAA_MALFORMED",
      { token: `${base.token.slice(0, -1)}${respelt(base.token.at(-1) ?? "")}` },
    ],
    ["too long a token", "ATTEST_MAA_MALFORMED", { token: "a".repeat(70_000) }],
    ["an age above the maximum", "ATTEST_MAA_AGE", { at: base.at + 300_000 }],
    ["an end before", "ATTEST_MAA_TIME", { at: base.at + 86_400_000 }],
    ["a time before its issue", "ATTEST_MAA_TIME", { at: base.at - 120_000 }],
    ["another policy", "ATTEST_MAA_POLICY", expecting({ policyHash: "x" })],
    ["no TCB baseline", "ATTEST_MAA_TCB", expecting({ minimumTcb: 10 })],
    ["no nonce", "ATTEST_MAA_NONCE", expecting({ nonce: "n" })],
    ["other runtime data", "ATTEST_REPORT_DATA", expecting({ runtimeData: new Uint8Array(3) })],
  ])("with %s are refused", async (_, code, change) => {
    expect((await verifyMaaToken({ ...base, ...change })).code).toBe(code);
  });
});

describe("a token's claims", () => {
  const issuer = "https://bank.eus.attest.azure.net";
  const expected: MaaExpectation = { issuer, policyHash: "p", maximumAgeMs: 300_000, minimumTcb: "any" };
  const at = Date.parse("2026-01-02T03:04:05Z");
  const claims = {
    ...{ iss: issuer, iat: at / 1000, nbf: at / 1000, exp: at / 1000 + 60 },
    "x-ms-attestation-type": "sgx",
    "x-ms-policy-hash": "p",
    "x-ms-sgx-is-debuggable": false,
    "x-ms-sgx-mrenclave": "ab".repeat(32),
    "x-ms-sgx-mrsigner": "cd".repeat(32),
    "x-ms-sgx-product-id": 1,
    "x-ms-sgx-svn": 1,
    "x-ms-sgx-report-data": "00".repeat(64),
  };

  it.each<[string, string | undefined, object]>([
    ["as they are", undefined, {}],
    ["with a time that no calendar has", "ATTEST_MAA_CLAIMS", { exp: 9_000_000_000_000_000 }],
    ["with a time before 1970", "ATTEST_MAA_CLAIMS", { nbf: -1 }],
    ["of a debuggable enclave", "ATTEST_ENCLAVE_DEBUG", { "x-ms-sgx-is-debuggable": true }],
    ["of another kind of enclave", "ATTEST_MAA_TYPE", { "x-ms-attestation-type": "sevsnpvm" }],
    ["by another issuer under the same key", "ATTEST_MAA_ISSUER", { iss: `${issuer}.evil.example` }],
  ])("%s", async (_, code, change) => {
    const provider = await createMaaIssuer("k");
    const encoded = (value: object) => utf8(JSON.stringify(value));
    const token = await provider.sign(encoded({ alg: "RS256", kid: "k" }), encoded({ ...claims, ...change }));
    const verdict = await verifyMaaToken({ token, keys: provider.keys, at, expected });
    expect(verdict.code).toBe(code);
  });
});
