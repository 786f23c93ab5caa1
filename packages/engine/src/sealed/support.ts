/** What of a pipeline can't run sealed on this machine: said before anything starts. */
import { isJsonObject, type JsonValue, SealflowError, throwFindings } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { type PythonWork, workOf } from "../run/plan.js";

/**
 * The Python work behind each executor.
 *
 * @throws SealflowError `ENGINE_SEALED_UNSUPPORTED`
 */
export function sealedWorks(document: PipelineDocument, directory: string): Map<string, PythonWork> {
  const works = new Map<string, PythonWork>();
  const findings: SealflowError[] = [];
  for (const [executorLabel, executor] of Object.entries(document.spec.deploymentSpec.executors ?? {})) {
    if (executor.importer !== undefined) {
      if (executor.importer.downloadToWorkspace === true)
        findings.push(unsupported(executorLabel, "an import into the workspace"));
      continue;
    }
    const work = workOf({ executorLabel, executor }, directory);
    const reason = reasonAgainst(work, document, executorLabel);
    if (reason !== undefined) findings.push(unsupported(executorLabel, reason));
    else if (work.kind === "python") works.set(executorLabel, work);
  }
  const text = JSON.stringify(document.spec);
  for (const place of ["pipeline_root", "workspace_path"]) {
    if (text.includes(`{{$.${place}}}`))
      findings.push(unsupported("of the pipeline", `a use of {{$.${place}}}`));
  }
  throwFindings(findings, {
    code: "ENGINE_SEALED_UNSUPPORTED",
    message: "pipeline: expected components that can run sealed",
  });
  return works;
}

function reasonAgainst(
  work: ReturnType<typeof workOf>,
  document: PipelineDocument,
  label: string,
): string | undefined {
  if (work.kind !== "python") return "a container: its processes can't be measured";
  const { env = [] } = work.container;
  if (env.some(({ value }) => value?.includes("{{$"))) return "a variable that depends on the run";
  const executors = document.platform?.platforms.kubernetes?.deploymentSpec?.executors;
  const platform: JsonValue | undefined = isJsonObject(executors) ? executors[label] : undefined;
  const uses = isJsonObject(platform) ? Object.keys(platform).filter((name) => outside.has(name)) : [];
  return uses.length === 0
    ? undefined
    : `${uses.join(", ")}: what comes from the cluster, or goes to its volumes, is not sealed`;
}

/** Kubernetes settings that bring something into a task, or take something out, past the broker. */
const outside = new Set([
  "secretAsEnv",
  "secretAsVolume",
  "configMapAsEnv",
  "configMapAsVolume",
  "fieldPathAsEnv",
  "pvcMount",
  "genericEphemeralVolume",
  "emptyDirMounts",
]);

function unsupported(label: string, got: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_UNSUPPORTED",
    message: `executor ${label}: expected a Python component that a sealed run can measure, got ${got}`,
    hint: "run it unsealed, or write the step as a Python component",
  });
}
