/** Trust roots: whose word counts. Roots are pinned by key, because certificates of the same key are reissued. */
import { equalBytes, fromHex, sha256, toHex } from "@sealflow/core";
import { parseCertificate } from "./x509/certificate.js";

/**
 * SubjectPublicKeyInfo of Intel's SGX root CA: the same key in its certificates that end in 2033 and in 2049
 * (https://certificates.trustedservices.intel.com/IntelSGXRootCA.der).
 */
const intelKey =
  "3059301306072a8648ce3d020106082a8648ce3d030107034200040ba9c4c0c0c86193a3fe23d6b02cda10a8bbd4" +
  "e88e48b4458561a36e705525f567918e2edc88e40d860bd0cc4ee26aacc988e505a953558c453f6b0904ae7394";

/** A root that evidence may end at. */
export interface TrustRoot {
  /** `simulated` for every key but Intel's. */
  readonly kind: "intel" | "simulated";
  /** DER of SubjectPublicKeyInfo. */
  readonly publicKeyInfo: Uint8Array<ArrayBuffer>;
}

/** Intel's root: the only one that stands for hardware. */
export const intelRoot: TrustRoot = { kind: "intel", publicKeyInfo: fromHex(intelKey) };

/**
 * The root behind a certificate in DER. Whatever the certificate says of itself, it is simulated unless its key is
 * Intel's.
 *
 * @throws Refusal `ATTEST_DER_MALFORMED`
 */
export function trustRootFromCertificate(der: Uint8Array<ArrayBuffer>): TrustRoot {
  const { publicKeyInfo } = parseCertificate(der);
  return { kind: equalBytes(publicKeyInfo, intelRoot.publicKeyInfo) ? "intel" : "simulated", publicKeyInfo };
}

/** How policies name a root: lower-case hex of SHA-256 over its SubjectPublicKeyInfo. */
export async function fingerprintOf(root: TrustRoot): Promise<string> {
  return toHex(await sha256(root.publicKeyInfo));
}
