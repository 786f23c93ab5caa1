/** Transcripts and evidence in a replay: judged at the time of their log entries, with the collateral archived then. */
import { fingerprintOf } from "@sealflow/attest";
import { canonicalJson, type Digest, digestOfJson, type JsonObject, toHex } from "@sealflow/core";
import { appraiseEvidence, type Evidence, type EvidenceRequest, evidenceDigest } from "../evidence.js";
import type { LogEntryOf } from "../log/entry.js";
import { member } from "../record.js";
import { reportDataOf, type Transcript, transcriptHash } from "../transcript.js";
import { BundleRefusal } from "./checks.js";
import type { BundleEvidence } from "./format.js";
import type { ReplayParts } from "./replay.js";
import type { LaterFinding, VerifiedEvidence } from "./verdict.js";

/** Evidence that was accepted at its time, and what it was held against. */
export interface AcceptedEvidence {
  readonly where: string;
  readonly evidence: Evidence;
  readonly request: Omit<EvidenceRequest, "at">;
}

/** What a bundle's evidence says, piece by piece. */
export class ReplayedEvidence {
  simulated = false;
  /** All that was accepted, for judging it again. */
  readonly accepted: AcceptedEvidence[] = [];
  readonly #parts: ReplayParts;
  readonly #collateral = new Set<string>();
  readonly #roots = new Set<string>();

  constructor(parts: ReplayParts) {
    this.#parts = parts;
  }

  /** Demands that a transcript is the granted one, of this deployment, policy and run. */
  async requireTranscript(
    transcript: Transcript,
    of: {
      readonly entry: LogEntryOf<"granted">;
      readonly component: Digest;
      readonly registration: Digest;
      /** Of the registration. */
      readonly policy: Digest;
      readonly policyEpoch: number;
      readonly where: string;
    },
  ): Promise<void> {
    const { bundle, checks } = this.#parts;
    const { entry, component, registration, policy, policyEpoch, where } = of;
    const expected = {
      domain: bundle.claims.domain,
      brokerKey: bundle.claims.brokerKey,
      registration,
      policy,
      policyEpoch,
      path: entry.path,
      attempt: entry.attempt,
      component,
    };
    const got = Object.fromEntries(
      Object.keys(expected).map((name) => [name, transcript[name as keyof Transcript]]),
    );
    const named = {
      code: "TRUST_TRANSCRIPT_MISMATCH",
      what: "the transcript is of this run, task and policy",
      where,
    };
    checks.same(named, canonicalJson(expected), canonicalJson(got));
    const bound = { code: "TRUST_BUNDLE_TRANSCRIPT", what: "the transcript is the granted one", where };
    checks.same(bound, entry.transcript, toHex(await transcriptHash(transcript)));
  }

  /** Demands evidence for the transcript that the policy accepted at the time of its entry. */
  async appraise(
    item: { readonly transcript: Transcript; readonly evidence: BundleEvidence },
    of: { readonly entry: LogEntryOf<"granted">; readonly measuredAs: string; readonly where: string },
  ): Promise<VerifiedEvidence> {
    const { checks, roots, policy } = this.#parts;
    const { entry, measuredAs, where } = of;
    const evidence = await this.#whole(item.evidence, where);
    const named = { code: "TRUST_BUNDLE_EVIDENCE", what: "the evidence is what was granted for", where };
    checks.same(named, entry.evidence, await evidenceDigest(evidence));
    const request = {
      policy: policy.policy.appraisal,
      roots,
      component: measuredAs,
      reportData: await reportDataOf(item.transcript),
    };
    const appraisal = await appraiseEvidence(evidence, { ...request, at: Date.parse(entry.time) });
    const failed = appraisal.checks.find(({ passed }) => !passed);
    checks.require(
      {
        code: appraisal.code ?? "TRUST_EVIDENCE",
        what: `genuine evidence of ${measuredAs} at ${entry.time}`,
        where,
      },
      {
        holds: appraisal.accepted,
        expected: failed?.expected ?? "accepted by the policy",
        got: failed?.got ?? appraisal.code ?? "accepted by the policy",
        parts: appraisal.checks,
      },
    );
    this.accepted.push({ where, evidence, request });
    if (appraisal.kind === "simulated") this.simulated = true;
    const { kind, status, advisories, enclave, platform, root } = appraisal;
    // What is accepted has all three: the types of a verdict cover refusals as well.
    if (enclave === undefined || platform === undefined || root === undefined)
      throw new BundleRefusal("TRUST_EVIDENCE");
    this.#roots.add(toHex(root.publicKeyInfo));
    return {
      ...{ kind, status, advisories, enclave, platform, measuredAs },
      ...{ mrEnclave: enclave.mrEnclave, at: entry.time, digest: entry.evidence },
      root: await fingerprintOf(root),
    };
  }

  /** The evidence with its collateral put back. */
  async #whole({ type, quote, collateral: digest }: BundleEvidence, where: string) {
    const { bundle, checks } = this.#parts;
    const named = { code: "TRUST_BUNDLE_COLLATERAL", what: "the collateral is the named one", where };
    const archived = member(bundle.collateral, digest);
    const got = archived === undefined ? "none" : await digestOfJson(archived);
    const collateral = checks.found(named, got === digest ? archived : null, { expected: digest, got });
    this.#collateral.add(digest);
    return { type, quote, collateral };
  }

  /** Demands that all collateral and all claimed roots were used. */
  requireNothingLeft(): void {
    const { bundle, checks } = this.#parts;
    const where = "bundle";
    const unused = Object.keys(bundle.collateral).filter((digest) => !this.#collateral.has(digest));
    checks.same(
      { code: "TRUST_BUNDLE_EXTRA", what: "all collateral belongs to evidence", where },
      "",
      unused.join(", "),
    );
    const roots = bundle.claims.roots.filter((root) => !this.#roots.has(root));
    checks.same(
      { code: "TRUST_BUNDLE_EXTRA", what: "evidence ends at every claimed root", where },
      "",
      roots.join(", "),
    );
  }
}

/** Accepted evidence judged again with newer collateral: what has become known since. */
export async function judgeAgain(
  accepted: readonly AcceptedEvidence[],
  later: { readonly collateral: JsonObject; readonly at: number },
): Promise<LaterFinding[]> {
  const findings: LaterFinding[] = [];
  for (const { where, evidence, request } of accepted) {
    const again = { ...evidence, collateral: later.collateral };
    const { accepted: holds, code, status } = await appraiseEvidence(again, { ...request, at: later.at });
    if (!holds) findings.push({ where, code: code ?? "TRUST_EVIDENCE", status });
  }
  return findings;
}
