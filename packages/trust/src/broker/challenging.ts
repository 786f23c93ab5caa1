/** Challenges: what a task needs for its transcript; or its result, when there is one already. */
import { toHex, utf8 } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { envelopeDigest } from "../document.js";
import { failure } from "../failure.js";
import type { LogEntryOf } from "../log/entry.js";
import { type Challenge, type Committed, readChallenge } from "../protocol/messages.js";
import type { DueComponent } from "../run/due.js";
import { signReuseStatement } from "../statement/reuse-statement.js";
import type { BrokerCore } from "./core.js";
import { inputCommitments, inputDigests, maximumAttempts, resultIdentity } from "./granting.js";
import { permitsOriginal } from "./permitting.js";
import type { Entries } from "./records.js";
import { resultOf, reusedResult } from "./run-records.js";
import type { RunState } from "./run-state.js";
import type { RegisteredRun, ReusableResult } from "./state.js";
import { newNonce } from "./tokens.js";

/** @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_TASK_NOT_DUE`, `TRUST_ATTEMPTS_EXHAUSTED` */
export async function challenge(core: BrokerCore, message: unknown): Promise<Challenge | Committed> {
  const { runId, path } = readChallenge(message);
  const committed = (await core.state.run(runId)).committedAnswer(path);
  if (committed !== undefined) return committed;
  const run = await core.openRun(runId);
  const found = core.requireDue(run, path);
  return (await reuse(core, run, found)) ?? newChallenge(core, run, found);
}

async function newChallenge(core: BrokerCore, run: RunState, found: DueComponent): Promise<Challenge> {
  const { policy, digest } = run.policy;
  const { path } = found.due;
  const attempt = nextAttempt(run, found.due);
  const purpose = { registration: run.registrationDigest, path, attempt };
  const { clock, random, nonceLifetimeMs = 600_000, domain } = core.options;
  const maker = { keys: core.keys, random, now: clock.now() };
  const { nonce, expiresAt } = await newNonce(purpose, maker, nonceLifetimeMs);
  return {
    kind: "challenge",
    ...{ domain, brokerKey: core.keys.brokerKey, nonce },
    expiresAt: new Date(expiresAt).toISOString(),
    ...{ ...purpose, component: found.component.digest },
    ...{ policy: digest, policyEpoch: policy.epoch },
  };
}

/** @throws SealflowError `TRUST_ATTEMPTS_EXHAUSTED` */
export function nextAttempt(run: RunState, due: DueTask): number {
  const granted = run.tasks.get(due.path)?.attempts.length ?? 0;
  const maximum = maximumAttempts(due, run.policy.policy);
  if (granted < maximum) return granted + 1;
  throw failure("TRUST_ATTEMPTS_EXHAUSTED", `task ${due.path}`, {
    expected: `at most ${maximum} attempts`,
    got: "one more",
  });
}

/** What a result is found by: a MAC, so that nobody else can confirm a guess. */
export async function reuseKeyOf(
  core: BrokerCore,
  run: RunState,
  { due, component }: DueComponent,
): Promise<string | undefined> {
  if (!due.caching.enabled) return undefined;
  const identity = await resultIdentity(run, due, component);
  return toHex(await core.keys.mac("reuse", utf8(identity)));
}

/** A result is reused when the run's policy, and the one in force, permit it as if it had been made under them. */
async function mayReuse(
  core: BrokerCore,
  run: RunState,
  of: { readonly from: RegisteredRun; readonly original: ReusableResult; readonly found: DueComponent },
): Promise<boolean> {
  const { from, original, found } = of;
  const { transcript, evidence, entries } = original.granted;
  const made = { run: from, transcript, evidence, grantedAt: Date.parse(entries[0].time) };
  for (const policy of [run.policy, core.policy()]) {
    if (!(await permitsOriginal(core, policy, made, found.component.measuredAs))) return false;
  }
  return true;
}

/** Finishes a task with the result of an earlier one that is the same in everything that matters. */
async function reuse(core: BrokerCore, run: RunState, found: DueComponent): Promise<Committed | undefined> {
  const key = await reuseKeyOf(core, run, found);
  const original = key === undefined ? undefined : await core.state.reusable(key);
  if (original === undefined) return undefined;
  const from = await core.state.registered(original.registered);
  if (!(await mayReuse(core, run, { from, original, found }))) return undefined;
  // An artifact is made once in a run: the same result can't come in twice.
  const known = Object.keys(original.committed.secrets.artifacts).some((digest) => run.artifacts.has(digest));
  return known ? undefined : reuseFrom(core, run, { from, original, due: found.due });
}

async function reuseFrom(
  core: BrokerCore,
  run: RunState,
  of: { readonly from: RegisteredRun; readonly original: ReusableResult; readonly due: DueTask },
): Promise<Committed> {
  const { from, due } = of;
  const { indices: original, granted, committed } = of.original;
  const { path } = due;
  // With the original's salts the commitments are the original's exactly when the values are, which everyone can check.
  const { salts } = granted;
  const envelope = await signReuseStatement(
    {
      registration: run.registrationDigest,
      path,
      original: { registration: from.registrationDigest, path: committed.path, attempt: committed.attempt },
      inputs: { parameters: await inputCommitments(due, salts), artifacts: inputDigests(due) },
      statement: resultOf(committed).statement,
    },
    core.keys.signer,
  );
  const entry: LogEntryOf<"reused"> = {
    ...core.state.entryOf(run, core.now()),
    ...{ kind: "reused", path, statement: await envelopeDigest(envelope) },
  };
  const answer = run.finish(path, reusedResult({ entries: [entry] }, committed));
  const entries: Entries<"reused"> = [entry, ...(await core.state.finishedAfter(run, entry))];
  const { runId } = run.registration;
  await core.decide({ kind: "reused", runId, path, statement: envelope, salts, original, entries }, true);
  return answer;
}
