import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { type MaaExpectation, verifyMaaToken } from "../src/index.js";
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
