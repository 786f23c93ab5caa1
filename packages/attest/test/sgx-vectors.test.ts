import { describe, expect, it } from "vitest";
import { trustRootFromCertificate, verifySgxQuote } from "../src/index.js";
import { bundleNames, readBundle, readBytes, syntheticCases, vectors } from "./vectors.js";

/** Status of each genuine quote; two public verifiers agree on them, but for the mixed collateral. */
const genuine: Record<string, string> = {
  A_phala_proc_00A067110000: "ConfigurationAndSWHardeningNeeded",
  B_azure_debug_00906ED50000_qe19: "ATTEST_ENCLAVE_DEBUG",
  B_azure_oe_debug_00906ED50000_qe19: "ATTEST_ENCLAVE_DEBUG",
  B_azure_oe_prodid_00906ED50000_qe19: "OutOfDate",
  B_azure_oe_release_00906ED50000_qe19: "OutOfDate",
  B_azure_oe_securityversion_00906ED50000_qe19: "OutOfDate",
  B_azure_prodid_00906ED50000_qe19: "OutOfDate",
  B_azure_release_00906ED50000_qe19: "OutOfDate",
  B_azure_securityversion_00906ED50000_qe19: "OutOfDate",
  B_mobilecoin_00906ED50000_qe19: "OutOfDate",
  "C_automata_00606A000000_2025-09": "SWHardeningNeeded",
  "C_integritee_00606A000000_2025-09": "OutOfDateConfigurationNeeded",
  "C_oasis_00606A000000_2025-09": "OutOfDate",
  "C_occlum_debug_00606A000000_2025-09": "ATTEST_ENCLAVE_DEBUG",
  D_mixed_eval_release_00906ED50000_tcb19_qe17: "ATTEST_EVALUATION_MISMATCH",
};

describe.skipIf(!vectors)("genuine quotes", () => {
  it("are all listed here", () => {
    expect(bundleNames().sort()).toEqual(Object.keys(genuine).sort());
  });

  it.each(bundleNames())("%s is judged as the public verifiers do, or stricter", async (name) => {
    const verdict = await verifySgxQuote(readBundle(name));
    const expected = genuine[name] ?? "";
    expect(verdict.code ?? verdict.status).toBe(expected);
    expect(verdict.verdict).toBe(expected.startsWith("ATTEST_") ? "refuse" : "accept");
    expect(verdict.kind).toBe("intel");
  });
});

/** The reason why each hostile case is refused. */
const reasons: Record<string, string> = {
  platform_revoked: "ATTEST_TCB_REVOKED",
  qe_revoked: "ATTEST_TCB_REVOKED",
  debug_enclave: "ATTEST_ENCLAVE_DEBUG",
  no_init_bit: "ATTEST_ENCLAVE_NOT_INITIALISED",
  pck_revoked: "ATTEST_CERTIFICATE_REVOKED",
  crl_future: "ATTEST_CRL_NOT_YET_VALID",
  crl_forged_empty: "ATTEST_CRL_SIGNATURE",
  crl_missing: "ATTEST_CRL_MISSING",
  tcb_expired: "ATTEST_CRL_EXPIRED",
  qe_identity_expired: "ATTEST_QE_IDENTITY_TIME",
  tcb_is_tdx: "ATTEST_TCB_INFO_KIND",
  qe_is_tdqe: "ATTEST_QE_IDENTITY_KIND",
  mixed_eval_numbers: "ATTEST_EVALUATION_MISMATCH",
  tcb_signed_by_rogue: "ATTEST_ROOT_UNTRUSTED",
  tcb_tampered: "ATTEST_TCB_INFO_SIGNATURE",
  wrong_root: "ATTEST_PCK_CHAIN_ROLE",
  report_data_flipped: "ATTEST_QUOTE_SIGNATURE",
  sig_zero: "ATTEST_QUOTE_SIGNATURE",
  qe_svn_low: "ATTEST_QE_TCB_LEVEL_UNKNOWN",
  version_2: "ATTEST_QUOTE_VERSION",
  akt_3: "ATTEST_QUOTE_KEY_TYPE",
  tee_tdx: "ATTEST_QUOTE_TEE_TYPE",
  vendor_unknown: "ATTEST_QUOTE_VENDOR",
  truncated: "ATTEST_QUOTE_MALFORMED",
  only_body: "ATTEST_QUOTE_MALFORMED",
  empty: "ATTEST_QUOTE_MALFORMED",
  authlen_huge: "ATTEST_QUOTE_MALFORMED",
  certlen_huge: "ATTEST_QUOTE_MALFORMED",
};

describe.skipIf(!vectors)("cases under a test root", () => {
  const cases = syntheticCases();
  const root = () => trustRootFromCertificate(readBytes("synthetic", "test-root-ca.der"));

  it.each(cases)("$name: $expected", async ({ name, expected, ...evidence }) => {
    const verdict = await verifySgxQuote({ ...evidence, root: root() });
    expect(verdict.kind).toBe("simulated");
    if (expected.startsWith("accept:")) {
      expect({ verdict: verdict.verdict, status: verdict.status }).toEqual({
        verdict: "accept",
        status: expected.slice("accept:".length),
      });
    } else {
      expect({ verdict: verdict.verdict, code: verdict.code }).toEqual({
        verdict: "refuse",
        code: reasons[name],
      });
      expect(verdict.checks.at(-1)).toMatchObject({ passed: false, code: verdict.code });
    }
  });

  it("are refused under Intel's root, whatever they say", async () => {
    for (const each of cases) expect((await verifySgxQuote(each)).verdict, each.name).toBe("refuse");
  });
});
