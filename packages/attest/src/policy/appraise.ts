/** Appraisal: genuine evidence held against a policy. What the policy does not allow is refused. */
import { toHex } from "@sealflow/core";
import { Refusal } from "../refusal.js";
import type { EnclaveIdentity, SgxVerdict } from "../sgx/verify.js";
import { fingerprintOf, intelRoot, type TrustRoot } from "../trust-root.js";
import { CheckList } from "../verdict.js";
import type { AppraisalPolicy, Measurement } from "./schema.js";

/** What the evidence is appraised for. */
export interface AppraisalRequest {
  readonly policy: AppraisalPolicy;
  /** The time of judgement, in milliseconds since the Unix epoch: exceptions for advisories end. */
  readonly at: number;
  /** The root the evidence was verified with. Default: Intel's. */
  readonly root?: TrustRoot;
  /** The component the enclave must be; without it any component of the policy will do. */
  readonly component?: string;
  /** The 64 bytes that REPORTDATA must hold: the binding to a nonce and keys. */
  readonly reportData?: Uint8Array;
}

/**
 * Appraises a verdict.
 *
 * @returns The verdict with the policy's checks added; a refusal stays the refusal it was.
 */
export async function appraise(verdict: SgxVerdict, request: AppraisalRequest): Promise<SgxVerdict> {
  if (verdict.verdict === "refuse") return verdict;
  const list = new CheckList();
  const settled = (code?: string): SgxVerdict => ({
    ...verdict,
    ...(code === undefined ? {} : { verdict: "refuse" as const, code }),
    checks: [...verdict.checks, ...list.checks],
  });
  try {
    await checkRoot(list, verdict, request);
    checkTcb(list, verdict, request);
    checkPlatform(list, verdict, request.policy);
    checkMeasurement(list, verdict.enclave, request);
    checkReportData(list, verdict.enclave, request.reportData);
    return settled();
  } catch (error) {
    if (error instanceof Refusal) return settled(error.code);
    throw error;
  }
}

async function checkRoot(list: CheckList, verdict: SgxVerdict, request: AppraisalRequest): Promise<void> {
  const root = request.root ?? intelRoot;
  if (verdict.kind !== root.kind)
    throw new TypeError("root: expected the one the evidence was verified with");
  const fingerprint = await fingerprintOf(root);
  list.require("ATTEST_POLICY_SIMULATED", "the policy names the root", {
    holds: root.kind === "intel" || request.policy.simulatedRoots.includes(fingerprint),
    expected: ["Intel", ...request.policy.simulatedRoots].join(" or "),
    got: root.kind === "intel" ? "Intel" : fingerprint,
  });
}

function checkTcb(list: CheckList, verdict: SgxVerdict, { policy, at }: AppraisalRequest): void {
  const { status } = verdict;
  list.require("ATTEST_POLICY_STATUS", "the policy accepts the TCB status", {
    holds: policy.tcb.statuses.some((accepted) => accepted === status),
    expected: policy.tcb.statuses.join(" or ") || "none",
    got: `${status}`,
  });
  const allowed = policy.tcb.advisories.filter(({ until }) => at < endOf(until)).map(({ id }) => id);
  const open = verdict.advisories.filter((id) => !allowed.includes(id));
  list.require("ATTEST_POLICY_ADVISORY", "the policy allows the open advisories at this time", {
    holds: open.length === 0,
    expected: allowed.join(", ") || "none",
    got: open.join(", ") || verdict.advisories.join(", ") || "none",
  });
  const evaluation = verdict.platform?.evaluationNumber ?? -1;
  list.require("ATTEST_POLICY_EVALUATION", "the collateral is of a recent evaluation", {
    holds: evaluation >= policy.tcb.minimumEvaluation,
    expected: `at least ${policy.tcb.minimumEvaluation}`,
    got: `${evaluation}`,
  });
}

/** The end of a day in UTC. */
function endOf(day: string): number {
  return Date.parse(`${day}T00:00:00Z`) + 86_400_000;
}

function checkPlatform(list: CheckList, { platform }: SgxVerdict, { platforms }: AppraisalPolicy): void {
  const [fmspc, ppid] = [platform?.fmspc ?? "", platform?.ppid ?? ""];
  const holds =
    platforms === "any" ||
    ((platforms.fmspcs !== undefined || platforms.ppids !== undefined) &&
      (platforms.fmspcs?.includes(fmspc) ?? true) &&
      (platforms.ppids?.includes(ppid) ?? true));
  const expected = platforms === "any" ? "any" : JSON.stringify(platforms);
  list.require("ATTEST_POLICY_PLATFORM", "the policy allows the platform", {
    holds,
    expected,
    got: `FMSPC ${fmspc}, PPID ${ppid}`,
  });
}

function checkMeasurement(
  list: CheckList,
  enclave: EnclaveIdentity | undefined,
  { policy, component }: AppraisalRequest,
): void {
  const names = component === undefined ? Object.keys(policy.components) : [component];
  const matched =
    enclave && names.find((each) => measurementsOf(policy, each).some((one) => fits(enclave, one)));
  list.require("ATTEST_POLICY_MEASUREMENT", "the policy names what the enclave is", {
    holds: matched !== undefined,
    expected: component ?? (names.join(" or ") || "nothing"),
    got:
      matched ??
      `MRENCLAVE ${enclave?.mrEnclave}, MRSIGNER ${enclave?.mrSigner}, product ${enclave?.productId}, SVN ${enclave?.svn}`,
  });
}

function measurementsOf(policy: AppraisalPolicy, component: string): readonly Measurement[] {
  return Object.hasOwn(policy.components, component) ? (policy.components[component] ?? []) : [];
}

/** MRENCLAVE covers neither product id nor SVN, so both are compared besides it. */
function fits(enclave: EnclaveIdentity, wanted: Measurement): boolean {
  const measured =
    "mrenclave" in wanted ? enclave.mrEnclave === wanted.mrenclave : enclave.mrSigner === wanted.mrsigner;
  const product = wanted.productId === undefined || enclave.productId === wanted.productId;
  return measured && product && enclave.svn >= wanted.minimumSvn;
}

function checkReportData(
  list: CheckList,
  enclave: EnclaveIdentity | undefined,
  reportData: Uint8Array | undefined,
): void {
  if (reportData === undefined) return;
  if (reportData.length !== 64) throw new TypeError("reportData: expected 64 bytes");
  const [expected, got] = [toHex(reportData), enclave?.reportData ?? ""];
  list.require("ATTEST_REPORT_DATA", "REPORTDATA binds nonce and keys", {
    holds: expected === got,
    expected,
    got,
  });
}
