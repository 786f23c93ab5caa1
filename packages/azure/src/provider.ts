/**
 * What the commands ask of a cloud. Azure is the first that answers; another cloud implements the same and is chosen by
 * `cloud.provider` of the configuration.
 */
import type { JsonObject } from "@sealflow/core";
import type { ApplyEvent, ApplyEventBody } from "./apply/events.js";
import type { CostReport } from "./cost/types.js";
import type { DestroyPlan } from "./destroy/plan.js";
import type { DriftReport } from "./drift.js";
import type { CredentialKind } from "./kubeconfig/fetch.js";
import type { Plan } from "./plan/types.js";
import type { PreflightReport } from "./preflight/types.js";
import type { StatusReport } from "./status.js";

export type { ApplyEventBody };

/** How an apply is run. */
export interface ApplyOptions {
  /** Carry out this plan; without one, a fresh one. */
  readonly plan?: Plan;
  /** Sees the plan before anything is written; false ends the apply without a change. */
  readonly confirm: (plan: Plan) => Promise<boolean>;
  /** Addresses of precious resources that may be replaced or deleted. */
  readonly allow: readonly string[];
  readonly onEvent: (event: ApplyEvent) => void;
}

/** What an apply did. */
export interface ApplyResult {
  readonly plan: Plan;
  /** False when it was not confirmed, or nothing was to be done. */
  readonly applied: boolean;
}

/** How a destroy is run. */
export interface DestroyOptions {
  readonly confirm: (plan: DestroyPlan) => Promise<boolean>;
  /** What becomes of resources of others in the group. Default: refuse. */
  readonly foreign: "refuse" | "keep" | "delete";
  readonly onEvent: (event: ApplyEvent) => void;
}

/** A deployment in a cloud. */
export interface CloudProvider {
  preflight(): Promise<PreflightReport>;
  plan(): Promise<Plan>;
  apply(options: ApplyOptions): Promise<ApplyResult>;
  drift(): Promise<DriftReport>;
  status(): Promise<StatusReport>;
  cost(): Promise<CostReport>;
  /** The cluster's kubeconfig, in YAML: a secret. */
  kubeconfig(kind: CredentialKind): Promise<string>;
  /** @returns False when it was so already. */
  setPower(state: "running" | "stopped", onEvent: (event: ApplyEvent) => void): Promise<boolean>;
  destroy(options: DestroyOptions): Promise<DestroyPlan>;
  /** A template that makes the same with the cloud's own tools. */
  exportTemplate(): Promise<JsonObject>;
}
