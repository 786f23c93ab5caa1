/**
 * Each check of a quote's verification by itself: evidence of a simulated platform in which one thing is wrong and everything
 * else holds, signatures too, because whoever has the root can make it so.
 */
import { concatBytes, fromBase64, fromHex, toHex, utf8 } from "@sealflow/core";
import { beforeAll, describe, expect, it } from "vitest";
import { derBitString, derInteger, derNumber, derOctets, derOid, derSequence } from "../src/der/writer.js";
import {
  createSimulatedPlatform,
  type SgxCollateral,
  type SimulatedPlatform,
  trustRootFromCertificate,
  verifySgxQuote,
} from "../src/index.js";
import {
  type Holder,
  importHolder,
  issueCertificate,
  issueRevocationList,
  newHolder,
  type Role,
  signRaw,
  toPem,
} from "../src/simulated/authority.js";

type Bytes = Uint8Array<ArrayBuffer>;

const at = Date.parse("2026-03-01T12:00:00Z");
const period = { from: at - 86_400_000, until: at + 86_400_000 };
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

let platform: SimulatedPlatform;
let collateral: SgxCollateral;
let quote: Bytes;
const holders = {} as Record<"root" | "authority" | "leaf" | "signer", Holder>;
/** DER of the certificates. */
const certificates = {} as Record<"root" | "authority" | "leaf" | "signer", Bytes>;

beforeAll(async () => {
  platform = await createSimulatedPlatform({ ...period, random });
  collateral = await platform.collateral(period);
  const digest = new Uint8Array(32);
  const reportData = new Uint8Array(64);
  quote = await platform.quote({ mrEnclave: digest, mrSigner: digest, productId: 0, svn: 0, reportData });
  const saved = await platform.save();
  const roles = {
    root: "Root CA",
    authority: "PCK Platform CA",
    leaf: "PCK Certificate",
    signer: "TCB Signing",
  };
  for (const [name, role] of Object.entries(roles) as [keyof typeof holders, Role][])
    holders[name] = await importHolder(role, fromBase64(saved[name]));
  const der = (pem: string) => fromBase64(pem.replace(/-----[A-Z ]+-----|\n/g, ""));
  certificates.root = platform.rootCertificate;
  certificates.authority = der(saved.authorityPem);
  certificates.leaf = der(saved.leafPem);
  certificates.signer = der(saved.signerPem);
});

const verify = (change: { quote?: Bytes; collateral?: object; root?: Bytes } = {}) =>
  verifySgxQuote({
    quote: change.quote ?? quote,
    collateral: { ...collateral, ...change.collateral },
    ...{ at, root: trustRootFromCertificate(change.root ?? certificates.root) },
  });
const refusal = async (change: Parameters<typeof verify>[0]) => {
  const { verdict, code, checks } = await verify(change);
  expect(verdict).toBe("refuse");
  return `${code} ${checks.at(-1)?.expected}`;
};

/** A certificate with bytes of its content exchanged for as many others, signed anew. */
async function reissued(
  der: Bytes,
  issuer: Holder,
  changes: readonly (readonly [from: Bytes, to: Bytes])[],
): Promise<Bytes> {
  const text = (bytes: Uint8Array) => Buffer.from(bytes).toString("latin1");
  const head = der[1] === 0x82 ? 4 : 3;
  const length = ((der[head + 2] ?? 0) << 8) | (der[head + 3] ?? 0);
  let tbs = text(der.subarray(head, head + 4 + length));
  for (const [from, to] of changes) {
    expect(from.length).toBe(to.length);
    expect(tbs).toContain(text(from));
    tbs = tbs.replaceAll(text(from), text(to));
  }
  const changed = Uint8Array.from(Buffer.from(tbs, "latin1"));
  const signature = await signRaw(issuer, changed);
  return derSequence(
    changed,
    derSequence(derOid("1.2.840.10045.4.3.2")),
    derBitString(derSequence(derInteger(signature.slice(0, 32)), derInteger(signature.slice(32)))),
  );
}

/** keyUsage and basicConstraints as they stand in certificates. */
const usage = (unused: number, bits: number) => fromHex(`551d0f0101ff0404030${2}${hex(unused)}${hex(bits)}`);
const pathLength = (value: number) => fromHex(`551d130101ff040830060101ff0201${hex(value)}`);
const hex = (value: number) => value.toString(16).padStart(2, "0");

/** The quote with other certificates. */
function quoteWith(...chain: readonly Bytes[]): Bytes {
  const text = utf8(chain.map(toPem).join(""));
  return quoteWithText(text);
}
const authenticationBytes = "simulated".length;
const tail = 48 + 384 + 4 + 64 + 64 + 384 + 64 + 2 + authenticationBytes + 2;
const little = (value: number) => Uint8Array.of(value, value >> 8, value >> 16, value >> 24);
function quoteWithText(text: Bytes, after = new Uint8Array(0)): Bytes {
  const rest = concatBytes(quote.slice(48 + 384 + 4, tail), little(text.length), text, after);
  return concatBytes(quote.slice(0, 48 + 384), little(rest.length), rest);
}

/** The quote with bytes of the quoting enclave's report changed, signed anew by the PCK key. */
async function quoteOfEnclave(offset: number, bytes: Bytes): Promise<Bytes> {
  const start = 48 + 384 + 4 + 128;
  const report = quote.slice(start, start + 384);
  report.set(bytes, offset);
  const changed = quote.slice();
  changed.set(report, start);
  changed.set(await signRaw(holders.leaf, report), start + 384);
  return changed;
}

/** A document of the collateral with members changed, signed anew. */
async function document(name: "tcb_info" | "qe_identity", change: object | string) {
  const text =
    typeof change === "string" ? change : JSON.stringify({ ...JSON.parse(collateral[name]), ...change });
  return { [name]: text, [`${name}_signature`]: toHex(await signRaw(holders.signer, utf8(text))) };
}
const level = (name: "tcb_info" | "qe_identity", change: object) => ({
  tcbLevels: [{ ...JSON.parse(collateral[name]).tcbLevels[0], ...change }],
});
const utc = (time: number) => `${new Date(time).toISOString().slice(0, 19)}Z`;

it("is accepted where nothing is wrong, also signed anew and with authority and root exchanged", async () => {
  const { authority, leaf, root } = certificates;
  expect((await verify()).verdict).toBe("accept");
  expect((await verify({ quote: quoteWith(leaf, root, authority) })).verdict).toBe("accept");
  expect(
    (await verify({ quote: quoteWith(await reissued(leaf, holders.authority, []), authority, root) }))
      .verdict,
  ).toBe("accept");
  expect((await verify({ quote: await quoteOfEnclave(0, new Uint8Array(1)) })).verdict).toBe("accept");
  expect((await verify({ collateral: await document("tcb_info", {}) })).verdict).toBe("accept");
});

describe("a PCK chain is refused", () => {
  const role = "ATTEST_PCK_CHAIN_ROLE";
  const named = (text: string) => utf8(`Simulated SGX ${text}`);

  it("with a certificate too few or too many", async () => {
    const { authority, leaf, root } = certificates;
    for (const chain of [[], [leaf], [leaf, authority], [leaf, authority, root, root]])
      expect(await refusal({ quote: quoteWith(...chain) })).toBe(`${role} leaf, authority and root`);
  });

  it("with a leaf or an authority of another role", async () => {
    const { authority, leaf, root } = certificates;
    const other = await reissued(leaf, holders.authority, [
      [named("PCK Certificate"), named("PCK Certificatf")],
    ]);
    expect(await refusal({ quote: quoteWith(other, authority, root) })).toBe(
      `${role} Simulated SGX PCK Certificate`,
    );
    const rename = [[named("PCK Platform CA"), named("PCK Platform CB")]] as const;
    const chain = [
      await reissued(leaf, holders.authority, rename),
      await reissued(authority, holders.root, rename),
      root,
    ];
    expect(await refusal({ quote: quoteWith(...chain) })).toMatch(`${role} Simulated SGX PCK Platform CA or`);
  });

  it("under a root that is named as something else, or may not have authorities below", async () => {
    const { authority, leaf, root } = certificates;
    const rename = [[named("Root CA"), named("Root CB")]] as const;
    const renamed = await reissued(root, holders.root, rename);
    const below = await reissued(authority, holders.root, rename);
    expect(await refusal({ quote: quoteWith(leaf, renamed, below), root: renamed })).toBe(
      `${role} a root named … SGX Root CA`,
    );
    const short = await reissued(root, holders.root, [[pathLength(1), pathLength(0)]]);
    expect(await refusal({ quote: quoteWith(leaf, authority, short), root: short })).toMatch(
      /^ATTEST_PCK_CHAIN_ROLE .* to allow 1 authorities below$/,
    );
  });

  it("with an authority that may not sign certificates, or a leaf that may not sign data", async () => {
    const { authority, leaf, root } = certificates;
    const powerless = await reissued(authority, holders.root, [[usage(1, 0x06), usage(1, 0x02)]]);
    expect(await refusal({ quote: quoteWith(leaf, powerless, root) })).toMatch(
      /to be a certificate authority$/,
    );
    const mute = await reissued(leaf, holders.authority, [[usage(6, 0xc0), usage(6, 0x40)]]);
    expect(await refusal({ quote: quoteWith(mute, authority, root) })).toMatch(/to sign data only$/);
  });

  it("with an authority, or a signer of documents, that is on the root's list", async () => {
    for (const [certificate, what] of [
      [certificates.authority, "PCK Platform CA"],
      [certificates.signer, "TCB Signing"],
    ] as const) {
      const at = Buffer.from(certificate).indexOf(Buffer.from("a0030201020210", "hex")) + 7;
      const list = await issueRevocationList(holders.root, period, [certificate.slice(at, at + 16)]);
      expect(await refusal({ collateral: { root_ca_crl: toHex(list) } })).toBe(
        `ATTEST_CERTIFICATE_REVOKED Simulated SGX ${what} not revoked`,
      );
    }
  });

  it("with text that is not PEM, or with something after it", async () => {
    const { authority, leaf, root } = certificates;
    const text = utf8([leaf, authority, root].map(toPem).join(""));
    expect(await refusal({ quote: quoteWithText(concatBytes(text, Uint8Array.of(0, 0))) })).toMatch(
      /^ATTEST_QUOTE_/,
    );
    expect(await refusal({ quote: quoteWithText(concatBytes(text, Uint8Array.of(0x80))) })).toMatch(
      /^ATTEST_QUOTE_/,
    );
    expect(await refusal({ quote: quoteWithText(text, Uint8Array.of(0)) })).toMatch(
      /^ATTEST_QUOTE_MALFORMED/,
    );
  });
});

describe("the platform in a PCK certificate is refused", () => {
  const base = "1.2.840.113741.1.13.1";
  const item = (number: string, value: Bytes) => derSequence(derOid(`${base}.${number}`), value);
  const tcb = (components: readonly number[], more: readonly Bytes[] = []) =>
    derSequence(
      ...components.map((svn, i) => item(`2.${i + 1}`, derNumber(svn))),
      item("2.17", derNumber(13)),
      ...more,
    );
  const ones = Array.from({ length: 16 }, () => 1);
  const ppid = item("1", derOctets(new Uint8Array(16)));
  const pceId = item("3", derOctets(fromHex("0000")));
  const fmspc = item("4", derOctets(fromHex("00606a000000")));
  const whole = [ppid, item("2", tcb(ones)), pceId, fmspc];
  const extended = async (extra: readonly Bytes[]) => {
    const leaf = await issueCertificate(holders.leaf, holders.authority, { ...period, random, extra });
    return quoteWith(leaf, certificates.authority, certificates.root);
  };
  const extension = (fields: readonly Bytes[], after: readonly Bytes[] = []) =>
    derSequence(derOid(base), derOctets(concatBytes(derSequence(...fields), ...after)));

  it("when it is not there, and accepted when it is", async () => {
    expect((await verify({ quote: await extended([extension(whole)]) })).verdict).toBe("accept");
    expect(await refusal({ quote: await extended([]) })).toMatch(/^ATTEST_PCK_EXTENSION the SGX extension/);
  });

  it.each<[string, () => Bytes]>([
    ["has something after it", () => extension(whole, [derNumber(1)])],
    ["has a field twice", () => extension([...whole, ppid])],
    [
      "has a field of another kind",
      () => extension([...whole, derSequence(derOid("1.2.840.5"), derNumber(1))]),
    ],
    [
      "has a field with two values",
      () =>
        extension([
          ...whole.slice(1),
          derSequence(derOid(`${base}.1`), derOctets(new Uint8Array(16)), derNumber(1)),
        ]),
    ],
    ["lacks its family", () => extension(whole.slice(0, 3))],
    [
      "has a family of another length",
      () => extension([...whole.slice(0, 3), item("4", derOctets(fromHex("00606a0000")))]),
    ],
    ["lacks a component", () => extension([ppid, item("2", tcb(ones.slice(1))), pceId, fmspc])],
    [
      "has a component beyond a byte",
      () => extension([ppid, item("2", tcb(ones.with(3, 256))), pceId, fmspc]),
    ],
  ])("when it %s", async (_, make) => {
    expect(await refusal({ quote: await extended([make()]) })).toMatch(/^ATTEST_PCK_EXTENSION/);
  });
});

describe("a chain of the collateral is refused", () => {
  const chainOf = (...chain: readonly Bytes[]) => {
    const text = chain.map(toPem).join("");
    return { tcb_info_issuer_chain: text, qe_identity_issuer_chain: text };
  };

  it("with a certificate too few or too many", async () => {
    const { signer, root } = certificates;
    for (const chain of [[], [signer], [signer, root, root]])
      expect(await refusal({ collateral: chainOf(...chain) })).toBe(
        "ATTEST_TCB_CHAIN_ROLE signing certificate and root",
      );
  });

  it("with a signer that may not sign data, that the root did not sign, or whose time is over", async () => {
    const { signer, root } = certificates;
    const mute = await reissued(signer, holders.root, [[usage(6, 0xc0), usage(6, 0x40)]]);
    expect(await refusal({ collateral: chainOf(mute, root) })).toMatch(
      /^ATTEST_TCB_CHAIN_ROLE .* to sign data only$/,
    );
    const forged = await reissued(signer, await newHolder("Root CA"), []);
    expect(await refusal({ collateral: chainOf(forged, root) })).toMatch(/^ATTEST_TCB_CHAIN_SIGNATURE/);
    const over = { from: at - 20_000, until: at - 10_000, random };
    const late = await issueCertificate(holders.signer, holders.root, over);
    expect(await refusal({ collateral: chainOf(late, root) })).toMatch(/^ATTEST_TCB_CHAIN_VALIDITY/);
  });
});

describe("a quoting enclave is refused", () => {
  it.each<[string, number, string, string]>([
    ["of another signer", 128, "00", "ATTEST_QE_MRSIGNER"],
    ["of another product", 256, "02", "ATTEST_QE_PRODUCT_ID"],
    ["with other features", 16, "01", "ATTEST_QE_MISCSELECT"],
    ["with other attributes", 48, "95", "ATTEST_QE_ATTRIBUTES"],
    ["that is not the one which made the key", 320, "00", "ATTEST_QE_BINDING"],
    ["of a version that no level has", 258, "0000", "ATTEST_QE_TCB_LEVEL_UNKNOWN"],
  ])("%s", async (_, offset, bytes, code) => {
    expect((await verify({ quote: await quoteOfEnclave(offset, fromHex(bytes)) })).code).toBe(code);
  });

  it("that debuggers may enter, or that is not initialised, even where the identity does not look", async () => {
    const blind = await document("qe_identity", {
      attributes: "00".repeat(16),
      attributesMask: "00".repeat(16),
    });
    expect(await verify({ collateral: blind })).toMatchObject({ verdict: "accept" });
    const debug = await quoteOfEnclave(48, fromHex("17"));
    expect((await verify({ quote: debug, collateral: blind })).code).toBe("ATTEST_QE_DEBUG");
    const idle = await quoteOfEnclave(48, fromHex("14"));
    expect((await verify({ quote: idle, collateral: blind })).code).toBe("ATTEST_QE_ATTRIBUTES");
  });
});

describe("collateral is refused", () => {
  const tomorrow = utc(at + 3_600_000);
  const yesterday = utc(at - 3_600_000);

  it("of another form", async () => {
    for (const wrong of [
      { tcb_info: 1 },
      { qe_identity_signature: "00" },
      { tcb_info_issuer_chain: undefined },
    ])
      expect(await refusal({ collateral: wrong })).toMatch(/^ATTEST_COLLATERAL_MALFORMED/);
  });

  it.each<["tcb_info" | "qe_identity", string, object | string | (() => object), string]>([
    ["tcb_info", "no JSON", "no JSON", "ATTEST_TCB_INFO_MALFORMED"],
    ["tcb_info", "another form", { fmspc: "00" }, "ATTEST_TCB_INFO_MALFORMED"],
    ["tcb_info", "another version", { version: 2 }, "ATTEST_TCB_INFO_KIND"],
    ["tcb_info", "another type", { tcbType: 1 }, "ATTEST_TCB_INFO_KIND"],
    ["tcb_info", "another kind", { id: "TDX" }, "ATTEST_TCB_INFO_KIND"],
    ["tcb_info", "a time to come", { issueDate: tomorrow }, "ATTEST_TCB_INFO_TIME"],
    ["tcb_info", "a time that is over", { nextUpdate: yesterday }, "ATTEST_TCB_INFO_TIME"],
    ["tcb_info", "another platform family", { fmspc: "00606a000001" }, "ATTEST_FMSPC_MISMATCH"],
    ["tcb_info", "another PCE", { pceId: "0001" }, "ATTEST_PCEID_MISMATCH"],
    ["tcb_info", "another evaluation", { tcbEvaluationDataNumber: 2 }, "ATTEST_EVALUATION_MISMATCH"],
    [
      "tcb_info",
      "a status that nobody knows",
      () => level("tcb_info", { tcbStatus: "Fine" }),
      "ATTEST_TCB_STATUS_UNKNOWN",
    ],
    [
      "tcb_info",
      "levels that the platform does not reach",
      () =>
        level("tcb_info", {
          tcb: { sgxtcbcomponents: Array.from({ length: 16 }, () => ({ svn: 2 })), pcesvn: 13 },
        }),
      "ATTEST_TCB_LEVEL_UNKNOWN",
    ],
    [
      "tcb_info",
      "levels that its PCE does not reach",
      () =>
        level("tcb_info", {
          tcb: { sgxtcbcomponents: Array.from({ length: 16 }, () => ({ svn: 1 })), pcesvn: 14 },
        }),
      "ATTEST_TCB_LEVEL_UNKNOWN",
    ],
    ["tcb_info", "a revoked level", () => level("tcb_info", { tcbStatus: "Revoked" }), "ATTEST_TCB_REVOKED"],
    ["qe_identity", "no JSON", "no JSON", "ATTEST_QE_IDENTITY_MALFORMED"],
    ["qe_identity", "another form", { mrsigner: "00" }, "ATTEST_QE_IDENTITY_MALFORMED"],
    ["qe_identity", "another version", { version: 3 }, "ATTEST_QE_IDENTITY_KIND"],
    ["qe_identity", "another kind", { id: "QVE" }, "ATTEST_QE_IDENTITY_KIND"],
    ["qe_identity", "a time to come", { issueDate: tomorrow }, "ATTEST_QE_IDENTITY_TIME"],
    ["qe_identity", "a time that is over", { nextUpdate: yesterday }, "ATTEST_QE_IDENTITY_TIME"],
    [
      "qe_identity",
      "a status that no quoting enclave has",
      () => level("qe_identity", { tcbStatus: "SWHardeningNeeded" }),
      "ATTEST_QE_TCB_STATUS_UNKNOWN",
    ],
    [
      "qe_identity",
      "a status that nobody knows",
      () => level("qe_identity", { tcbStatus: "Fine" }),
      "ATTEST_QE_TCB_STATUS_UNKNOWN",
    ],
  ])("whose %s has %s", async (name, _, change, code) => {
    const made = typeof change === "function" ? change() : change;
    expect((await verify({ collateral: await document(name, made) })).code).toBe(code);
  });
});

describe("what no evidence can cause", () => {
  it("is thrown, not judged", async () => {
    const evidence = { quote, collateral, root: platform.root };
    await expect(verifySgxQuote({ ...evidence, at: Number.NaN })).rejects.toThrow(
      "at: expected milliseconds",
    );
    await expect(verifySgxQuote({ ...evidence, at, quote: undefined as never })).rejects.toThrow(TypeError);
  });
});
