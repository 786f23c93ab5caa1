/** The chains of Intel's SGX hierarchy: which certificate plays which role. */
import { equalBytes } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import type { TrustRoot } from "../trust-root.js";
import type { Certificate } from "../x509/certificate.js";
import { requireAuthority, requireEndEntity, requireIssuedBy, requireValidAt } from "../x509/chain.js";

const rootRole = " SGX Root CA";

/** What is common to both chains: the time in milliseconds and the root. */
export interface ChainContext {
  readonly at: number;
  readonly root: TrustRoot;
}

/** Leaf, issuing authority and root of the PCK hierarchy. */
export interface PckChain {
  readonly leaf: Certificate;
  readonly authority: Certificate;
  readonly root: Certificate;
}

function requireRole(certificate: Certificate, roles: readonly string[], code: string): void {
  if (roles.includes(certificate.subject.commonName)) return;
  throw new Refusal(code, roles.join(" or "), certificate.subject.commonName);
}

/** "Intel", or whatever a simulated hierarchy calls itself; the same in all its names. */
function vendorOf(root: Certificate, code: string): string {
  const name = root.subject.commonName;
  if (!name.endsWith(rootRole)) throw new Refusal(code, `a root named …${rootRole}`, name);
  return name.slice(0, -rootRole.length);
}

async function requireRoot(root: Certificate, context: ChainContext, code: string): Promise<void> {
  if (!equalBytes(root.publicKeyInfo, context.root.publicKeyInfo)) {
    throw new Refusal(
      "ATTEST_ROOT_UNTRUSTED",
      "the pinned root's key",
      `the key of ${root.subject.commonName}`,
    );
  }
  await requireIssuedBy(root, root, `${code}_SIGNATURE`);
  requireAuthority(root, 1, `${code}_ROLE`);
}

const areTwo = (all: readonly Certificate[]): all is readonly [Certificate, Certificate] => all.length === 2;
const areThree = (all: readonly Certificate[]): all is readonly [Certificate, Certificate, Certificate] =>
  all.length === 3;

/**
 * Sorts and verifies the PCK chain: leaf first, then authority and root in either order (some quoting libraries
 * exchange them).
 */
export async function verifyPckChain(
  certificates: readonly Certificate[],
  context: ChainContext,
): Promise<PckChain> {
  const role = "ATTEST_PCK_CHAIN_ROLE";
  if (!areThree(certificates)) {
    throw new Refusal(role, "leaf, authority and root", `${certificates.length} certificates`);
  }
  const [leaf, second, third] = certificates;
  const ordered = third.subject.commonName.endsWith(rootRole);
  const [authority, root] = ordered ? [second, third] : [third, second];
  const vendor = vendorOf(root, role);
  requireRole(leaf, [`${vendor} SGX PCK Certificate`], role);
  requireRole(authority, [`${vendor} SGX PCK Platform CA`, `${vendor} SGX PCK Processor CA`], role);
  await requireRoot(root, context, "ATTEST_PCK_CHAIN");
  requireAuthority(authority, 0, role);
  requireEndEntity(leaf, role);
  await requireIssuedBy(authority, root, "ATTEST_PCK_CHAIN_SIGNATURE");
  await requireIssuedBy(leaf, authority, "ATTEST_PCK_CHAIN_SIGNATURE");
  for (const each of [root, authority, leaf]) requireValidAt(each, context.at, "ATTEST_PCK_CHAIN_VALIDITY");
  return { leaf, authority, root };
}

/** Verifies the chain of a TCB info or QE identity and gives the certificate that signs it. */
export async function verifyTcbChain(
  certificates: readonly Certificate[],
  context: ChainContext,
): Promise<Certificate> {
  const role = "ATTEST_TCB_CHAIN_ROLE";
  if (!areTwo(certificates)) {
    throw new Refusal(role, "signing certificate and root", `${certificates.length} certificates`);
  }
  const [signer, root] = certificates;
  requireRole(signer, [`${vendorOf(root, role)} SGX TCB Signing`], role);
  await requireRoot(root, context, "ATTEST_TCB_CHAIN");
  requireEndEntity(signer, role);
  await requireIssuedBy(signer, root, "ATTEST_TCB_CHAIN_SIGNATURE");
  for (const each of [root, signer]) requireValidAt(each, context.at, "ATTEST_TCB_CHAIN_VALIDITY");
  return signer;
}
