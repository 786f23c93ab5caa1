/**
 * The verification of a run bundle: pure, offline, complete. Order: encoding, anchors, policy, log, registration and
 * pipeline, then every decision of the run, replayed.
 */
import type { TrustRoot } from "@sealflow/attest";
import { type Digest, equalBytes, fromHex, type JsonObject, toHex } from "@sealflow/core";
import { envelopeDigest } from "../document.js";
import { type Checkpoint, openCheckpoint } from "../log/checkpoint.js";
import { encodeLogEntry, isOfRun } from "../log/entry.js";
import { leafHash, verifyConsistency, verifyInclusion } from "../log/merkle.js";
import { openTrustPolicy, type TrustPolicy } from "../policy.js";
import { readRegisteredPipeline } from "../run/authorised.js";
import { rootFromKey, type TrustAnchors } from "./anchors.js";
import { BundleChecks, BundleRefusal } from "./checks.js";
import { decodeBundle, maxBundleBytes, type RunBundle } from "./format.js";
import { openLogged, type PlacedEntry, type VerifiedPolicy, type VerifiedRegistration } from "./logged.js";
import { Replay } from "./replay.js";
import { judgeAgain } from "./replay-evidence.js";
import type { BundleVerdict, VerifiedRun } from "./verdict.js";

/** What a bundle is verified with. */
export interface BundleTrust {
  /** Without them the best verdict is `consistent`. */
  readonly anchors?: TrustAnchors;
  /** Digest that the trust policy's envelope must have. */
  readonly policy?: Digest;
  /** Newer collateral, and the time that it is held against (milliseconds since the Unix epoch): shows later revocations. */
  readonly later?: { readonly collateral: JsonObject; readonly at: number };
}

/**
 * Verifies a bundle.
 *
 * @returns A verdict; a bundle that is wrong in any way is a refusal, never an exception.
 */
export async function verifyBundle(encoded: Uint8Array, trust: BundleTrust = {}): Promise<BundleVerdict> {
  const checks = new BundleChecks();
  let bundle: RunBundle | undefined;
  try {
    bundle = await decode(encoded, checks);
    const run = await verifyRun(bundle, trust, checks);
    const verdict = trust.anchors === undefined ? "consistent" : "trusted";
    return { verdict, checks: checks.all, run, claims: bundle.claims };
  } catch (error) {
    if (!(error instanceof BundleRefusal)) throw error;
    const claims = bundle === undefined ? {} : { claims: bundle.claims };
    return { verdict: "refused", code: error.code, checks: checks.all, ...claims };
  }
}

function decode(encoded: Uint8Array, checks: BundleChecks): Promise<RunBundle> {
  checks.require(
    { code: "TRUST_BUNDLE_TOO_LARGE", what: "the bundle is of a size that is read", where: "bundle" },
    {
      holds: encoded.length <= maxBundleBytes,
      expected: `at most ${maxBundleBytes} bytes`,
      got: `${encoded.length}`,
    },
  );
  const what = "the bundle is in its one encoding";
  return checks.step({ code: "TRUST_DOCUMENT_MALFORMED", what, where: "bundle" }, () =>
    decodeBundle(encoded),
  );
}

async function verifyRun(bundle: RunBundle, trust: BundleTrust, checks: BundleChecks): Promise<VerifiedRun> {
  const roots = requireAnchors(bundle, trust, checks);
  const policy = await verifyPolicy(bundle, trust, checks);
  const { entries, checkpoint } = await verifyLog(bundle, trust, checks);
  const registered = await verifyRegistration(bundle, { policy, entries }, checks);
  const own = await chainOf(registered, { entries, policy: policy.policy }, checks);
  const where = "document";
  const subject = { code: "TRUST_REGISTRATION_SPEC", what: "the pipeline is the registered one", where };
  const { document } = await checks.step(subject, () =>
    readRegisteredPipeline(bundle.document, registered.run),
  );
  if (trust.anchors?.spec !== undefined) {
    const expected = { code: "TRUST_BUNDLE_SPEC", what: "the pipeline is the expected one", where };
    checks.same(expected, trust.anchors.spec, registered.run.registration.spec);
  }
  const fits = { code: "TRUST_REGISTRATION", what: "the pipeline takes what is registered", where };
  const parts = { bundle, checks, roots, document, policy, registered, entries, own };
  const replay = await checks.step(fits, () => new Replay(parts));
  const replayed = await replay.run();
  const { registration } = registered.run;
  const { runId, runName, submitter, spec, parameters, inputs, recipients, release, declassify } =
    registration;
  requireNewer(own, { checkpoint, policy: policy.policy }, checks);
  const later =
    trust.later === undefined ? undefined : await judgeAgain(replay.evidence.accepted, trust.later);
  return {
    ...{ runId, runName, submitter, spec, parameters, inputs, recipients, release, declassify },
    pipeline: document.spec.pipelineInfo.name,
    state: replayed.state,
    registration: registered.entry.registration,
    policy: { digest: policy.digest, epoch: policy.policy.epoch },
    registeredAt: registered.entry.time,
    finishedAt: own.at(-1)?.entry.time ?? registered.entry.time,
    simulated: replayed.simulated,
    ...(later === undefined ? {} : { later }),
    tasks: replayed.tasks,
  };
}

/** The roots to verify evidence with: the anchors', or without anchors those that the bundle claims. */
function requireAnchors(
  bundle: RunBundle,
  { anchors }: BundleTrust,
  checks: BundleChecks,
): readonly TrustRoot[] {
  const { claims } = bundle;
  const sorted = claims.roots.every((root, i) => i === 0 || (claims.roots[i - 1] ?? "") < root);
  checks.require(
    { code: "TRUST_BUNDLE_ORDER", what: "the claimed roots are sorted", where: "claims" },
    { holds: sorted, expected: "ascending roots, none twice", got: `${claims.roots.length} roots` },
  );
  if (anchors === undefined) return claims.roots.map((root) => rootFromKey(fromHex(root)));
  const named = [
    ["TRUST_ANCHOR_DOMAIN", "the domain is the anchors'", anchors.domain, claims.domain],
    ["TRUST_ANCHOR_POLICY", "the policy's signer is the anchors'", anchors.policySigner, claims.policySigner],
    ["TRUST_ANCHOR_BROKER", "the broker is the anchors'", anchors.brokerKey, claims.brokerKey],
  ] as const;
  for (const [code, what, expected, got] of named)
    checks.same({ code, what, where: "claims" }, expected, got);
  const trusted = anchors.roots.map(({ publicKeyInfo }) => toHex(publicKeyInfo));
  const strange = claims.roots.find((root) => !trusted.includes(root));
  checks.require(
    { code: "TRUST_ANCHOR_ROOT", what: "evidence ends at roots of the anchors", where: "claims" },
    { holds: strange === undefined, expected: trusted.join(" or "), got: strange ?? claims.roots.join(", ") },
  );
  return anchors.roots.filter(({ publicKeyInfo }) => claims.roots.includes(toHex(publicKeyInfo)));
}

async function verifyPolicy(
  bundle: RunBundle,
  trust: BundleTrust,
  checks: BundleChecks,
): Promise<VerifiedPolicy> {
  const where = "policy";
  const signer = bundle.claims.policySigner;
  const minimumEpoch = trust.anchors?.minimumEpoch ?? 1;
  const subject = { code: "TRUST_POLICY", what: "the policy is its signer's, of an accepted epoch", where };
  const policy = await checks.step(subject, () => openTrustPolicy(bundle.policy, { signer, minimumEpoch }));
  const digest = await envelopeDigest(bundle.policy);
  if (trust.policy !== undefined) {
    const expected = { code: "TRUST_BUNDLE_POLICY", what: "the policy is the expected one", where };
    checks.same(expected, trust.policy, digest);
  }
  return { policy, digest };
}

interface VerifiedLog {
  readonly entries: readonly PlacedEntry[];
  readonly checkpoint: Checkpoint;
}

async function verifyLog(bundle: RunBundle, trust: BundleTrust, checks: BundleChecks): Promise<VerifiedLog> {
  const { log, claims } = bundle;
  const signed = { code: "TRUST_CHECKPOINT", what: "the checkpoint is the broker's", where: "log" };
  const checkpoint = await checks.step(signed, () => openCheckpoint(log.checkpoint, claims.brokerKey));
  const domain = { code: "TRUST_ANCHOR_DOMAIN", what: "the checkpoint is of this deployment", where: "log" };
  checks.same(domain, claims.domain, checkpoint.domain);
  const head = { size: checkpoint.size, root: fromHex(checkpoint.root) };
  const entries: PlacedEntry[] = [];
  for (const { index, entry, proof } of log.entries) {
    const where = `log entry ${index}`;
    requireAfter(entries.at(-1), { index, entry }, checks);
    const hash = await leafHash(encodeLogEntry(entry));
    const holds = await verifyInclusion({ hash, index }, head, proof.map(fromHex));
    checks.require(
      { code: "TRUST_LOG_INCLUSION", what: "the entry is in the signed log", where },
      { holds, expected: `a path to root ${checkpoint.root}`, got: holds ? "one" : "none" },
    );
    entries.push({ index, entry, hash: toHex(hash) });
  }
  await verifyContinuation(bundle, { entries, checkpoint }, { trust, checks });
  return { entries, checkpoint };
}

/** An entry stands behind the one before it in the bundle, and was not decided before it: of whatever runs they are. */
function requireAfter(
  before: PlacedEntry | undefined,
  { index, entry }: Pick<PlacedEntry, "index" | "entry">,
  checks: BundleChecks,
): void {
  const where = `log entry ${index}`;
  const previous = before?.index ?? -1;
  const order = { code: "TRUST_BUNDLE_ORDER", what: "entries ascend", where };
  checks.require(order, { holds: index > previous, expected: `after ${previous}`, got: `${index}` });
  const since = before?.entry.time ?? entry.time;
  const time = { code: "TRUST_BUNDLE_TIME", what: "time does not go back", where };
  checks.require(time, { holds: since <= entry.time, expected: `${since} or later`, got: entry.time });
}

/** The log that the submitter has a checkpoint of is the beginning of this one. */
async function verifyContinuation(
  { log, registration }: RunBundle,
  { entries, checkpoint }: VerifiedLog,
  { trust, checks }: { readonly trust: BundleTrust; readonly checks: BundleChecks },
): Promise<void> {
  const digest = await envelopeDigest(registration);
  const own = entries.find(({ entry }) => entry.kind === "registered" && entry.registration === digest);
  const size = (own?.index ?? 0) + 1;
  const earlier = { size, root: fromHex(log.registered.root) };
  const head = { size: checkpoint.size, root: fromHex(checkpoint.root) };
  const holds = await verifyConsistency(earlier, head, log.registered.proof.map(fromHex));
  checks.require(
    { code: "TRUST_LOG_CONSISTENCY", what: "the log continues the one of the registration", where: "log" },
    { holds, expected: `a proof from size ${size}`, got: holds ? "one" : "none that holds" },
  );
  for (const kept of trust.anchors?.checkpoints ?? []) {
    const root = [earlier, head].find((each) => each.size === kept.size)?.root;
    const subject = { code: "TRUST_LOG_CHECKPOINT", what: "the log has the kept checkpoint", where: "log" };
    if (root === undefined) {
      const [expected, got] = [
        `root ${kept.root} at size ${kept.size}`,
        "not compared: no proof of that size",
      ];
      checks.require(subject, { holds: true, expected, got });
      continue;
    }
    checks.require(subject, {
      holds: equalBytes(root, fromHex(kept.root)),
      expected: `root ${kept.root} at size ${kept.size}`,
      got: toHex(root),
    });
  }
}

async function verifyRegistration(
  bundle: RunBundle,
  { policy, entries }: { readonly policy: VerifiedPolicy; readonly entries: readonly PlacedEntry[] },
  checks: BundleChecks,
): Promise<VerifiedRegistration> {
  return openLogged(bundle.registration, { policy, entries, where: "registration" }, checks);
}

/** The run's own entries: each names the one before it, from the registration to the end, none left out. */
async function chainOf(
  { entry: registered }: VerifiedRegistration,
  { entries, policy }: { readonly entries: readonly PlacedEntry[]; readonly policy: TrustPolicy },
  checks: BundleChecks,
): Promise<readonly PlacedEntry[]> {
  const own = entries.flatMap(({ entry, ...placed }) =>
    isOfRun(entry, registered.registration) ? [{ entry, ...placed }] : [],
  );
  let previous: string | null = null;
  for (const { index, entry, hash } of own) {
    const where = `log entry ${index}`;
    const chain = { code: "TRUST_BUNDLE_CHAIN", what: "no entry of the run is missing before it", where };
    checks.same(chain, `${previous}`, `${entry.previous}`);
    const epoch = { code: "TRUST_BUNDLE_EPOCH", what: "decided under the run's policy", where };
    checks.same(epoch, `epoch ${policy.epoch}`, `epoch ${entry.policyEpoch}`);
    previous = hash;
  }
  const last = own.at(-1)?.entry.kind ?? "none";
  const end = { code: "TRUST_BUNDLE_UNFINISHED", what: "the log ends the run", where: "log" };
  checks.same(end, "finished", last);
  return own;
}

/** The log was signed after all that it says of the run. */
function requireNewer(
  own: readonly PlacedEntry[],
  { checkpoint, policy }: { readonly checkpoint: Checkpoint; readonly policy: TrustPolicy },
  checks: BundleChecks,
): void {
  const { policyEpoch } = checkpoint;
  const epoch = { code: "TRUST_BUNDLE_EPOCH", what: "the checkpoint knows the run's policy", where: "log" };
  checks.require(epoch, {
    holds: policyEpoch >= policy.epoch,
    expected: `epoch ${policy.epoch} or later`,
    got: `epoch ${policyEpoch}`,
  });
  const last = own.at(-1)?.entry.time ?? "";
  checks.require(
    { code: "TRUST_BUNDLE_TIME", what: "the checkpoint is not older than the run's end", where: "log" },
    { holds: last <= checkpoint.time, expected: `${last} or later`, got: checkpoint.time },
  );
}
