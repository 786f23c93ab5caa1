import { isJsonObject, type JsonValue } from "@sealflow/core";
import type { Findings } from "../ir/finding.js";
import { isQuantity } from "../ir/quantity.js";
import type { PlatformSpec, SinglePlatformSpec } from "../ir/types.js";
import type { LintTarget } from "./target.js";

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

/** What the backend asks of a workspace. Source: backend/src/v2/compiler/argocompiler, GetWorkspacePVC. */
function lintWorkspace(workspace: JsonValue | undefined, path: readonly string[], findings: Findings): void {
  if (!isJsonObject(workspace)) return;
  const at = [...path, "pipelineConfig", "workspace"];
  const size = String(workspace.size ?? "");
  if (!isQuantity(size)) {
    const got = JSON.stringify(size);
    findings.error("PIPELINE_LINT_WORKSPACE", [...at, "size"], `expected a size such as "10Gi", got ${got}`);
  }
  const kubernetes = isJsonObject(workspace.kubernetes) ? workspace.kubernetes : {};
  const patch = isJsonObject(kubernetes.pvcSpecPatch) ? kubernetes.pvcSpecPatch : {};
  const place = [...at, "kubernetes", "pvcSpecPatch"];
  if (!Array.isArray(patch.accessModes) || patch.accessModes.length === 0) {
    findings.error(
      "PIPELINE_LINT_WORKSPACE",
      place,
      "expected accessModes, got none: the backend refuses a workspace without",
      "Name them, for example ReadWriteOnce, unless the backend is configured with a default workspace.",
    );
  }
  if (patch.storageClassName === "") {
    const message = "expected a storage class or none at all, got an empty name";
    findings.error("PIPELINE_LINT_WORKSPACE", [...place, "storageClassName"], message);
  }
  for (const field of Object.keys(patch)) {
    if (field === "accessModes" || field === "storageClassName") continue;
    const message = "expected accessModes or storageClassName, got a field that the backend refuses";
    findings.error("PIPELINE_LINT_WORKSPACE", [...place, field], message);
  }
}
