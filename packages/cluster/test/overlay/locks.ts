import { containerDigest, type ImageLock } from "@sealflow/cluster";
import type { PipelineDocument } from "@sealflow/pipeline";

/** An image lock that holds every container of a document, as building its image would write it. */
export async function lockFor(
  { spec }: PipelineDocument,
  change: Partial<ImageLock> = {},
): Promise<ImageLock> {
  const executors: Record<string, ImageLock["executors"][string]> = {};
  for (const [label, { container }] of Object.entries(spec.deploymentSpec.executors ?? {})) {
    if (container === undefined) continue;
    const digest = await containerDigest(container);
    executors[label] = { container: digest, component: digest };
  }
  return {
    version: "sealflow.image/v1",
    image: `registry.example/team/loan@sha256:${"a".repeat(64)}`,
    command: ["/usr/bin/python3", "-I", "/opt/sealflow/shim.py"],
    enclave: { mrenclave: "b".repeat(64), productId: 1, svn: 1 },
    epc: 9 * 2 ** 30,
    executors,
    ...change,
  };
}
