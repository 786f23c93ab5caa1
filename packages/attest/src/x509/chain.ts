/** Certificates that vouch for each other, down from a pinned root key. */
import { equalBytes, toHex } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import { type Certificate, keyUsageBit } from "./certificate.js";
import type { RevocationList } from "./crl.js";
import { verifyP256 } from "./ecdsa.js";

const iso = (time: number) => new Date(time).toISOString();

/** Refuses a certificate outside its validity. `at` in milliseconds since the Unix epoch. */
export function requireValidAt(certificate: Certificate, at: number, code: string): void {
  if (certificate.notBefore <= at && at <= certificate.notAfter) return;
  const window = `a time from ${iso(certificate.notBefore)} to ${iso(certificate.notAfter)}`;
  throw new Refusal(code, `${window} (${certificate.subject.commonName})`, iso(at));
}

/** Refuses a certificate that may not issue others: not an authority, no keyCertSign, or too far from the leaf. */
export function requireAuthority(certificate: Certificate, authoritiesBelow: number, code: string): void {
  const name = certificate.subject.commonName;
  if (!certificate.isAuthority || !certificate.keyUsage[keyUsageBit.keyCertSign]) {
    throw new Refusal(code, `${name} to be a certificate authority`, "no right to sign certificates");
  }
  if (certificate.pathLength !== undefined && certificate.pathLength < authoritiesBelow) {
    throw new Refusal(
      code,
      `${name} to allow ${authoritiesBelow} authorities below`,
      `${certificate.pathLength}`,
    );
  }
}

/** Refuses an end certificate that is an authority or may not sign data. */
export function requireEndEntity(certificate: Certificate, code: string): void {
  const usage = certificate.keyUsage;
  const fit =
    !certificate.isAuthority && usage[keyUsageBit.digitalSignature] && !usage[keyUsageBit.keyCertSign];
  if (!fit) throw new Refusal(code, `${certificate.subject.commonName} to sign data only`, "other rights");
}

/** Refuses a certificate that the issuer did not sign, or that names another issuer. */
export async function requireIssuedBy(
  certificate: Certificate,
  issuer: Certificate,
  code: string,
): Promise<void> {
  const name = certificate.subject.commonName;
  if (!equalBytes(certificate.issuer.encoding, issuer.subject.encoding)) {
    throw new Refusal(
      code,
      `${name} to name ${issuer.subject.commonName} as its issuer`,
      certificate.issuer.commonName,
    );
  }
  if (!(await verifyP256(issuer.publicKey, certificate.signature, certificate.tbs))) {
    throw new Refusal(code, `${name} to be signed by ${issuer.subject.commonName}`, "another signature");
  }
}

/** Refuses a revocation list that is not the issuer's own, current one. */
export async function requireCurrentList(
  list: RevocationList,
  issuer: Certificate,
  at: number,
): Promise<void> {
  const name = issuer.subject.commonName;
  if (!equalBytes(list.issuer.encoding, issuer.subject.encoding)) {
    throw new Refusal("ATTEST_CRL_ISSUER", `a revocation list of ${name}`, list.issuer.commonName);
  }
  if (!issuer.keyUsage[keyUsageBit.crlSign]) {
    throw new Refusal("ATTEST_CRL_ISSUER", `${name} to sign revocation lists`, "no right to");
  }
  if (!(await verifyP256(issuer.publicKey, list.signature, list.tbs))) {
    throw new Refusal("ATTEST_CRL_SIGNATURE", `a revocation list signed by ${name}`, "another signature");
  }
  if (at < list.thisUpdate)
    throw new Refusal("ATTEST_CRL_NOT_YET_VALID", `a time from ${iso(list.thisUpdate)}`, iso(at));
  if (at > list.nextUpdate)
    throw new Refusal("ATTEST_CRL_EXPIRED", `a time up to ${iso(list.nextUpdate)}`, iso(at));
}

/** Refuses a certificate that is on its issuer's list. */
export function requireNotRevoked(certificate: Certificate, list: RevocationList): void {
  const serial = toHex(certificate.serial);
  if (!list.revoked.has(serial)) return;
  throw new Refusal(
    "ATTEST_CERTIFICATE_REVOKED",
    `${certificate.subject.commonName} not revoked`,
    `serial ${serial}`,
  );
}
