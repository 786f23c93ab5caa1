import { type Finding, Findings } from "../ir/finding.js";
import type { PipelineDocument } from "../ir/types.js";
import { validatePipeline } from "../ir/validate/validate.js";
import { lintExecutors } from "./executors.js";
import { lintLoops } from "./loops.js";
import { lintNestedCollections } from "./nested-collection.js";
import { lintPlatform } from "./platform.js";
import { lintSize } from "./size.js";
import type { LintTarget } from "./target.js";
import { lintTasks } from "./tasks.js";
import { lintWorkspaceUse } from "./workspace.js";

/**
 * What of a document will not run on a target, with the reason and the path: errors stop the run or make it wrong,
 * warnings are what is ignored or read differently there. What `validatePipeline` finds is included.
 *
 * Source for the official backend: kubeflow/pipelines, backend/src/v2 (driver, launcher, argocompiler).
 */
export function lintPipeline(document: PipelineDocument, target: LintTarget): Finding[] {
  const findings = new Findings(0);
  lintTasks(document.spec, target, findings);
  lintExecutors(document.spec, target, findings);
  if (target !== "local") {
    lintLoops(document.spec, findings);
    lintNestedCollections(document.spec, findings);
    lintWorkspaceUse(document, findings);
    lintSize(document, findings);
  }
  const platformFindings = new Findings(1);
  if (document.platform !== undefined) lintPlatform(document.platform, target, platformFindings);
  return [...validatePipeline(document), ...findings.all, ...platformFindings.all];
}
