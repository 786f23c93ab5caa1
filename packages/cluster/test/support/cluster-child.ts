/** Starts a cluster in a process of its own, to be killed. */
import { startCluster } from "../../../../test-support/kubernetes/cluster.js";

const { directory } = await startCluster({ node: false });
process.send?.(directory);
await new Promise((resolve) => setTimeout(resolve, 600_000));
