import { describe, expect, it } from "vitest";
import {
  createSimulatedPlatform,
  restoreSimulatedPlatform,
  trustRootFromCertificate,
  verifySgxQuote,
} from "../src/index.js";
import { issueRevocationList, newHolder } from "../src/simulated/authority.js";

const at = Date.parse("2026-03-01T12:00:00Z");
const period = { from: at - 86_400_000, until: at + 86_400_000 };
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };
const enclave = {
  mrEnclave: new Uint8Array(32).fill(1),
  mrSigner: new Uint8Array(32).fill(2),
  productId: 7,
  svn: 9,
  reportData: new Uint8Array(64).fill(3),
};

async function evidence() {
  const platform = await createSimulatedPlatform({ ...period, random });
  const root = trustRootFromCertificate(platform.rootCertificate);
  const collateral = await platform.collateral(period);
  return { platform, evidence: { quote: await platform.quote(enclave), collateral, at, root } };
}

describe("a simulated platform", () => {
  it("makes evidence that is accepted under its own root, marked simulated", async () => {
    const { evidence: one } = await evidence();
    const verdict = await verifySgxQuote(one);
    expect(verdict).toMatchObject({
      verdict: "accept",
      kind: "simulated",
      status: "UpToDate",
      enclave: { mrEnclave: "01".repeat(32), productId: 7, svn: 9, reportData: "03".repeat(64) },
    });
  });

  it("is the same after it was saved and restored", async () => {
    const { platform } = await evidence();
    const again = await restoreSimulatedPlatform(JSON.parse(JSON.stringify(await platform.save())));
    const collateral = await again.collateral(period);
    const quote = await again.quote(enclave);
    expect(await verifySgxQuote({ quote, collateral, at, root: platform.root })).toMatchObject({
      verdict: "accept",
      kind: "simulated",
    });
    expect(await again.save()).toEqual(await platform.save());
  });

  it("is refused under Intel's root and under another project's", async () => {
    const { evidence: one } = await evidence();
    const { platform: other } = await evidence();
    const { root: _, ...plain } = one;
    expect((await verifySgxQuote(plain)).code).toBe("ATTEST_ROOT_UNTRUSTED");
    expect((await verifySgxQuote({ ...one, root: other.root })).code).toBe("ATTEST_ROOT_UNTRUSTED");
  });

  it("is refused outside the period, before and after", async () => {
    const { evidence: one } = await evidence();
    for (const time of [period.from - 1000, period.until + 1000]) {
      expect((await verifySgxQuote({ ...one, at: time })).code).toBe("ATTEST_PCK_CHAIN_VALIDITY");
    }
  });

  it.each([
    ["DEBUG", 0x07, "ATTEST_ENCLAVE_DEBUG"],
    ["no INIT", 0x04, "ATTEST_ENCLAVE_NOT_INITIALISED"],
    ["the provisioning key", 0x15, "ATTEST_ENCLAVE_PROVISION_KEY"],
    ["32 bits", 0x01, "ATTEST_ENCLAVE_NOT_64_BIT"],
  ])("can't pass an enclave with %s", async (_, flags, code) => {
    const { platform, evidence: one } = await evidence();
    const attributes = Uint8Array.of(flags, ...new Uint8Array(15));
    expect(
      (await verifySgxQuote({ ...one, quote: await platform.quote({ ...enclave, attributes }) })).code,
    ).toBe(code);
  });

  it("can't pass with lists or documents of another platform, nor with lists exchanged", async () => {
    const { evidence: one } = await evidence();
    const { evidence: two } = await evidence();
    const { collateral } = one;
    const swap = async (change: object) =>
      (await verifySgxQuote({ ...one, collateral: { ...collateral, ...change } })).code;
    expect(await swap({ root_ca_crl: two.collateral.root_ca_crl })).toBe("ATTEST_CRL_SIGNATURE");
    expect(await swap({ pck_crl: two.collateral.pck_crl })).toBe("ATTEST_CRL_SIGNATURE");
    expect(await swap({ pck_crl: collateral.root_ca_crl })).toBe("ATTEST_CRL_ISSUER");
    expect(await swap({ root_ca_crl: "" })).toBe("ATTEST_CRL_MISSING");
    expect(await swap({ root_ca_crl: undefined })).toBe("ATTEST_CRL_MISSING");
    expect(await swap({ pck_crl: `${collateral.pck_crl}00` })).toBe("ATTEST_CRL_MALFORMED");
    expect(await swap({ tcb_info: `${collateral.tcb_info} ` })).toBe("ATTEST_TCB_INFO_SIGNATURE");
    expect(await swap({ qe_identity: collateral.tcb_info })).toBe("ATTEST_QE_IDENTITY_SIGNATURE");
    expect(await swap({ tcb_info_issuer_chain: two.collateral.tcb_info_issuer_chain })).toBe(
      "ATTEST_ROOT_UNTRUSTED",
    );
    const forged = await issueRevocationList(await newHolder("Root CA"), period);
    expect(await swap({ root_ca_crl: Buffer.from(forged).toString("hex") })).toBe("ATTEST_CRL_SIGNATURE");
  });

  it("can't let its PCK certificate sign collateral", async () => {
    const { evidence: one } = await evidence();
    const text = new TextDecoder("latin1").decode(one.quote);
    const chain = text.slice(text.indexOf("-----BEGIN"));
    const [leaf = "", , root = ""] = chain.match(/-----BEGIN[\s\S]*?-----END CERTIFICATE-----\n/g) ?? [];
    const collateral = { ...one.collateral, tcb_info_issuer_chain: leaf + root };
    expect((await verifySgxQuote({ ...one, collateral })).code).toBe("ATTEST_TCB_CHAIN_ROLE");
  });
});
