/** All that a configuration asks for. */
import type { Resource } from "../model/resource.js";
import { attestationResources } from "./attestation.js";
import { clusterId, clusterResource } from "./cluster.js";
import type { DeploymentContext } from "./context.js";
import { groupResource } from "./group.js";
import { confidentialPoolSettings, poolResource, systemPoolSettings } from "./pool.js";
import { pullRole, registryResource } from "./registry.js";
import { vaultResources } from "./vault.js";
import { workloadResources } from "./workload.js";

/** Every resource of the deployment, those first that others depend on. */
export function desiredResources(context: DeploymentContext): Resource[] {
  const { config } = context;
  const cluster = clusterId(context);
  return [
    groupResource(context),
    registryResource(context),
    clusterResource(context),
    poolResource(context, systemPoolSettings(config), cluster),
    poolResource(context, confidentialPoolSettings(config), cluster),
    pullRole(context),
    ...vaultResources(context),
    ...attestationResources(context),
    ...workloadResources(context),
  ];
}
