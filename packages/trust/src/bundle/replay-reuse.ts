/** Reused results in a replay: the broker's word that they fit, and everything behind the original. */
import { canonicalJson, toHex } from "@sealflow/core";
import { requireStatedUnder } from "../broker/committing.js";
import { inputDigests } from "../broker/granting.js";
import { envelopeDigest } from "../document.js";
import type { LogEntry, LogEntryOf } from "../log/entry.js";
import type { Registration } from "../registration.js";
import type { DueComponent } from "../run/due.js";
import { type ReuseStated, verifyReuseStatement } from "../statement/reuse-statement.js";
import { type TaskResultStated, verifyTaskStatement } from "../statement/task-statement.js";
import { transcriptHash } from "../transcript.js";
import type { BundleReuse } from "./format.js";
import { openLogged, requireInTime } from "./logged.js";
import type { Replay } from "./replay.js";
import { requireInputsShown } from "./replay-openings.js";
import type { VerifiedEvidence, VerifiedTask } from "./verdict.js";

interface Reused {
  readonly entry: LogEntryOf<"reused">;
  readonly item: BundleReuse;
  readonly found: DueComponent;
}

/** Verifies a reused result and takes it over. */
export async function verifyReuse(
  replay: Replay,
  reused: Reused,
): Promise<Omit<VerifiedTask, "path" | "attempts" | "granted" | "component">> {
  const { entry, item, found } = reused;
  const { path } = entry;
  const { bundle, checks } = replay.parts;
  const signed = { code: "TRUST_STATEMENT", what: "the broker signed the reuse", where: path };
  const stated = await checks.step(signed, () =>
    verifyReuseStatement(item.statement, bundle.claims.brokerKey),
  );
  await requireStated(replay, stated, reused);
  const { evidence, granted } = await requireOriginal(replay, stated, reused);
  const outputs = await originalOutputs(replay, stated, { ...reused, granted });
  await replay.succeed(path, outputs, { item, due: found.due, where: path });
  return {
    state: "reused",
    statement: entry.statement,
    evidence,
    ...replay.shown(item, { due: found.due, parameters: stated.inputs.parameters, outputs }),
    original: { ...stated.original, grant: granted.grant, statement: stated.statement },
  };
}

/** The reuse is of this task, with its inputs. */
async function requireStated(
  replay: Replay,
  stated: ReuseStated,
  { entry, item, found }: Reused,
): Promise<void> {
  const { checks, registered } = replay.parts;
  const where = entry.path;
  const digest = { code: "TRUST_BUNDLE_STATEMENT", what: "the reuse statement is the decided one", where };
  checks.same(digest, entry.statement, await envelopeDigest(item.statement));
  const expected = {
    registration: registered.entry.registration,
    path: entry.path,
    artifacts: inputDigests(found.due),
  };
  const { registration, path, inputs } = stated;
  const task = { code: "TRUST_STATEMENT_TASK", what: "the reuse is of this task and its inputs", where };
  checks.same(
    task,
    canonicalJson(expected),
    canonicalJson({ registration, path, artifacts: inputs.artifacts }),
  );
  const allowed = { code: "TRUST_BUNDLE_REUSE", what: "registration and spec allow reuse", where };
  checks.same(allowed, "true", `${found.due.caching.enabled}`);
  const other = replay.view.other(entry.path);
  const shown = { due: found.due, other, commitments: inputs.parameters, opened: item.opened };
  await requireInputsShown(shown, { checks, where });
}

/** The original is a logged, authorised, attested task of the same component, by this policy or as if by this policy. */
async function requireOriginal(
  replay: Replay,
  stated: ReuseStated,
  { item, found, entry }: Reused,
): Promise<{ readonly evidence: VerifiedEvidence; readonly granted: LogEntryOf<"granted"> }> {
  const { checks, entries, policy } = replay.parts;
  const { original } = item;
  const where = `${entry.path}, its original`;
  const { run, entry: registered } = await openLogged(
    original.registration,
    { policy, entries, where, earlier: true },
    checks,
  );
  const subject = { code: "TRUST_BUNDLE_REUSE", where };
  const named = { ...subject, what: "the original is the stated one" };
  checks.same(named, stated.original.registration, registered.registration);
  const { registration: mine } = replay.view;
  const submitter = { ...subject, what: "the original is of the same submitter" };
  checks.same(submitter, mine.submitter, run.registration.submitter);
  const recipients = { ...subject, what: "the original went to the same recipients" };
  checks.same(recipients, mine.recipients.join(), run.registration.recipients.join());
  const hash = toHex(await transcriptHash(original.transcript));
  const granted = findEntry(
    replay,
    where,
    (each): each is LogEntryOf<"granted"> => each.kind === "granted" && each.transcript === hash,
  );
  const { registration, path, attempt } = granted;
  checks.same(named, canonicalJson(stated.original), canonicalJson({ registration, path, attempt }));
  const committed = findEntry(
    replay,
    where,
    (each): each is LogEntryOf<"committed"> =>
      each.kind === "committed" &&
      each.statement === stated.statement &&
      each.registration === registration &&
      each.path === path &&
      each.attempt === attempt,
  );
  requireDecided(replay, [registered, granted, committed, entry], { of: run.registration, where });
  const { policy: under, policyEpoch } = run.registration;
  await replay.evidence.requireTranscript(original.transcript, {
    entry: granted,
    component: found.component.digest,
    registration: registered.registration,
    ...{ policy: under, policyEpoch, where },
  });
  const { measuredAs } = found.component;
  const evidence = await replay.evidence.appraise(original, { entry: granted, measuredAs, where });
  // One salt, one commitment: the parameters are the original's, shown or not.
  const same = { ...subject, what: "the original had the same parameters" };
  checks.same(same, canonicalJson(granted.parameters), canonicalJson(stated.inputs.parameters));
  return { evidence, granted };
}

/** The original was decided as any task is, under its own registration and while that held, and before it was reused. */
function requireDecided(
  { parts, used }: Replay,
  decided: readonly [
    registered: LogEntryOf<"registered">,
    granted: LogEntryOf<"granted">,
    committed: LogEntryOf<"committed">,
    reused: LogEntryOf<"reused">,
  ],
  { of, where }: { readonly of: Registration; readonly where: string },
): void {
  const { checks, entries } = parts;
  const indices = decided.map((each) => entries.find(({ entry }) => entry === each)?.index ?? -1);
  const order = { code: "TRUST_BUNDLE_REUSE", what: "the original was done before it was reused", where };
  const sorted = indices.toSorted((a, b) => a - b);
  checks.same(order, `log entries ${sorted.join(", ")}`, `log entries ${indices.join(", ")}`);
  const [, granted, committed] = decided;
  for (const { policyEpoch, time } of [granted, committed]) {
    const epoch = { code: "TRUST_BUNDLE_EPOCH", what: "decided under its registration's policy", where };
    checks.same(epoch, `epoch ${of.policyEpoch}`, `epoch ${policyEpoch}`);
    requireInTime(checks, { time, of, where });
  }
  for (const index of indices) used.add(index);
}

/** The outputs that the original's statement states, of the same inputs. */
async function originalOutputs(
  replay: Replay,
  stated: ReuseStated,
  { item, found, entry, granted }: Reused & { readonly granted: LogEntryOf<"granted"> },
): Promise<TaskResultStated["outputs"]> {
  const { checks } = replay.parts;
  const { statement, transcript } = item.original;
  const where = `${entry.path}, its original`;
  const named = { code: "TRUST_BUNDLE_STATEMENT", what: "the original's statement is the reused one", where };
  checks.same(named, stated.statement, await envelopeDigest(statement));
  const signed = { code: "TRUST_STATEMENT", what: "the original's key signed its statement", where };
  const result = await checks.step(signed, () => verifyTaskStatement(statement, transcript));
  const under = {
    code: "TRUST_COMMIT",
    what: "the original is of its grant and evidence, of this task's inputs and outputs",
    where,
  };
  await checks.step(under, () => requireStatedUnder(result, { task: found.due, entry: granted }));
  return result.outputs;
}

/** An entry of the log that the bundle must hold. */
function findEntry<Entry extends LogEntry>(
  replay: Replay,
  where: string,
  isWanted: (entry: LogEntry) => entry is Entry,
): Entry {
  const { checks, entries } = replay.parts;
  const known = entries.map(({ entry }) => entry).find(isWanted);
  const subject = { code: "TRUST_BUNDLE_REUSE", what: "the original's decisions are in the log", where };
  return checks.found(subject, known, { expected: "its entry", got: known?.kind ?? "none" });
}
