/** All checks, all findings. */
import { isSealflowError } from "@sealflow/core";
import type { PreflightCheck, PreflightContext } from "./context.js";
import { namesCheck } from "./names.js";
import { permissionsCheck } from "./permissions.js";
import { providersCheck } from "./providers.js";
import { quotaCheck } from "./quota.js";
import { sizesCheck } from "./sizes.js";
import { subscriptionCheck } from "./subscription.js";
import type { PreflightFinding, PreflightReport } from "./types.js";
import { versionsCheck } from "./versions.js";

const checks: readonly PreflightCheck[] = [
  subscriptionCheck,
  providersCheck,
  permissionsCheck,
  sizesCheck,
  quotaCheck,
  versionsCheck,
  namesCheck,
];

/** Runs every check; one that could not be made is a finding too. Without a login there is nothing else to ask. */
export async function runPreflight(context: PreflightContext): Promise<PreflightReport> {
  try {
    return await runChecks(context);
  } catch (error) {
    if (!isSealflowError(error) || !endsAll.has(error.code)) throw error;
    const mend = error.hint ?? "sign in again";
    return { ready: false, findings: [{ check: "login", status: "failed", message: error.message, mend }] };
  }
}

const endsAll = new Set(["AZURE_LOGIN_FAILED", "AZURE_UNREACHABLE"]);

async function runChecks(context: PreflightContext): Promise<PreflightReport> {
  const findings = (await Promise.all(checks.map((check) => guarded(check, context)))).flat();
  return { ready: !findings.some(({ status }) => status === "failed"), findings };
}

async function guarded(
  check: PreflightCheck,
  context: PreflightContext,
): Promise<readonly PreflightFinding[]> {
  try {
    return await check.run(context);
  } catch (error) {
    if (!isSealflowError(error) || endsAll.has(error.code)) throw error;
    const mend = error.hint ?? "look into it by hand, or let plan and apply tell";
    return [{ check: check.name, status: "unknown", message: error.message, mend }];
  }
}
