/** What was found before anything is made. */
import type { JsonObject } from "@sealflow/core";

/** The result of one check. */
export interface PreflightFinding {
  readonly check: string;
  /** `unknown`: could not be asked; it says why. */
  readonly status: "ok" | "warning" | "failed" | "unknown";
  readonly message: string;
  /** How to mend it. */
  readonly mend?: string;
  readonly data?: JsonObject;
}

/** All results. */
export interface PreflightReport {
  /** False when a check failed. */
  readonly ready: boolean;
  readonly findings: readonly PreflightFinding[];
}
