/** Reused results in a replay: the broker's word that they fit, and everything behind the original. */
import { canonicalJson, toHex } from "@sealflow/core";
import { requireStatedUnder } from "../broker/committing.js";
import { inputDigests } from "../broker/granting.js";
import { envelopeDigest } from "../document.js";
import type { LogEntry, LogEntryOf } from "../log/entry.js";
import { type ReuseStated, verifyReuseStatement } from "../statement/reuse-statement.js";
import { type TaskResultStated, verifyTaskStatement } from "../statement/task-statement.js";
import { transcriptHash } from "../transcript.js";
import { BundleRefusal } from "./checks.js";
import type { BundleReuse } from "./format.js";
import { openLogged } from "./logged.js";
import type { DueInReplay, Replay } from "./replay.js";
import { requireInputsShown } from "./replay-openings.js";
import type { VerifiedEvidence, VerifiedTask } from "./verdict.js";

interface Reused {
  readonly entry: LogEntryOf<"reused">;
  readonly item: BundleReuse;
  readonly found: DueInReplay;
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
  const named = { code: "TRUST_BUNDLE_REUSE", what: "the original is the stated one", where };
  checks.same(named, stated.original.registration, registered.registration);
  const recipients = { code: "TRUST_BUNDLE_REUSE", what: "the original went to the same recipients", where };
  checks.same(recipients, replay.view.registration.recipients.join(), run.registration.recipients.join());
  const hash = toHex(await transcriptHash(original.transcript));
  const granted = findEntry(
    replay,
    where,
    (each): each is LogEntryOf<"granted"> => each.kind === "granted" && each.transcript === hash,
  );
  const { registration, path, attempt, policyEpoch } = granted;
  const { policy: under, policyEpoch: epoch } = run.registration;
  const decided = { code: "TRUST_BUNDLE_EPOCH", what: "decided under its registration's policy", where };
  checks.same(decided, `epoch ${epoch}`, `epoch ${policyEpoch}`);
  checks.same(named, canonicalJson(stated.original), canonicalJson({ registration, path, attempt }));
  await replay.evidence.requireTranscript(original.transcript, {
    entry: granted,
    component: found.component.digest,
    registration: registered.registration,
    ...{ policy: under, policyEpoch: epoch, where },
  });
  use(replay, registered);
  const { measuredAs } = found.component;
  const evidence = await replay.evidence.appraise(original, { entry: granted, measuredAs, where });
  // One salt, one commitment: the parameters are the original's, shown or not.
  const same = { code: "TRUST_BUNDLE_REUSE", what: "the original had the same parameters", where };
  checks.same(same, canonicalJson(granted.parameters), canonicalJson(stated.inputs.parameters));
  return { evidence, granted };
}

/** The outputs that the original's statement states, of the same inputs; it must have been committed. */
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
  const { registration, path, attempt } = stated.original;
  findEntry(
    replay,
    where,
    (each): each is LogEntryOf<"committed"> =>
      each.kind === "committed" &&
      each.statement === stated.statement &&
      each.registration === registration &&
      each.path === path &&
      each.attempt === attempt,
  );
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
  const found = entries.map(({ entry }) => entry).find(isWanted);
  const subject = { code: "TRUST_BUNDLE_REUSE", what: "the original's decisions are in the log", where };
  checks.require(subject, { holds: found !== undefined, expected: "its entry", got: found?.kind ?? "none" });
  if (found === undefined) throw new BundleRefusal(subject.code);
  use(replay, found);
  return found;
}

/** Notes that something rests on an entry. */
function use({ parts, used }: Replay, entry: LogEntry): void {
  for (const each of parts.entries) if (each.entry === entry) used.add(each.index);
}
