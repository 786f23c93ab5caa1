/** Challenges: what a task needs for its transcript; or its result, when there is one already. */
import { toHex, utf8 } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { envelopeDigest } from "../document.js";
import { failure } from "../failure.js";
import type { LogEntry } from "../log/entry.js";
import { type Challenge, type Committed, readChallenge } from "../protocol/messages.js";
import { signReuseStatement } from "../statement/reuse-statement.js";
import type { BrokerCore, DueComponent } from "./core.js";
import { inputCommitments, inputDigests, maximumAttempts, resultIdentity } from "./granting.js";
import { type Original, permitsOriginal } from "./permitting.js";
import type { ReusedRecord } from "./records.js";
import type { RunState } from "./run-state.js";
import { newNonce } from "./tokens.js";

/** @throws SealflowError `TRUST_RUN_UNKNOWN`, `TRUST_POLICY_STALE`, `TRUST_TASK_NOT_DUE`, `TRUST_ATTEMPTS_EXHAUSTED` */
export async function challenge(core: BrokerCore, message: unknown): Promise<Challenge | Committed> {
  const { runId, path } = readChallenge(message);
  const committed = core.state.run(runId).committedAnswer(path);
  if (committed !== undefined) return committed;
  const run = core.openRun(runId);
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
  of: { readonly original: ReusedRecord["original"]; readonly found: DueComponent },
): Promise<boolean> {
  const { original, found } = of;
  const from = core.state.run(original.runId);
  const policies = [run.policy, core.policy()].filter(({ digest }) => digest !== from.policy.digest);
  if (policies.length === 0) return true;
  const made = await originalOf(core, from, original.path);
  if (made === undefined) return false;
  for (const policy of policies) {
    if (!(await permitsOriginal(core, policy, made, found.component.measuredAs))) return false;
  }
  return true;
}

async function originalOf(core: BrokerCore, run: RunState, path: string): Promise<Original | undefined> {
  const attempt = run.task(path).committed?.attempt ?? 0;
  const record = await core.grantedRecord(run, { path, attempt });
  if (record === undefined) return undefined;
  const { transcript, evidence, entries } = record;
  return { run, transcript, evidence, grantedAt: Date.parse(entries[0]?.time ?? "") };
}

/** Finishes a task with the result of an earlier one that is the same in everything that matters. */
async function reuse(core: BrokerCore, run: RunState, found: DueComponent): Promise<Committed | undefined> {
  const { due } = found;
  const key = await reuseKeyOf(core, run, found);
  const original = key === undefined ? undefined : core.state.reusable.get(key);
  if (original === undefined || !(await mayReuse(core, run, { original, found }))) return undefined;
  const from = core.state.run(original.runId);
  const result = from.task(original.path).committed;
  // An artifact is made once in a run: the same result can't come in twice.
  const known = Object.keys(result?.secrets.artifacts ?? {}).some((digest) => run.artifacts.has(digest));
  if (result === undefined || known) return undefined;
  const { attempt, statement } = result;
  const granted = from.attempt(original.path, attempt);
  if (granted === undefined) return undefined;
  // With the original's salts the commitments are the original's exactly when the values are, which everyone can check.
  const { salts } = granted;
  const envelope = await signReuseStatement(
    {
      registration: run.registrationDigest,
      path: due.path,
      original: { registration: from.registrationDigest, path: original.path, attempt },
      inputs: { parameters: await inputCommitments(due, salts), artifacts: inputDigests(due) },
      statement,
    },
    core.keys.signer,
  );
  const entry: LogEntry = {
    ...core.state.entryOf(run, core.now()),
    ...{ kind: "reused", path: due.path, statement: await envelopeDigest(envelope) },
  };
  run.finish(due.path, core.state.reusedResult({ original, entries: [entry] }));
  const entries = [entry, ...(await core.state.finishedAfter(run, entry))];
  const { runId } = run.registration;
  await core.decide(
    { kind: "reused", runId, path: due.path, statement: envelope, salts, original, entries },
    true,
  );
  return run.committedAnswer(due.path);
}
