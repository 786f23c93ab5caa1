/** What desired resources are computed from. */
import type { JsonObject } from "@sealflow/core";
import { type CloudConfig, deploymentName } from "../config/schema.js";
import { ownershipTag } from "../model/resource.js";

/** The configuration and what surrounds it. */
export interface DeploymentContext {
  readonly config: CloudConfig;
  readonly subscription: string;
  /** Directory of signed-in people and programs; needed for key vaults only. */
  readonly tenant?: string;
  /** OpenSSH public key for nodes; needed when a cluster is made. */
  readonly sshPublicKey?: string;
  /** Text of the attestation policy, read from its file. */
  readonly attestationPolicy?: string;
}

/** The user's tags and the one that marks what is ours. */
export function tagsOf(config: CloudConfig): JsonObject {
  return { ...config.tags, [ownershipTag]: deploymentName(config) };
}
