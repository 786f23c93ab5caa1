/**
 * What a policy says of runs and results from before it: a newer policy can only forbid. A run goes on under the policy that
 * it was registered under for as long as the one in force authorises it too; a result of an earlier policy is reused when
 * the run's own policy permits it as if it had been made under it.
 */
import { canonicalJson } from "@sealflow/core";
import { appraiseEvidence, type Evidence } from "../evidence.js";
import { failure } from "../failure.js";
import type { TrustPolicy } from "../policy.js";
import { authorises, type Registration } from "../registration.js";
import { reportDataOf, type Transcript } from "../transcript.js";
import type { BrokerCore } from "./core.js";
import type { PolicyInForce, RegisteredRun } from "./state.js";

/**
 * Demands that the policy in force authorises a run of an earlier one: by the same submitter's key, with a flow that lets it
 * run on the same components.
 *
 * @throws SealflowError `TRUST_POLICY_STALE`
 */
export function requireStillAuthorised(run: RegisteredRun, { policy, digest }: PolicyInForce): void {
  if (run.policy.digest === digest) return;
  const components = canonicalJson(run.flow.components);
  const allowed =
    sameSubmitter(run, policy) &&
    policy.flows.some(
      (flow) => authorises(flow, run.registration) && canonicalJson(flow.components) === components,
    );
  if (allowed) return;
  const { runId, policyEpoch } = run.registration;
  throw failure("TRUST_POLICY_STALE", `run ${runId}`, {
    expected: `a run that policy epoch ${policy.epoch} authorises`,
    got: `one of epoch ${policyEpoch}, which it does not`,
  });
}

/** A result of another run, with the grant and evidence that it was made under. */
export interface Original {
  readonly run: RegisteredRun;
  readonly transcript: Transcript;
  readonly evidence: Evidence;
  /** Of its grant, in milliseconds since the Unix epoch. */
  readonly grantedAt: number;
}

/**
 * Whether a policy permits a result as if it had been made under it: its run is authorised, its evidence accepted, at the
 * time of its grant, as what the policy has the component measured as.
 */
export async function permitsOriginal(
  core: BrokerCore,
  { policy, digest }: PolicyInForce,
  original: Original,
  measuredAs: string,
): Promise<boolean> {
  const { run, transcript, evidence, grantedAt: at } = original;
  if (run.policy.digest === digest) return true;
  if (run.policy.policy.epoch >= policy.epoch) return false;
  if (!sameSubmitter(run, policy) || !policy.flows.some((flow) => authorises(flow, run.registration)))
    return false;
  const { accepted } = await appraiseEvidence(evidence, {
    policy: policy.appraisal,
    roots: core.options.roots,
    component: measuredAs,
    reportData: await reportDataOf(transcript),
    at,
  });
  return accepted;
}

function sameSubmitter(
  {
    registration,
    policy: { policy },
  }: { readonly registration: Registration; readonly policy: PolicyInForce },
  newer: TrustPolicy,
): boolean {
  const keyIn = ({ submitters }: TrustPolicy) =>
    Object.hasOwn(submitters, registration.submitter) ? submitters[registration.submitter] : undefined;
  // The run's own policy has one: it was registered under it.
  return keyIn(newer) === keyIn(policy);
}
