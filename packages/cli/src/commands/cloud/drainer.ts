/** Node pools are emptied through the Kubernetes API before Azure deletes them. */
import { mkdtemp, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Drainer } from "@sealflow/azure";
import type { Environment } from "../../context.js";

/** The label by which AKS marks the nodes of a pool. */
const poolLabel = "kubernetes.azure.com/agentpool";

/** A drainer that reaches the cluster with the credentials that it is given. */
export function createDrainer(env: Environment): Drainer {
  return {
    async drain(pool, kubeconfig, signal) {
      const { connect, drainNodes } = await import("@sealflow/cluster");
      const directory = await mkdtemp(join(tmpdir(), "sealflow-drain-"));
      const file = join(directory, "kubeconfig");
      try {
        await writeFile(file, kubeconfig, { mode: 0o600 });
        await drainNodes(connect({ kubeconfig: file }, env), `${poolLabel}=${pool}`, { signal });
      } finally {
        await rm(directory, { recursive: true, force: true });
      }
    },
  };
}
