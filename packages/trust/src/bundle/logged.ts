/** Registrations of a bundle, judged at the time of their entries in the log. */
import type { Digest } from "@sealflow/core";
import { envelopeDigest } from "../document.js";
import type { LogEntry, LogEntryOf } from "../log/entry.js";
import type { TrustPolicy } from "../policy.js";
import { type AuthorisedRun, openRegistration, type Registration } from "../registration.js";
import type { BundleChecks } from "./checks.js";
import type { RunBundle } from "./format.js";

/** An entry of the run, with its place in the log. */
export interface PlacedEntry {
  readonly index: number;
  readonly entry: LogEntry;
  /** Leaf hash, hex. */
  readonly hash: string;
}

/** A policy whose signature holds. */
export interface VerifiedPolicy {
  readonly policy: TrustPolicy;
  readonly digest: Digest;
}

/** A registration that the policy authorises, and its entry in the log. */
export interface VerifiedRegistration {
  readonly run: AuthorisedRun;
  readonly entry: LogEntryOf<"registered">;
}

/** Opens a registration at the time of its entry in the log. */
export async function openLogged(
  envelope: RunBundle["registration"],
  by: {
    readonly policy: VerifiedPolicy;
    readonly entries: readonly PlacedEntry[];
    readonly where: string;
    /** Take one of an earlier policy too, judged by this one. */
    readonly earlier?: boolean;
  },
  checks: BundleChecks,
): Promise<VerifiedRegistration> {
  const { policy, entries, where, earlier = false } = by;
  const digest = await envelopeDigest(envelope);
  const found = entries.map((each) => each.entry).find(isEntryOf(digest));
  const entry = checks.found(
    { code: "TRUST_BUNDLE_REGISTRATION", what: "the registration is in the log", where },
    found,
    { expected: `an entry for ${digest}`, got: found?.kind ?? "none" },
  );
  const { policy: trusted, digest: policyDigest } = policy;
  const at = Date.parse(entry.time);
  const subject = {
    code: "TRUST_REGISTRATION",
    what: "the policy authorises the run for its submitter",
    where,
  };
  const run = await checks.step(subject, () =>
    openRegistration(envelope, { policy: trusted, policyDigest, at, earlier }),
  );
  checks.same(
    { code: "TRUST_BUNDLE_RUN", what: "the entry names the run", where },
    run.registration.runId,
    entry.runId,
  );
  // Which is this one, unless it is an earlier one.
  const { registration } = run;
  checks.same(
    { code: "TRUST_BUNDLE_POLICY", what: "the entry names the policy", where },
    `${registration.policy}, epoch ${registration.policyEpoch}`,
    `${entry.policy}, epoch ${entry.policyEpoch}`,
  );
  return { run, entry };
}

/** Demands that something was decided before the registration that it rests on expired. */
export function requireInTime(
  checks: BundleChecks,
  { time, of, where }: { readonly time: string; readonly of: Registration; readonly where: string },
): void {
  const { expiresAt } = of;
  const subject = { code: "TRUST_REGISTRATION_TIME", what: "decided before the registration expired", where };
  checks.require(subject, { holds: time < expiresAt, expected: `before ${expiresAt}`, got: time });
}

function isEntryOf(digest: Digest) {
  return (entry: LogEntry): entry is LogEntryOf<"registered"> =>
    entry.kind === "registered" && entry.registration === digest;
}
