/** What checks are given. */
import type { ArmClient } from "../arm/client.js";
import type { LiveState } from "../plan/live.js";
import type { DeploymentContext } from "../resources/context.js";
import type { PreflightFinding } from "./types.js";

/** The deployment, and what of it is there already: that needs no new quota and no free name. */
export interface PreflightContext extends DeploymentContext {
  readonly client: ArmClient;
  readonly live: LiveState | undefined;
  /** Milliseconds since the epoch. */
  readonly now: number;
}

/** One check; what it throws becomes a finding of status `unknown`. */
export interface PreflightCheck {
  readonly name: string;
  run(context: PreflightContext): Promise<readonly PreflightFinding[]>;
}
