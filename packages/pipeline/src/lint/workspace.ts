import { isJsonObject, type JsonValue } from "@sealflow/core";
import type { Findings } from "../ir/finding.js";
import type { DocumentPath } from "../ir/path.js";
import { isQuantity } from "../ir/quantity.js";
import type { PipelineDocument } from "../ir/types.js";

/** What the backend asks of a workspace. Source: backend/src/v2/compiler/argocompiler, GetWorkspacePVC. */
export function lintWorkspace(
  workspace: JsonValue | undefined,
  path: readonly string[],
  findings: Findings,
): void {
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

/** Names the places that need a workspace in a pipeline that has none: nothing is mounted there then. */
export function lintWorkspaceUse({ spec, platform }: PipelineDocument, findings: Findings): void {
  if (platform?.platforms.kubernetes?.pipelineConfig?.workspace !== undefined) return;
  const visit = (value: unknown, path: DocumentPath): void => {
    const uses =
      typeof value === "string"
        ? value.includes("{{$.workspace_path}}")
        : path.at(-1) === "downloadToWorkspace" && value === true;
    if (uses) {
      const message = "expected a pipeline with a workspace, since this needs one, got none configured";
      findings.error("PIPELINE_LINT_WORKSPACE", path, message, "Give the pipeline's config a workspace.");
    }
    if (Array.isArray(value)) for (const [at, item] of value.entries()) visit(item, [...path, at]);
    else if (typeof value === "object" && value !== null)
      for (const [key, item] of Object.entries(value)) visit(item, [...path, key]);
  };
  visit(spec, []);
}
