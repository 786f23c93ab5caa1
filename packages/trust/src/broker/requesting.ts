/** Requests: evidence in, grant out. */
import { SealflowError, toHex } from "@sealflow/core";
import { envelopeDigest } from "../document.js";
import { appraiseEvidence, type Evidence, evidenceDigest } from "../evidence.js";
import { failure } from "../failure.js";
import { sealGrant } from "../grant.js";
import type { LogEntryOf } from "../log/entry.js";
import { type Committed, type Granted, readRequest } from "../protocol/messages.js";
import type { DueComponent } from "../run/due.js";
import { reportDataOf, type Transcript, transcriptHash } from "../transcript.js";
import { nextAttempt } from "./challenging.js";
import type { BrokerCore } from "./core.js";
import { grantContent, inputCommitments, newSalts, requireTranscript } from "./granting.js";
import type { GrantedAttempt, RunState } from "./run-state.js";
import type { PolicyInForce } from "./state.js";
import { requireNonce } from "./tokens.js";

/**
 * @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_TRANSCRIPT_MISMATCH`, `TRUST_TASK_NOT_DUE`,
 *   `TRUST_ATTEMPT_…`, `TRUST_ATTEMPTS_EXHAUSTED`, `TRUST_NONCE_…`, `TRUST_EVIDENCE_REFUSED`
 */
export async function request(core: BrokerCore, message: unknown): Promise<Granted | Committed> {
  const { runId, transcript, evidence } = readRequest(message);
  const { path } = transcript;
  const committed = (await core.state.run(runId)).committedAnswer(path);
  if (committed !== undefined) return committed;
  const run = await core.openRun(runId);
  const hash = toHex(await transcriptHash(transcript));
  const digest = await evidenceDigest(evidence);
  const granted = run.granted(hash);
  if (granted !== undefined) {
    if (granted.failure === undefined && granted.entry.evidence === digest) {
      await requireStillAccepted(core, run, { granted, evidence });
      return { kind: "granted", grant: granted.grant };
    }
    throw taken(transcript, granted.failure === undefined ? "other evidence" : "one that has failed");
  }
  const found = core.requireDue(run, path);
  requireTranscript(transcript, {
    domain: core.options.domain,
    brokerKey: core.keys.brokerKey,
    registration: run.registrationDigest,
    policy: run.policy.digest,
    policyEpoch: run.policy.policy.epoch,
    component: found.component.digest,
  });
  await requireNext(core, run, { transcript, found });
  return grant(core, run, { found, transcript, evidence, hash });
}

async function requireNext(
  core: BrokerCore,
  run: RunState,
  { transcript, found }: { readonly transcript: Transcript; readonly found: DueComponent },
): Promise<void> {
  const { path, attempt, nonce } = transcript;
  const next = nextAttempt(run, found.due);
  if (attempt !== next) throw taken(transcript, `attempt ${attempt}, where ${next} is next`);
  const purpose = { registration: run.registrationDigest, path, attempt };
  await requireNonce(nonce, purpose, { keys: core.keys, now: core.options.clock.now() });
}

interface Asked {
  readonly found: DueComponent;
  readonly transcript: Transcript;
  readonly evidence: Evidence;
  /** `H(T)`. */
  readonly hash: string;
}

async function grant(core: BrokerCore, run: RunState, asked: Asked): Promise<Granted> {
  const { found, transcript, evidence, hash } = asked;
  const { due } = found;
  const { signer, recipient } = core.keys;
  const { random, grantLifetimeMs = 3_600_000 } = core.options;
  const at = core.now();
  // Under the run's policy, as its bundle is judged; and under the one in force, which may have learnt something since.
  const { measuredAs } = found.component;
  for (const policy of new Set([run.policy, core.policy()]))
    await requireEvidence(core, { measuredAs, transcript, evidence }, { policy, at });
  const salts = newSalts(due, random);
  const expiresAt = Math.min(at + grantLifetimeMs, Date.parse(run.registration.expiresAt));
  const { attempt, component, path } = transcript;
  const content = grantContent(run, due, { attempt, component, salts, broker: recipient, expiresAt });
  const envelope = await sealGrant(content, { transcript, signer, random });
  const entry: LogEntryOf<"granted"> = {
    ...core.state.entryOf(run, at),
    ...{ kind: "granted", path, attempt, transcript: hash },
    evidence: await evidenceDigest(evidence),
    grant: await envelopeDigest(envelope),
    parameters: await inputCommitments(due, salts),
  };
  const { runId } = run.registration;
  await core.decide({
    kind: "granted",
    runId,
    transcript,
    evidence,
    grant: envelope,
    salts,
    entries: [entry],
  });
  return { kind: "granted", grant: envelope };
}

/**
 * Demands that the policy in force, if it is a newer one than the run's, accepts what an attempt was granted for.
 *
 * @param evidence Default: from the records.
 * @throws SealflowError `TRUST_EVIDENCE_REFUSED`
 */
export async function requireStillAccepted(
  core: BrokerCore,
  run: RunState,
  of: { readonly granted: GrantedAttempt; readonly evidence?: Evidence },
): Promise<void> {
  const policy = core.policy();
  if (policy.digest === run.policy.digest) return;
  const { transcript, entry, record } = of.granted;
  const { measuredAs } = core.requireDue(run, transcript.path).component;
  const evidence = of.evidence ?? (await core.records.of("granted", record)).evidence;
  const at = Date.parse(entry.time);
  await requireEvidence(core, { measuredAs, transcript, evidence }, { policy, at });
}

async function requireEvidence(
  core: BrokerCore,
  asked: Pick<Asked, "transcript" | "evidence"> & { readonly measuredAs: string },
  { policy: { policy }, at }: { readonly policy: PolicyInForce; readonly at: number },
): Promise<void> {
  const { transcript, evidence, measuredAs: component } = asked;
  const appraisal = await appraiseEvidence(evidence, {
    policy: policy.appraisal,
    roots: core.options.roots,
    component,
    reportData: await reportDataOf(transcript),
    at,
  });
  if (appraisal.accepted) return;
  const failed = appraisal.checks.find(({ passed }) => !passed);
  throw new SealflowError({
    code: "TRUST_EVIDENCE_REFUSED",
    message:
      `task ${transcript.path}: expected evidence that the policy accepts, got a refusal: ${appraisal.code}` +
      (failed === undefined ? "" : ` (${failed.what}: expected ${failed.expected}, got ${failed.got})`),
    data: { code: appraisal.code ?? "", path: transcript.path, attempt: transcript.attempt },
  });
}

function taken({ path, attempt }: Transcript, got: string): SealflowError {
  return failure("TRUST_ATTEMPT_TAKEN", `task ${path}, attempt ${attempt}`, {
    expected: "the next attempt, or the evidence that has its grant",
    got,
  });
}
