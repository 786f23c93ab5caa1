/** Plans as files, and whether they still hold. */
import { SealflowError, SealflowErrors, throwFindings } from "@sealflow/core";
import { isPlan } from "./make.js";
import { type Change, type Plan, pendingChanges } from "./types.js";

/**
 * Reads a plan that `plan --output` wrote.
 *
 * @throws SealflowError `AZURE_PLAN_INVALID`
 */
export function parsePlan(text: string, file: string): Plan {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    value = undefined;
  }
  if (isPlan(value)) return value;
  throw new SealflowError({
    code: "AZURE_PLAN_INVALID",
    message: `${file}: expected a plan of this version, as sealflow cloud plan --output writes it`,
    where: { file },
    hint: "make it anew",
  });
}

/**
 * Holds a saved plan against one made now: the same configuration, the same actions on the same ids, and every live
 * object in the version (etag, else digest) that the plan has seen.
 *
 * @throws SealflowError `AZURE_PLAN_STALE` with every difference.
 */
export function assertCurrent(saved: Plan, now: Plan): void {
  const findings = [...headFindings(saved, now), ...changeFindings(saved.changes, now.changes)];
  if (findings.length === 0) return;
  throw new SealflowErrors(
    {
      code: "AZURE_PLAN_STALE",
      message: `plan: expected what it was made from, got ${findings.length} differences`,
      hint: "plan anew and look at it again",
    },
    findings,
  );
}

/**
 * Holds a saved plan against one made now, when an apply of it was cut short: what is left must be part of it.
 *
 * @throws SealflowError `AZURE_PLAN_STALE` with every difference.
 */
export function assertRest(saved: Plan, now: Plan): void {
  const planned = new Set(pendingChanges(saved).map(({ address }) => address));
  const beyond = pendingChanges(now).filter(({ address }) => !planned.has(address));
  const more = beyond.map(({ address, action }) => stale(`${address}: the plan does not ${action} it`));
  throwFindings([...headFindings(saved, now), ...more], {
    code: "AZURE_PLAN_STALE",
    message: "plan: expected that nothing else has changed since it was begun",
    hint: "plan anew and look at it again",
  });
}

function headFindings(saved: Plan, now: Plan): SealflowError[] {
  if (saved.deployment !== now.deployment || saved.subscription !== now.subscription) {
    return [stale(`the plan is for ${saved.deployment} in ${saved.subscription}`)];
  }
  return saved.configuration === now.configuration ? [] : [stale("the configuration has changed since")];
}

function changeFindings(saved: readonly Change[], now: readonly Change[]): SealflowError[] {
  const current = new Map(now.map((change) => [change.address, change]));
  const known = new Set(saved.map(({ address }) => address));
  const missing = now.filter(({ address, action }) => !known.has(address) && action !== "unchanged");
  return [
    ...saved.flatMap((change) => {
      const difference = differs(change, current.get(change.address));
      return difference === undefined ? [] : [stale(`${change.address}: ${difference}`)];
    }),
    ...missing.map(({ address, action }) =>
      stale(`${address}: the plan does not have it, and it would be ${action}d`),
    ),
  ];
}

function differs(saved: Change, now: Change | undefined): string | undefined {
  if (now === undefined) return "it is no longer part of the deployment";
  if (saved.action !== now.action) return `the plan says ${saved.action}, now it would be ${now.action}`;
  if (saved.id !== now.id) return "it has another id now";
  if (saved.etag !== now.etag && saved.etag !== undefined) return "it was changed since (etag)";
  if (saved.fingerprint !== now.fingerprint) return "it was changed since";
  return undefined;
}

function stale(message: string): SealflowError {
  return new SealflowError({ code: "AZURE_PLAN_STALE", message });
}
