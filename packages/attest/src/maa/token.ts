/**
 * Tokens of Microsoft Azure Attestation: Microsoft's word for an enclave, as a JWT. The keys are an argument: fetch them
 * over TLS from the pinned issuer's `/certs`. Their certificates are self-signed; the origin is what is trusted.
 */
import { fromBase64Url, sha256, toHex } from "@sealflow/core";
import { compactVerify, decodeProtectedHeader, importX509, type CryptoKey as JoseKey } from "jose";
import { z } from "zod";
import { Refusal } from "../refusal.js";
import { type Check, CheckList } from "../verdict.js";

const keysSchema = z.object({
  keys: z.array(z.object({ kid: z.string(), x5c: z.array(z.string().max(65_536)).min(1) })).max(64),
});
const headerSchema = z.object({ alg: z.string(), kid: z.string(), jku: z.string().optional() });
const hex32 = z.string().regex(/^[0-9a-f]{64}$/);
/** Seconds since the Unix epoch, up to the end of the year 9999: what a time can be written for. */
const time = z.int().min(0).max(253_402_300_799);
const claimsSchema = z.object({
  iss: z.string(),
  iat: time,
  nbf: time,
  exp: time,
  nonce: z.string().optional(),
  "x-ms-attestation-type": z.string(),
  "x-ms-policy-hash": z.string(),
  "x-ms-sgx-is-debuggable": z.boolean(),
  "x-ms-sgx-mrenclave": hex32,
  "x-ms-sgx-mrsigner": hex32,
  "x-ms-sgx-product-id": z.int(),
  "x-ms-sgx-svn": z.int(),
  "x-ms-sgx-report-data": z.string().regex(/^[0-9a-f]{128}$/),
  "x-ms-sgx-tcbidentifier": z
    .string()
    .regex(/^\d{1,9}$/)
    .optional(),
});
type Claims = z.infer<typeof claimsSchema>;

/** Largest token that is read, in characters. */
const maximumSize = 64 * 1024;

/** What a token must say. */
export interface MaaExpectation {
  /** The attestation provider, for example `https://contoso.eus.attest.azure.net`: the only issuer accepted. */
  readonly issuer: string;
  /** Hash of the provider's policy, base64url, as the policy's signers committed to it. */
  readonly policyHash: string;
  /** How long after its issue a token is accepted, in milliseconds. */
  readonly maximumAgeMs: number;
  /** Lowest accepted TCB baseline. Microsoft's default baseline is behind Intel's; `any` accepts every one. */
  readonly minimumTcb: number | "any";
  /** The nonce that was sent, when one was. */
  readonly nonce?: string;
  /** The runtime data whose SHA-256 REPORTDATA must begin with, followed by zeros. */
  readonly runtimeData?: Uint8Array<ArrayBuffer>;
}

/** The enclave as a token describes it. */
export interface MaaEnclave {
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly productId: number;
  readonly svn: number;
  readonly reportData: string;
  readonly debug: boolean;
}

/** The outcome. */
export interface MaaVerdict {
  readonly verdict: "accept" | "refuse";
  readonly kind: "maa";
  readonly code?: string;
  readonly checks: readonly Check[];
  readonly enclave?: MaaEnclave;
}

/** What a verification takes. `at` in milliseconds since the Unix epoch. */
export interface MaaEvidence {
  readonly token: string;
  /** The issuer's key set (`/certs`), decoded from JSON. */
  readonly keys: unknown;
  readonly at: number;
  readonly expected: MaaExpectation;
}

/** Verifies a token; a wrong one is a refusal, never an exception. */
export async function verifyMaaToken(evidence: MaaEvidence): Promise<MaaVerdict> {
  if (!Number.isFinite(evidence.at)) throw new TypeError("at: expected milliseconds since the Unix epoch");
  const list = new CheckList();
  let enclave: MaaEnclave | undefined;
  const settled = (code?: string): MaaVerdict => ({
    verdict: code === undefined ? "accept" : "refuse",
    kind: "maa",
    ...(code === undefined ? {} : { code }),
    checks: list.checks,
    ...(enclave ? { enclave } : {}),
  });
  try {
    const claims = await verifySignature(list, evidence);
    enclave = describe(claims);
    checkTimes(list, claims, evidence);
    checkClaims(list, claims, evidence.expected);
    await checkRuntimeData(list, claims, evidence.expected.runtimeData);
    return settled();
  } catch (error) {
    if (error instanceof Refusal) return settled(error.code);
    throw error;
  }
}

async function verifySignature(list: CheckList, { token, keys, expected }: MaaEvidence): Promise<Claims> {
  const header = await list.step("ATTEST_MAA_MALFORMED", "the token's form", () => readHeader(token));
  const same = (code: string, what: string, wanted: string, got: string) =>
    list.require(code, what, { holds: wanted === got, expected: wanted, got });
  same("ATTEST_MAA_ALGORITHM", "the signature algorithm", "RS256", header.alg);
  const certs = `${expected.issuer}/certs`;
  same("ATTEST_MAA_KEY_URL", "jku is derived from the pinned issuer", certs, header.jku ?? certs);
  const key = await list.step("ATTEST_MAA_KEY", "a key of the issuer", () => findKey(keys, header.kid));
  const claims = await list.step("ATTEST_MAA_SIGNATURE", "the token's signature", () =>
    readClaims(token, key),
  );
  same("ATTEST_MAA_ISSUER", "the issuer", expected.issuer, claims.iss);
  return claims;
}

function readHeader(token: string): z.infer<typeof headerSchema> {
  const malformed = new Refusal("ATTEST_MAA_MALFORMED", "a compact JWT with alg and kid", "other text");
  if (token.length > maximumSize) throw malformed;
  try {
    // Strictly: other decoders ignore the unused bits of a last character, and a token must have one text.
    for (const part of token.split(".")) fromBase64Url(part);
    return headerSchema.parse(decodeProtectedHeader(token));
  } catch {
    throw malformed;
  }
}

async function findKey(keys: unknown, kid: string): Promise<JoseKey> {
  const parsed = keysSchema.safeParse(keys);
  const found = parsed.success ? parsed.data.keys.filter((key) => key.kid === kid) : [];
  const certificate = found[0]?.x5c[0];
  if (certificate === undefined || found.length !== 1) {
    throw new Refusal("ATTEST_MAA_KEY", `one key ${kid} with a certificate`, `${found.length}`);
  }
  const lines = certificate.match(/.{1,64}/g)?.join("\n");
  try {
    return await importX509(`-----BEGIN CERTIFICATE-----\n${lines}\n-----END CERTIFICATE-----`, "RS256");
  } catch {
    throw new Refusal("ATTEST_MAA_KEY", "an RSA certificate", "another");
  }
}

async function readClaims(token: string, key: JoseKey): Promise<Claims> {
  let payload: Uint8Array;
  try {
    ({ payload } = await compactVerify(token, key, { algorithms: ["RS256"] }));
  } catch {
    throw new Refusal("ATTEST_MAA_SIGNATURE", "a signature by the issuer's key", "another");
  }
  return parseClaims(payload);
}

/**
 * The claims of a token whose signature holds.
 *
 * @throws Refusal `ATTEST_MAA_CLAIMS`
 */
export function parseClaims(payload: Uint8Array): Claims {
  try {
    return claimsSchema.parse(JSON.parse(new TextDecoder().decode(payload)));
  } catch {
    throw new Refusal("ATTEST_MAA_CLAIMS", "the claims of an SGX attestation", "others");
  }
}

function checkTimes(list: CheckList, claims: Claims, { at, expected }: MaaEvidence): void {
  const iso = (seconds: number) => new Date(seconds * 1000).toISOString();
  const got = new Date(at).toISOString();
  const from = Math.max(claims.nbf, claims.iat);
  list.require("ATTEST_MAA_TIME", "the token is valid at this time", {
    holds: at >= from * 1000 && at < claims.exp * 1000,
    expected: `from ${iso(from)} to before ${iso(claims.exp)}`,
    got,
  });
  list.require("ATTEST_MAA_AGE", "the token is young enough", {
    holds: at - claims.iat * 1000 <= expected.maximumAgeMs,
    expected: `at most ${expected.maximumAgeMs} ms`,
    got: `${at - claims.iat * 1000} ms`,
  });
}

function checkClaims(list: CheckList, claims: Claims, expected: MaaExpectation): void {
  const same = (code: string, what: string, wanted: string, got: string) =>
    list.require(code, what, { holds: wanted === got, expected: wanted, got });
  same("ATTEST_MAA_TYPE", "the attestation type", "sgx", claims["x-ms-attestation-type"]);
  same("ATTEST_MAA_POLICY", "the provider's policy", expected.policyHash, claims["x-ms-policy-hash"]);
  same(
    "ATTEST_ENCLAVE_DEBUG",
    "the enclave is not debuggable",
    "false",
    `${claims["x-ms-sgx-is-debuggable"]}`,
  );
  const tcb = claims["x-ms-sgx-tcbidentifier"];
  const { minimumTcb } = expected;
  list.require("ATTEST_MAA_TCB", "the TCB baseline", {
    holds: minimumTcb === "any" || (tcb !== undefined && Number(tcb) >= minimumTcb),
    expected: minimumTcb === "any" ? "any" : `at least ${minimumTcb}`,
    got: tcb ?? "none",
  });
  if (expected.nonce !== undefined) {
    same("ATTEST_MAA_NONCE", "the nonce", expected.nonce, claims.nonce ?? "none");
  }
}

async function checkRuntimeData(
  list: CheckList,
  claims: Claims,
  runtimeData: Uint8Array<ArrayBuffer> | undefined,
): Promise<void> {
  if (runtimeData === undefined) return;
  const got = claims["x-ms-sgx-report-data"];
  const expected = toHex(await sha256(runtimeData)).padEnd(128, "0");
  const holds = expected === got;
  list.require("ATTEST_REPORT_DATA", "REPORTDATA binds the runtime data", { holds, expected, got });
}

function describe(claims: Claims): MaaEnclave {
  return {
    mrEnclave: claims["x-ms-sgx-mrenclave"],
    mrSigner: claims["x-ms-sgx-mrsigner"],
    productId: claims["x-ms-sgx-product-id"],
    svn: claims["x-ms-sgx-svn"],
    reportData: claims["x-ms-sgx-report-data"],
    debug: claims["x-ms-sgx-is-debuggable"],
  };
}
