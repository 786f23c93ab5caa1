import { type Finding, Findings } from "../finding.js";
import type { PipelineDocument } from "../types.js";
import { checkComponents } from "./components.js";
import { checkDag } from "./dag.js";
import { checkExecutors } from "./executors.js";
import { checkNesting } from "./nesting.js";
import { checkPlatform } from "./platform.js";
import type { SpecScope } from "./scope.js";

/**
 * Everything that is wrong with a document's meaning, in the order of the document: references to what is not there,
 * types that don't fit, missing inputs, cycles, expressions that don't parse, bad quantities, entries for nothing.
 * Errors can't run as meant; warnings run here and not everywhere. The document's shape is checked by
 * `parsePipelineDocument`, not here.
 */
export function validatePipeline(document: PipelineDocument): Finding[] {
  const findings = new Findings(0);
  const { spec } = document;
  checkPipelineName(spec.pipelineInfo.name, findings);
  const { collected, sound } = checkNesting(spec, findings);
  const scope: SpecScope = { spec, findings, collected };
  checkComponents(scope);
  if (sound) {
    checkDag(scope, { name: "root", component: spec.root, path: ["root"] });
    for (const [name, component] of Object.entries(spec.components ?? {})) {
      checkDag(scope, { name, component, path: ["components", name] });
    }
  }
  checkExecutors(spec, findings);
  const platformFindings = new Findings(1);
  if (document.platform !== undefined) checkPlatform(document.platform, spec, platformFindings);
  return [...findings.all, ...platformFindings.all];
}

function checkPipelineName(name: string, findings: Findings): void {
  if (name !== "" && !/^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(name)) {
    findings.warning(
      "PIPELINE_NAME_NOT_PORTABLE",
      ["pipelineInfo", "name"],
      `expected lower-case letters, digits and dashes, got ${JSON.stringify(name)}`,
      "Kubernetes refuses such names in places; rename the pipeline.",
    );
  }
}
