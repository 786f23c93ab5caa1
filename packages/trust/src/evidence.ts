/** Evidence as it travels, and its appraisal. The one place of this room that knows which kinds there are. */
import {
  type AppraisalPolicy,
  appraise,
  type Check,
  type SgxVerdict,
  type TrustRoot,
  verifySgxQuote,
} from "@sealflow/attest";
import { type Digest, digestOfJson, fromBase64, isJsonObject, type JsonObject } from "@sealflow/core";
import { z } from "zod";
import { shape } from "./document.js";

/** Evidence for a transcript: a quote, and the collateral to judge it by. */
export const evidenceSchema = z.strictObject({
  type: z.literal("sgx-dcap"),
  /** Base64, at most 64 KiB. */
  quote: shape.base64.max(90_000),
  /** In its JSON form (docs/reference/attestation.md). */
  collateral: z.custom<JsonObject>(isJsonObject, { message: "an object" }),
});

/** Evidence as it travels. Nothing is verified yet. */
export type Evidence = z.infer<typeof evidenceSchema>;

/** How evidence is named: the digest of its canonical JSON, collateral and all. */
export function evidenceDigest(evidence: Evidence): Promise<Digest> {
  return digestOfJson(evidence);
}

/** What evidence is held against. */
export interface EvidenceRequest {
  readonly policy: AppraisalPolicy;
  /** Tried in turn: the first that the evidence ends at counts. */
  readonly roots: readonly TrustRoot[];
  /** Name of the component in the appraisal policy. */
  readonly component: string;
  readonly reportData: Uint8Array;
  /** Milliseconds since the Unix epoch. */
  readonly at: number;
}

/** The verdict on evidence, and the root it ends at. */
export interface Appraisal {
  readonly accepted: boolean;
  /** Reason of a refusal. */
  readonly code?: string;
  readonly kind: SgxVerdict["kind"];
  readonly status: SgxVerdict["status"];
  readonly advisories: readonly string[];
  readonly checks: readonly Check[];
  readonly enclave?: SgxVerdict["enclave"];
  readonly platform?: SgxVerdict["platform"];
  readonly root?: TrustRoot;
}

/** Verifies and appraises evidence. Whatever is wrong with it is a refusal, never an exception. */
export async function appraiseEvidence(evidence: Evidence, request: EvidenceRequest): Promise<Appraisal> {
  const { policy, component, reportData, at } = request;
  const quote = fromBase64(evidence.quote);
  let last: SgxVerdict | undefined;
  for (const root of request.roots) {
    const verified = await verifySgxQuote({ quote, collateral: evidence.collateral, at, root });
    const verdict = await appraise(verified, { policy, root, component, reportData, at });
    if (verdict.code !== "ATTEST_ROOT_UNTRUSTED") return settled(verdict, root);
    last = verdict;
  }
  return last === undefined ? noRoot : settled(last);
}

const noRoot: Appraisal = {
  accepted: false,
  code: "ATTEST_ROOT_UNTRUSTED",
  kind: "simulated",
  status: null,
  advisories: [],
  checks: [],
};

function settled(verdict: SgxVerdict, root?: TrustRoot): Appraisal {
  return {
    accepted: verdict.verdict === "accept",
    ...(verdict.code === undefined ? {} : { code: verdict.code }),
    kind: verdict.kind,
    status: verdict.status,
    advisories: verdict.advisories,
    checks: verdict.checks,
    ...(verdict.enclave === undefined ? {} : { enclave: verdict.enclave }),
    ...(verdict.platform === undefined ? {} : { platform: verdict.platform }),
    ...(root === undefined ? {} : { root }),
  };
}
