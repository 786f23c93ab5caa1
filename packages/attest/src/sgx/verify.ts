/**
 * The verification of an SGX DCAP quote: strict, offline, at a stated time. The order of the checks is the order in
 * docs/reference/attestation.md; the first one that fails ends it.
 */
import { concatBytes, toHex, utf8 } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import { intelRoot, type TrustRoot } from "../trust-root.js";
import { type Check, CheckList, type EvidenceKind } from "../verdict.js";
import type { Certificate } from "../x509/certificate.js";
import { requireCurrentList, requireNotRevoked } from "../x509/chain.js";
import { verifyP256 } from "../x509/ecdsa.js";
import { parsePemChain } from "../x509/pem.js";
import { decodeHex, decodeRevocationList, parseCollateral, type SgxCollateral } from "./collateral.js";
import { verifyPckChain, verifyTcbChain } from "./pck-chain.js";
import { type PckPlatform, readPckPlatform } from "./pck-extension.js";
import { requireIdentity, requireKeyBinding } from "./qe.js";
import { parseQuote, type SgxQuote } from "./quote.js";
import { attributeBit, type EnclaveReport, hasAttribute } from "./report.js";
import { parseQeIdentity, parseTcbInfo, type QeIdentity, type TcbInfo } from "./tcb-documents.js";
import { converge, platformLevel, qeLevel, type TcbLevel, type TcbStatus } from "./tcb-status.js";

/** What a verification takes. */
export interface SgxEvidence {
  readonly quote: Uint8Array<ArrayBuffer>;
  /** Collateral in its JSON form. */
  readonly collateral: unknown;
  /** The time at which the evidence is judged, in milliseconds since the Unix epoch. */
  readonly at: number;
  /** Default: Intel's. */
  readonly root?: TrustRoot;
}

/** Who the enclave is. Digests in lower-case hex. */
export interface EnclaveIdentity {
  readonly mrEnclave: string;
  readonly mrSigner: string;
  readonly productId: number;
  readonly svn: number;
  readonly attributes: string;
  readonly miscSelect: string;
  readonly reportData: string;
  readonly debug: boolean;
}

/** Where the enclave runs. */
export interface PlatformIdentity {
  readonly fmspc: string;
  readonly pceId: string;
  readonly ppid: string;
  readonly tcbDate: string;
  readonly evaluationNumber: number;
}

/** The outcome of a verification. `accept` means genuine evidence; whether it is enough is for a policy to say. */
export interface SgxVerdict {
  readonly verdict: "accept" | "refuse";
  readonly kind: EvidenceKind;
  /** Known once the TCB level was found, also for refusals after it. */
  readonly status: TcbStatus | null;
  /** The reason of a refusal. */
  readonly code?: string;
  readonly advisories: readonly string[];
  readonly checks: readonly Check[];
  /** As the quote claims it; to be believed only when accepted. */
  readonly enclave?: EnclaveIdentity;
  readonly platform?: PlatformIdentity;
}

/** What is found along the way. */
interface Findings {
  enclave?: EnclaveIdentity;
  platform?: PlatformIdentity;
  level?: TcbLevel;
}

/**
 * Verifies a quote.
 *
 * @returns A verdict; evidence that is wrong in any way is a refusal, never an exception.
 * @throws TypeError when `at` is no time.
 */
export async function verifySgxQuote(evidence: SgxEvidence): Promise<SgxVerdict> {
  if (!Number.isFinite(evidence.at)) throw new TypeError("at: expected milliseconds since the Unix epoch");
  const verification = new SgxVerification(evidence);
  try {
    await verification.run();
    return verification.verdict();
  } catch (error) {
    if (error instanceof Refusal) return verification.verdict(error.code);
    throw error;
  }
}

/** The claims of a report, for people and policies. */
export function describeReport(report: EnclaveReport): EnclaveIdentity {
  return {
    mrEnclave: toHex(report.mrEnclave),
    mrSigner: toHex(report.mrSigner),
    productId: report.productId,
    svn: report.svn,
    attributes: toHex(report.attributes),
    miscSelect: toHex(report.miscSelect),
    reportData: toHex(report.reportData),
    debug: hasAttribute(report, attributeBit.debug),
  };
}

interface Documents {
  readonly info: TcbInfo;
  readonly identity: QeIdentity;
}

class SgxVerification {
  readonly #evidence: SgxEvidence;
  readonly #root: TrustRoot;
  readonly #checks = new CheckList();
  readonly #found: Findings = {};

  constructor(evidence: SgxEvidence) {
    this.#evidence = evidence;
    this.#root = evidence.root ?? intelRoot;
  }

  verdict(code?: string): SgxVerdict {
    const { enclave, platform, level } = this.#found;
    return {
      verdict: code === undefined ? "accept" : "refuse",
      kind: this.#root.kind,
      status: level?.status ?? null,
      ...(code === undefined ? {} : { code }),
      advisories: level?.advisories ?? [],
      checks: this.#checks.checks,
      ...(enclave ? { enclave } : {}),
      ...(platform ? { platform } : {}),
    };
  }

  async run(): Promise<void> {
    const checks = this.#checks;
    const quote = await checks.step("ATTEST_QUOTE_MALFORMED", "the quote's form", () =>
      parseQuote(this.#evidence.quote),
    );
    this.#found.enclave = describeReport(quote.report);
    const collateral = await checks.step("ATTEST_COLLATERAL_MALFORMED", "the collateral's form", () =>
      parseCollateral(this.#evidence.collateral),
    );
    const { leaf, platform, rootList } = await this.#verifyPlatform(quote, collateral);
    const documents = await this.#verifyDocuments(collateral, rootList);
    this.#matchPlatform(platform, documents);
    await this.#verifySignatures(quote, leaf, documents.identity);
    await this.#findLevel(quote, platform, documents);
    this.#checkEnclave(quote.report);
  }

  async #verifyPlatform(quote: SgxQuote, collateral: SgxCollateral) {
    const { at } = this.#evidence;
    const checks = this.#checks;
    const context = { at, root: this.#root };
    const malformed = "ATTEST_PCK_CHAIN_MALFORMED";
    const certificates = await checks.step(malformed, "the PCK chain's form", () =>
      parsePemChain(quote.certificateChain, malformed),
    );
    const chain = await checks.step("ATTEST_PCK_CHAIN_SIGNATURE", "the PCK chain up to the pinned root", () =>
      verifyPckChain(certificates, context),
    );
    const platform = await checks.step("ATTEST_PCK_EXTENSION", "the platform in the PCK certificate", () =>
      recode("ATTEST_PCK_EXTENSION", () => readPckPlatform(chain.leaf)),
    );
    const rootList = await checks.step("ATTEST_CRL_SIGNATURE", "the root's revocation list", async () => {
      const list = decodeRevocationList(collateral.root_ca_crl, "root's revocation list");
      await requireCurrentList(list, chain.root, at);
      return list;
    });
    await checks.step("ATTEST_CERTIFICATE_REVOKED", "the PCK authority is not revoked", () =>
      requireNotRevoked(chain.authority, rootList),
    );
    await checks.step("ATTEST_CRL_SIGNATURE", "the PCK authority's revocation list", async () => {
      const list = decodeRevocationList(collateral.pck_crl, "PCK authority's revocation list");
      await requireCurrentList(list, chain.authority, at);
      requireNotRevoked(chain.leaf, list);
    });
    return { leaf: chain.leaf, platform, rootList };
  }

  async #verifyDocuments(
    collateral: SgxCollateral,
    rootList: Parameters<typeof requireNotRevoked>[1],
  ): Promise<Documents> {
    const signed = async (name: "tcb_info" | "qe_identity", code: string, what: string) => {
      const chain = parsePemChain(collateral[`${name}_issuer_chain`], "ATTEST_TCB_CHAIN_MALFORMED");
      const signer = await verifyTcbChain(chain, { at: this.#evidence.at, root: this.#root });
      requireNotRevoked(signer, rootList);
      await requireDocumentSignature(signer, collateral[name], {
        signature: decodeHex(collateral[`${name}_signature`], code),
        code,
        what,
      });
    };
    const checks = this.#checks;
    const info = await checks.step(
      "ATTEST_TCB_INFO_SIGNATURE",
      "TCB info, signed by its kind of certificate",
      async () => {
        await signed("tcb_info", "ATTEST_TCB_INFO_SIGNATURE", "TCB info");
        return parseTcbInfo(collateral.tcb_info);
      },
    );
    checks.require("ATTEST_TCB_INFO_KIND", "TCB info is for SGX", {
      holds: info.id === "SGX" && info.version === 3 && info.tcbType === 0,
      expected: "SGX version 3 type 0",
      got: `${info.id} version ${info.version} type ${info.tcbType}`,
    });
    this.#requirePeriod("ATTEST_TCB_INFO_TIME", "TCB info is current", info);
    const identity = await checks.step(
      "ATTEST_QE_IDENTITY_SIGNATURE",
      "QE identity, signed likewise",
      async () => {
        await signed("qe_identity", "ATTEST_QE_IDENTITY_SIGNATURE", "QE identity");
        return parseQeIdentity(collateral.qe_identity);
      },
    );
    checks.require("ATTEST_QE_IDENTITY_KIND", "QE identity is for SGX", {
      holds: identity.id === "QE" && identity.version === 2,
      expected: "QE version 2",
      got: `${identity.id} version ${identity.version}`,
    });
    this.#requirePeriod("ATTEST_QE_IDENTITY_TIME", "QE identity is current", identity);
    return { info, identity };
  }

  #requirePeriod(code: string, what: string, period: { issueDate: number; nextUpdate: number }): void {
    const { at } = this.#evidence;
    const iso = (time: number) => new Date(time).toISOString();
    this.#checks.require(code, what, {
      holds: period.issueDate <= at && at <= period.nextUpdate,
      expected: `a time from ${iso(period.issueDate)} to ${iso(period.nextUpdate)}`,
      got: iso(at),
    });
  }

  #matchPlatform(platform: PckPlatform, { info, identity }: Documents): void {
    const equal = (expected: string | number, got: string | number) => ({
      holds: expected === got,
      expected: `${expected}`,
      got: `${got}`,
    });
    const checks = this.#checks;
    checks.require("ATTEST_FMSPC_MISMATCH", "TCB info is for this FMSPC", equal(platform.fmspc, info.fmspc));
    checks.require("ATTEST_PCEID_MISMATCH", "TCB info is for this PCEID", equal(platform.pceId, info.pceId));
    checks.require(
      "ATTEST_EVALUATION_MISMATCH",
      "TCB info and QE identity are of one evaluation",
      equal(info.tcbEvaluationDataNumber, identity.tcbEvaluationDataNumber),
    );
  }

  async #verifySignatures(quote: SgxQuote, leaf: Certificate, identity: QeIdentity): Promise<void> {
    const checks = this.#checks;
    const signedBy = (holds: boolean, key: string) => ({
      holds,
      expected: `a signature by the ${key}`,
      got: holds ? "one" : "another",
    });
    const byPck = await verifyP256(leaf.publicKey, quote.qeReportSignature, quote.qeReportBytes);
    checks.require("ATTEST_QE_REPORT_SIGNATURE", "the QE's report", signedBy(byPck, "PCK key"));
    await checks.step("ATTEST_QE_BINDING", "the QE's report binds the attestation key", () =>
      requireKeyBinding(quote),
    );
    await checks.step("ATTEST_QE_ATTRIBUTES", "the QE is the one of the QE identity", () =>
      requireIdentity(quote, identity),
    );
    const key = concatBytes(Uint8Array.of(4), quote.attestationKey);
    const byKey = await verifyP256(key, quote.signature, quote.signed);
    checks.require("ATTEST_QUOTE_SIGNATURE", "the quote", signedBy(byKey, "attestation key"));
  }

  async #findLevel(quote: SgxQuote, platform: PckPlatform, { info, identity }: Documents): Promise<void> {
    const checks = this.#checks;
    const ofPlatform = await checks.step("ATTEST_TCB_LEVEL_UNKNOWN", "the platform's TCB level", () =>
      platformLevel(platform, info),
    );
    const ofQe = await checks.step("ATTEST_QE_TCB_LEVEL_UNKNOWN", "the QE's TCB level", () =>
      qeLevel(quote.qeReport.svn, identity),
    );
    const level = converge(ofPlatform, ofQe);
    this.#found.level = level;
    const { fmspc, pceId, ppid } = platform;
    this.#found.platform = {
      fmspc,
      pceId,
      ppid,
      tcbDate: level.date,
      evaluationNumber: info.tcbEvaluationDataNumber,
    };
    checks.require("ATTEST_TCB_REVOKED", "the TCB is not revoked", {
      holds: level.status !== "Revoked",
      expected: "a status other than Revoked",
      got: level.status,
    });
  }

  #checkEnclave(report: EnclaveReport): void {
    const bit = (name: keyof typeof attributeBit, wanted: boolean, code: string) => {
      const got = hasAttribute(report, attributeBit[name]);
      const outcome = { holds: got === wanted, expected: `${wanted ? 1 : 0}`, got: `${got ? 1 : 0}` };
      this.#checks.require(code, `the enclave's attribute ${name}`, outcome);
    };
    bit("init", true, "ATTEST_ENCLAVE_NOT_INITIALISED");
    bit("debug", false, "ATTEST_ENCLAVE_DEBUG");
    bit("provisionKey", false, "ATTEST_ENCLAVE_PROVISION_KEY");
    bit("mode64", true, "ATTEST_ENCLAVE_NOT_64_BIT");
  }
}

/** Gives every refusal of a step one code. */
function recode<T>(code: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    if (error instanceof Refusal) throw new Refusal(code, error.expected, error.got);
    throw error;
  }
}

async function requireDocumentSignature(
  signer: Certificate,
  text: string,
  { signature, code, what }: { signature: Uint8Array<ArrayBuffer>; code: string; what: string },
): Promise<void> {
  const message = utf8(text);
  if (!(await verifyP256(signer.publicKey, signature, message))) {
    throw new Refusal(code, `${what} signed by ${signer.subject.commonName}`, "another signature");
  }
}
