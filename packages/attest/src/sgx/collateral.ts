/**
 * Collateral: what Intel publishes about platforms, in the JSON form that the public verifiers share. Revocation
 * lists and signatures are hexadecimal, TCB info and QE identity the verbatim text that was signed.
 */
import { fromHex, SealflowError } from "@sealflow/core";
import { z } from "zod";
import { Refusal } from "../refusal.js";
import { parseRevocationList, type RevocationList } from "../x509/crl.js";

const mebibyte = 1024 * 1024;
const chain = z.string().max(64 * 1024);
const list = z.string().max(16 * mebibyte);
const signature = z.string().length(128);

const schema = z.object({
  root_ca_crl: list.optional(),
  pck_crl: list.optional(),
  tcb_info_issuer_chain: chain,
  tcb_info: z.string().max(mebibyte),
  tcb_info_signature: signature,
  qe_identity_issuer_chain: chain,
  qe_identity: z.string().max(mebibyte),
  qe_identity_signature: signature,
});

/**
 * Collateral for one platform family. `pck_crl_issuer_chain`, which others carry too, is not read: the list is
 * checked with the very certificate that issued the PCK certificate.
 */
export type SgxCollateral = z.infer<typeof schema>;

/** Checks the shape of collateral; its content is for the verifier. */
export function parseCollateral(value: unknown): SgxCollateral {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const issue = result.error.issues[0];
  const where = issue?.path.join(".") || "collateral";
  throw new Refusal(
    "ATTEST_COLLATERAL_MALFORMED",
    `collateral in its JSON form`,
    `${where}: ${issue?.message}`,
  );
}

/** Decodes the hexadecimal of collateral. */
export function decodeHex(text: string, code: string): Uint8Array<ArrayBuffer> {
  try {
    return fromHex(text);
  } catch (error) {
    if (error instanceof SealflowError) throw new Refusal(code, "hexadecimal digits", "other text");
    throw error;
  }
}

/** Decodes a revocation list; an absent or empty one is missing. */
export function decodeRevocationList(text: string | undefined, name: string): RevocationList {
  if (!text) throw new Refusal("ATTEST_CRL_MISSING", `the ${name}`, "none");
  try {
    return parseRevocationList(decodeHex(text, "ATTEST_CRL_MALFORMED"));
  } catch (error) {
    if (!(error instanceof Refusal)) throw error;
    throw new Refusal("ATTEST_CRL_MALFORMED", error.expected, error.got);
  }
}
