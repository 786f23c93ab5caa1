/** Policies as people keep them: YAML or JSON, appraisal or trust policies, signed already or not yet. */
import { resolve } from "node:path";
import { type AppraisalPolicy, parsePolicy, policyPayloadType } from "@sealflow/attest";
import { fromBase64, fromUtf8, SealflowError } from "@sealflow/core";
import { checkTrustPolicy, type TrustPolicy, trustPolicyPayloadType } from "@sealflow/trust";
import { parseDocument } from "yaml";
import type { CliContext } from "../context.js";
import { readUserFile } from "./read-file.js";

/** A policy and its kind. */
export type PolicyFile =
  | { readonly kind: "appraisal"; readonly policy: AppraisalPolicy; readonly signed: boolean }
  | { readonly kind: "trust"; readonly policy: TrustPolicy; readonly signed: boolean };

/**
 * Reads a policy. Of a signed one the signature is not verified: that is for whoever knows the signer.
 *
 * @throws SealflowError `CLI_FILE_NOT_FOUND`, `ATTEST_POLICY_INVALID`, `TRUST_DOCUMENT_MALFORMED`
 */
export async function readPolicyFile(context: CliContext, file: string): Promise<PolicyFile> {
  const text = await readUserFile(resolve(context.cwd, file), file);
  const payload = payloadOf(text);
  const plain = payload ?? text;
  const signed = payload !== undefined;
  const document = parseDocument(plain, { uniqueKeys: true, stringKeys: true, schema: "core" });
  if (document.errors.length > 0 || document.get("version") !== "sealflow.trust-policy/v1")
    return { kind: "appraisal", policy: parsePolicy(plain, file), signed };
  return { kind: "trust", policy: checkTrustPolicy(document.toJS({ maxAliasCount: 0 })), signed };
}

/** What an envelope of a policy holds; undefined for anything else. */
function payloadOf(text: string): string | undefined {
  try {
    const { payloadType, payload } = JSON.parse(text);
    if (payloadType !== policyPayloadType && payloadType !== trustPolicyPayloadType) return undefined;
    return fromUtf8(fromBase64(payload));
  } catch {
    return undefined;
  }
}

/**
 * Two policies that can be compared.
 *
 * @throws SealflowError `CLI_POLICY_KIND`
 */
export function requireSameKind(before: PolicyFile, after: PolicyFile, file: string): void {
  if (before.kind === after.kind) return;
  throw new SealflowError({
    code: "CLI_POLICY_KIND",
    message: `${file}: expected ${after.kind === "trust" ? "a trust" : "an appraisal"} policy, got the other kind`,
    where: { file },
    hint: "compare policies of one kind",
  });
}
