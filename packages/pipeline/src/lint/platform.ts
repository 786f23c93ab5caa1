import type { Findings } from "../ir/finding.js";
import type { PlatformSpec, SinglePlatformSpec } from "../ir/types.js";
import type { LintTarget } from "./target.js";
import { lintWorkspace } from "./workspace.js";

/** Fields of an executor that the official backend never reads. */
const UNREAD: readonly string[] = ["podAffinity", "enabledSharedMemory"];

/** Fields of an executor that mean nothing without a cluster. */
const CLUSTER_ONLY: readonly string[] = [
  "nodeSelector",
  "nodeAffinity",
  "podAffinity",
  "tolerations",
  "imagePullPolicy",
  "imagePullSecret",
  "initContainers",
  "securityContext",
  "enabledSharedMemory",
];

/** Fields of the pipeline's configuration that came with 2.17. */
const SINCE_2_17: readonly string[] = [
  "resourceTtlOnCompletion",
  "resourceTtlOnSuccess",
  "resourceTtlOnFailure",
  "activeDeadlineSeconds",
];

/** Says what of a platform document the target passes over. */
export function lintPlatform(platform: PlatformSpec, target: LintTarget, findings: Findings): void {
  for (const [name, single] of Object.entries(platform.platforms)) {
    const path = ["platforms", name];
    lintExecutors(single, path, { target, findings });
    if (target !== "local") lintWorkspace(single.pipelineConfig?.workspace, path, findings);
    for (const field of Object.keys(single.pipelineConfig ?? {})) {
      if (target === "local" && field.startsWith("resourceTtl")) {
        const message = "ignored there: the record of a run stays until it is deleted";
        findings.warning("PIPELINE_LINT_IGNORED", [...path, "pipelineConfig", field], message);
      }
      if (target === "kfp-2.16" && SINCE_2_17.includes(field)) {
        findings.warning(
          "PIPELINE_LINT_IGNORED",
          [...path, "pipelineConfig", field],
          "expected a field that 2.16 reads, got one that came with 2.17",
        );
      }
    }
  }
}

function lintExecutors(
  single: SinglePlatformSpec,
  path: readonly string[],
  { target, findings }: { target: LintTarget; findings: Findings },
): void {
  const ignored = target === "local" ? CLUSTER_ONLY : UNREAD;
  const reason = target === "local" ? "it means nothing on one machine" : "the backend never reads it";
  for (const [label, config] of Object.entries(single.deploymentSpec?.executors ?? {})) {
    for (const field of Object.keys(config)) {
      if (!ignored.includes(field)) continue;
      const at = [...path, "deploymentSpec", "executors", label, field];
      findings.warning("PIPELINE_LINT_IGNORED", at, `ignored there: ${reason}`);
    }
  }
}
