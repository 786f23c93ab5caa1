/** Commits and failures: how tasks end. */
import type { Digest } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { envelopeDigest } from "../document.js";
import { failure } from "../failure.js";
import type { LogEntryOf } from "../log/entry.js";
import { type Committed, type FailureAnswer, readCommit, readFailure } from "../protocol/messages.js";
import { openSecrets } from "../protocol/secrets.js";
import { verifyFailureStatement } from "../statement/failure-statement.js";
import { verifyTaskStatement } from "../statement/task-statement.js";
import { reuseKeyOf } from "./challenging.js";
import { requireOpens, requireStatedUnder } from "./committing.js";
import type { BrokerCore } from "./core.js";
import { maximumAttempts } from "./granting.js";
import type { Entries } from "./records.js";
import { requireStillAccepted } from "./requesting.js";
import { resultOf } from "./run-records.js";
import type { GrantedAttempt, RunState } from "./run-state.js";

/**
 * @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_EVIDENCE_REFUSED`, `TRUST_TASK_NOT_DUE`, `TRUST_COMMIT_…`,
 *   `TRUST_STATEMENT_TASK`, `SEAL_ENVELOPE_…`, `SEAL_STATEMENT_…`
 */
export async function commit(core: BrokerCore, message: unknown): Promise<Committed> {
  const { runId, path, attempt, statement, secrets: sealed } = readCommit(message);
  const first = (await core.state.run(runId)).committedAnswer(path);
  if (first !== undefined) return first;
  const run = await core.openRun(runId);
  const found = core.requireDue(run, path);
  const granted = requireLive(run, path, attempt);
  const { transcript, entry: grantEntry } = granted;
  await requireStillAccepted(core, run, { granted });
  const stated = await verifyTaskStatement(statement, transcript);
  requireStatedUnder(stated, { task: found.due, entry: grantEntry });
  const digest = await envelopeDigest(statement);
  const secrets = await openSecrets(sealed, { identity: core.keys.identity, transcript, statement: digest });
  await requireOpens(secrets, stated.outputs, run);
  const reuseKey = await reuseKeyOf(core, run, found);
  const entry: LogEntryOf<"committed"> = {
    ...core.state.entryOf(run, core.now()),
    ...{ kind: "committed", path, attempt, statement: digest },
  };
  const { outputs } = stated;
  const answer = run.finish(path, resultOf({ attempt, outputs, secrets, entries: [entry] }));
  const entries: Entries<"committed"> = [entry, ...(await core.state.finishedAfter(run, entry))];
  const key = reuseKey === undefined ? {} : { reuseKey };
  const record = {
    runId,
    path,
    attempt,
    statement,
    outputs,
    secrets,
    granted: granted.record,
    ...key,
    entries,
  };
  await core.decide({ kind: "committed", ...record }, true);
  return answer;
}

/**
 * @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_COMMIT_ATTEMPT`, `TRUST_STATEMENT_TASK`,
 *   `SEAL_ENVELOPE_…`, `SEAL_STATEMENT_…`
 */
export async function fail(core: BrokerCore, message: unknown): Promise<FailureAnswer | Committed> {
  const { runId, path, attempt, statement } = readFailure(message);
  const digest = await envelopeDigest(statement);
  const asked = await core.state.run(runId);
  const known = asked.attempt(path, attempt)?.failure;
  if (known?.statement === digest) return { kind: "failed", path, attempt, final: known.final };
  const first = asked.committedAnswer(path);
  if (first !== undefined) return first;
  const run = await core.openRun(runId);
  const { due } = core.requireDue(run, path);
  const { transcript, entry: grantEntry } = requireLive(run, path, attempt);
  const stated = await verifyFailureStatement(statement, transcript);
  if (stated.grant !== grantEntry.grant || stated.evidence !== grantEntry.evidence) {
    throw failure("TRUST_COMMIT_GRANT", `failure of ${path}`, {
      expected: "the grant and evidence of its attempt",
      got: "others",
    });
  }
  const final = endsTask(due, {
    attempts: run
      .task(path)
      .attempts.map((each, index) => each.failure !== undefined || index === attempt - 1),
    maximum: maximumAttempts(due, run.policy.policy),
  });
  await recordFailure(core, run, { path, attempt, statement, digest, code: stated.code, final });
  return { kind: "failed", path, attempt, final };
}

interface Failed {
  readonly path: string;
  readonly attempt: number;
  readonly statement: Parameters<typeof envelopeDigest>[0];
  readonly digest: Digest;
  readonly code: string;
  readonly final: boolean;
}

async function recordFailure(core: BrokerCore, run: RunState, failed: Failed): Promise<void> {
  const { path, attempt, statement, digest, code, final } = failed;
  const entry: LogEntryOf<"failed"> = {
    ...core.state.entryOf(run, core.now()),
    ...{ kind: "failed", path, attempt, statement: digest, final },
  };
  if (final) run.evaluation.fail(path, code);
  const entries: Entries<"failed"> = [entry, ...(await core.state.finishedAfter(run, entry))];
  const { runId } = run.registration;
  await core.decide({ kind: "failed", runId, path, attempt, statement, code, final, entries }, true);
}

/**
 * Whether a failure is the task's: one more than the spec's retries, or no attempt is left that may still succeed.
 *
 * @param state For each granted attempt whether it has failed, and how many may be granted.
 */
export function endsTask(
  task: Pick<DueTask, "retryPolicy">,
  state: { readonly attempts: readonly boolean[]; readonly maximum: number },
): boolean {
  const failures = state.attempts.filter(Boolean).length;
  const retries = task.retryPolicy?.maxRetryCount ?? 0;
  return failures > retries || failures >= state.maximum;
}

/** @throws SealflowError `TRUST_COMMIT_ATTEMPT` */
function requireLive(run: RunState, path: string, attempt: number): GrantedAttempt {
  const granted = run.attempt(path, attempt);
  if (granted !== undefined && granted.failure === undefined) return granted;
  throw failure("TRUST_COMMIT_ATTEMPT", `task ${path}, attempt ${attempt}`, {
    expected: "an attempt that has a grant and has not failed",
    got: granted === undefined ? "one without a grant" : "one that has failed",
  });
}
