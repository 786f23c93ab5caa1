import type { Findings } from "../finding.js";
import type { DocumentPath } from "../path.js";
import { isQuantity } from "../quantity.js";
import type { ContainerExecutor, ContainerResources, PipelineSpec } from "../types.js";

const QUANTITIES = [
  "resourceCpuLimit",
  "resourceMemoryLimit",
  "resourceCpuRequest",
  "resourceMemoryRequest",
] as const;
const NUMBERS = ["cpuLimit", "memoryLimit", "cpuRequest", "memoryRequest"] as const;

/** Checks executors: one kind each, an image, quantities that Kubernetes would read. */
export function checkExecutors(spec: PipelineSpec, findings: Findings): void {
  for (const [label, executor] of Object.entries(spec.deploymentSpec.executors ?? {})) {
    const path = ["deploymentSpec", "executors", label];
    if (Object.keys(executor).length === 0) {
      findings.error("PIPELINE_EXECUTOR_EMPTY", path, "expected container or importer, got nothing");
    }
    if (executor.container !== undefined)
      checkContainer(executor.container, [...path, "container"], findings);
    const uri = executor.importer?.artifactUri;
    if (uri !== undefined && Object.keys(uri).length === 0) {
      findings.error(
        "PIPELINE_INPUT_WITHOUT_SOURCE",
        [...path, "importer", "artifactUri"],
        "expected a URI, got nothing",
      );
    }
  }
}

function checkContainer(container: ContainerExecutor, path: DocumentPath, findings: Findings): void {
  if (!container.image?.trim()) {
    findings.error("PIPELINE_IMAGE_EMPTY", [...path, "image"], "expected an image, got nothing");
  }
  for (const [index, variable] of (container.env ?? []).entries()) {
    if (variable.name.includes("=") || variable.name.includes("\0")) {
      findings.error(
        "PIPELINE_ENV_NAME",
        [...path, "env", index, "name"],
        `expected a name without "=", got ${JSON.stringify(variable.name)}`,
      );
    }
  }
  if (container.resources !== undefined)
    checkResources(container.resources, [...path, "resources"], findings);
}

function checkResources(resources: ContainerResources, path: DocumentPath, findings: Findings): void {
  for (const field of QUANTITIES) checkQuantity(resources[field], [...path, field], findings);
  const count = resources.accelerator?.resourceCount;
  checkQuantity(count, [...path, "accelerator", "resourceCount"], findings);
  for (const field of NUMBERS) {
    if ((resources[field] ?? 0) < 0) {
      findings.error("PIPELINE_QUANTITY", [...path, field], `expected 0 or more, got ${resources[field]}`);
    }
  }
}

function checkQuantity(text: string | undefined, path: DocumentPath, findings: Findings): void {
  if (text === undefined || text === "" || text.includes("{{$") || isQuantity(text)) return;
  findings.error(
    "PIPELINE_QUANTITY",
    path,
    `expected a Kubernetes quantity such as 500m or 4Gi, got ${JSON.stringify(text)}`,
  );
}
