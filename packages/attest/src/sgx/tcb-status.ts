/** Which TCB level a platform is at, and what the platform's and the quoting enclave's levels mean together. */
import { Refusal } from "../refusal.js";
import type { PckPlatform } from "./pck-extension.js";
import type { QeIdentity, TcbInfo } from "./tcb-documents.js";

/** Statuses of evidence (Intel PCS API v4, TCB levels). */
export const tcbStatuses = [
  "UpToDate",
  "SWHardeningNeeded",
  "ConfigurationNeeded",
  "ConfigurationAndSWHardeningNeeded",
  "OutOfDate",
  "OutOfDateConfigurationNeeded",
  "Revoked",
] as const;

/** One of the statuses. */
export type TcbStatus = (typeof tcbStatuses)[number];

/** A level that was matched. */
export interface TcbLevel {
  readonly status: TcbStatus;
  readonly date: string;
  readonly advisories: readonly string[];
}

function known(status: string, code: string): TcbStatus {
  const found = tcbStatuses.find((each) => each === status);
  if (!found) throw new Refusal(code, `one of ${tcbStatuses.join(", ")}`, status);
  return found;
}

/** The first level, in the order given, that the platform reaches in each of the 16 components and the PCE SVN. */
export function platformLevel(platform: PckPlatform, info: TcbInfo): TcbLevel {
  const level = info.tcbLevels.find(
    ({ tcb }) =>
      tcb.sgxtcbcomponents.every(({ svn }, i) => (platform.components[i] ?? -1) >= svn) &&
      platform.pceSvn >= tcb.pcesvn,
  );
  if (!level) throw new Refusal("ATTEST_TCB_LEVEL_UNKNOWN", "a TCB level that the platform reaches", "none");
  const status = known(level.tcbStatus, "ATTEST_TCB_STATUS_UNKNOWN");
  return { status, date: level.tcbDate, advisories: level.advisoryIDs ?? [] };
}

/** The first level, in the order given, that the quoting enclave's SVN reaches. */
export function qeLevel(svn: number, identity: QeIdentity): TcbLevel {
  const level = identity.tcbLevels.find(({ tcb }) => svn >= tcb.isvsvn);
  if (!level)
    throw new Refusal("ATTEST_QE_TCB_LEVEL_UNKNOWN", "a level that the QE's SVN reaches", `SVN ${svn}`);
  const status = known(level.tcbStatus, "ATTEST_QE_TCB_STATUS_UNKNOWN");
  if (status !== "UpToDate" && status !== "OutOfDate" && status !== "Revoked") {
    throw new Refusal("ATTEST_QE_TCB_STATUS_UNKNOWN", "UpToDate, OutOfDate or Revoked", status);
  }
  return { status, date: level.tcbDate, advisories: level.advisoryIDs ?? [] };
}

/** Both levels as one: an outdated quoting enclave makes the platform outdated, a revoked one revokes it. */
export function converge(platform: TcbLevel, qe: TcbLevel): TcbLevel {
  const advisories = [...new Set([...platform.advisories, ...qe.advisories])];
  const date = platform.date < qe.date ? platform.date : qe.date;
  return { status: convergedStatus(platform.status, qe.status), date, advisories };
}

function convergedStatus(platform: TcbStatus, qe: TcbStatus): TcbStatus {
  if (platform === "Revoked" || qe === "Revoked") return "Revoked";
  if (qe === "UpToDate") return platform;
  const configuration =
    platform === "ConfigurationNeeded" ||
    platform === "ConfigurationAndSWHardeningNeeded" ||
    platform === "OutOfDateConfigurationNeeded";
  return configuration ? "OutOfDateConfigurationNeeded" : "OutOfDate";
}
