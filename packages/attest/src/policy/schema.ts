/** The appraisal policy: what is required of evidence. A document of data; nothing in it is executed. */
import { isSealflowError, SealflowError, SealflowErrors } from "@sealflow/core";
import { parseDocument } from "yaml";
import { z } from "zod";
import { tcbStatuses } from "../sgx/tcb-status.js";

const hex = (bytes: number) =>
  z.string().regex(new RegExp(`^[0-9a-f]{${2 * bytes}}$`), `${bytes} bytes in lower-case hex`);
const uint16 = z.int().min(0).max(65_535);
const name = z
  .string()
  .regex(/^[A-Za-z0-9][A-Za-z0-9._-]{0,127}$/, "a name of letters, digits, dot, dash, underscore");
const date = z.iso.date();

const byEnclave = z.strictObject({
  mrenclave: hex(32),
  productId: uint16.optional(),
  minimumSvn: uint16.default(0),
});
const bySigner = z.strictObject({ mrsigner: hex(32), productId: uint16, minimumSvn: uint16 });

const schema = z.strictObject({
  version: z.literal("sealflow.appraisal/v1"),
  name,
  epoch: z.int().min(1).max(Number.MAX_SAFE_INTEGER),
  components: z.record(name, z.array(z.union([byEnclave, bySigner])).min(1)),
  tcb: z.strictObject({
    statuses: z.array(z.enum(tcbStatuses).exclude(["Revoked"])),
    advisories: z
      .array(
        z.strictObject({ id: z.string().min(1).max(64), until: date, reason: z.string().min(1).max(500) }),
      )
      .default([]),
    minimumEvaluation: z.int().min(0),
  }),
  platforms: z.union([
    z.literal("any"),
    z.strictObject({ fmspcs: z.array(hex(6)).min(1).optional(), ppids: z.array(hex(16)).min(1).optional() }),
  ]),
  simulatedRoots: z.array(hex(32)).default([]),
});

/** A checked appraisal policy. */
export type AppraisalPolicy = z.infer<typeof schema>;

/** One way in which a component may be measured. */
export type Measurement = AppraisalPolicy["components"][string][number];

/**
 * Reads a policy from YAML or JSON text; every finding is reported.
 *
 * @throws SealflowError `ATTEST_POLICY_SYNTAX`, `ATTEST_POLICY_INVALID`
 */
export function parsePolicy(text: string, file?: string): AppraisalPolicy {
  const where = file === undefined ? {} : { file };
  const document = parseDocument(text, { uniqueKeys: true, stringKeys: true, schema: "core" });
  const problem = document.errors[0] ?? document.warnings[0];
  if (problem) {
    const line = problem.linePos?.[0].line;
    throw new SealflowError({
      code: "ATTEST_POLICY_SYNTAX",
      message: `policy: expected YAML or JSON, got ${problem.message.split("\n")[0]}`,
      where: { ...where, ...(line === undefined ? {} : { line }) },
    });
  }
  return checkPolicy(toValue(document, where), file);
}

function toValue(document: ReturnType<typeof parseDocument>, where: { file?: string }): unknown {
  try {
    return document.toJS({ maxAliasCount: 0 });
  } catch (cause) {
    const message = "policy: expected no aliases, got some";
    throw new SealflowError({ code: "ATTEST_POLICY_SYNTAX", message, where, cause });
  }
}

/**
 * Checks a policy that was already decoded.
 *
 * @throws SealflowError `ATTEST_POLICY_INVALID`
 */
export function checkPolicy(value: unknown, file?: string): AppraisalPolicy {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const findings = result.error.issues.map((issue) => {
    const path = issue.path.join(".") || "(document)";
    return new SealflowError({
      code: "ATTEST_POLICY_INVALID",
      message: `${path}: ${issue.message}`,
      where: { ...(file === undefined ? {} : { file }), path },
    });
  });
  const [first] = findings;
  if (findings.length === 1 && isSealflowError(first)) throw first;
  throw new SealflowErrors(
    { code: "ATTEST_POLICY_INVALID", message: `policy: ${findings.length} findings` },
    findings,
  );
}
