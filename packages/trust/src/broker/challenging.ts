/** Challenges: what a task needs for its transcript; or its result, when there is one already. */
import { toHex, utf8 } from "@sealflow/core";
import type { DueTask } from "@sealflow/pipeline";
import { envelopeDigest } from "../document.js";
import { failure } from "../failure.js";
import type { LogEntry } from "../log/entry.js";
import { type Challenge, type Committed, readChallenge } from "../protocol/messages.js";
import { signReuseStatement } from "../statement/reuse-statement.js";
import type { BrokerCore, DueComponent } from "./core.js";
import { inputCommitments, inputDigests, maximumAttempts, newSalts, resultIdentity } from "./granting.js";
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
  const { policy, digest } = core.policy();
  const { path } = found.due;
  const attempt = nextAttempt(core, run, found.due);
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
export function nextAttempt(core: BrokerCore, run: RunState, due: DueTask): number {
  const granted = run.tasks.get(due.path)?.attempts.length ?? 0;
  const maximum = maximumAttempts(due, core.policy().policy);
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

/** Finishes a task with the result of an earlier one that is the same in everything that matters. */
async function reuse(core: BrokerCore, run: RunState, found: DueComponent): Promise<Committed | undefined> {
  const { due } = found;
  const key = await reuseKeyOf(core, run, found);
  const original = key === undefined ? undefined : core.state.reusable.get(key);
  if (original === undefined || !core.state.mayReuse(original, core.policy())) return undefined;
  const from = core.state.run(original.runId);
  const result = from.task(original.path).committed;
  // An artifact is made once in a run: the same result can't come in twice.
  const known = Object.keys(result?.secrets.artifacts ?? {}).some((digest) => run.artifacts.has(digest));
  if (result === undefined || known) return undefined;
  const salts = newSalts(due, core.options.random);
  const { attempt, statement } = result;
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
