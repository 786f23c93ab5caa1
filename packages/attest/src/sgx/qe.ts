/** The quoting enclave: is it Intel's, in production mode, and did it make this attestation key? */
import { concatBytes, equalBytes, fromHex, sha256, toHex } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import type { SgxQuote } from "./quote.js";
import { attributeBit, hasAttribute } from "./report.js";
import type { QeIdentity } from "./tcb-documents.js";

/** REPORTDATA of the QE is SHA-256 over attestation key and authentication data, then 32 zero bytes. */
export async function requireKeyBinding(quote: SgxQuote): Promise<void> {
  const bound = concatBytes(quote.attestationKey, quote.qeAuthenticationData);
  const expected = concatBytes(await sha256(bound), new Uint8Array(32));
  if (!equalBytes(quote.qeReport.reportData, expected)) {
    throw new Refusal("ATTEST_QE_BINDING", toHex(expected), toHex(quote.qeReport.reportData));
  }
}

/** Holds the QE's report against the signed identity. */
export function requireIdentity(quote: SgxQuote, identity: QeIdentity): void {
  const report = quote.qeReport;
  const signer = toHex(report.mrSigner);
  if (signer !== identity.mrsigner) throw new Refusal("ATTEST_QE_MRSIGNER", identity.mrsigner, signer);
  if (report.productId !== identity.isvprodid) {
    throw new Refusal("ATTEST_QE_PRODUCT_ID", `${identity.isvprodid}`, `${report.productId}`);
  }
  requireMasked("ATTEST_QE_MISCSELECT", report.miscSelect, [identity.miscselect, identity.miscselectMask]);
  requireMasked("ATTEST_QE_ATTRIBUTES", report.attributes, [identity.attributes, identity.attributesMask]);
  if (hasAttribute(report, attributeBit.debug)) throw new Refusal("ATTEST_QE_DEBUG", "DEBUG 0", "DEBUG 1");
  if (!hasAttribute(report, attributeBit.init)) throw new Refusal("ATTEST_QE_ATTRIBUTES", "INIT 1", "INIT 0");
}

function requireMasked(code: string, bytes: Uint8Array, [value, mask]: readonly [string, string]): void {
  const maskBytes = fromHex(mask);
  const masked = Uint8Array.from(bytes, (byte, i) => byte & (maskBytes[i] ?? 0xff));
  if (toHex(masked) !== value) throw new Refusal(code, `${value} under mask ${mask}`, toHex(masked));
}
