import { type JsonObject, type JsonValue, SealflowError, throwFindings } from "@sealflow/core";
import { nearest } from "../ir/decode/nearest.js";
import { declaredDefault, valueProblem } from "../ir/parameter-types.js";
import { member, setMember, sortedKeys } from "../ir/record.js";
import type { PipelineSpec } from "../ir/types.js";
import type { ArtifactValue, TaskInputValues } from "./types.js";

/** Input artifacts of a run, by name. */
export type RunArtifacts = Readonly<Record<string, readonly ArtifactValue[]>>;

/**
 * The inputs that a run starts with: what was given, checked, and the defaults of the rest. Optional parameters without
 * default are null. All findings are thrown together.
 *
 * @throws SealflowError `PIPELINE_PARAMETER_UNKNOWN`, `PIPELINE_PARAMETER_MISSING`, `PIPELINE_PARAMETER_INVALID`,
 * `PIPELINE_ARTIFACT_UNKNOWN`, `PIPELINE_ARTIFACT_MISSING`; `PIPELINE_PARAMETERS_INVALID` for several.
 */
export function checkRunParameters(
  spec: PipelineSpec,
  parameters: JsonObject,
  artifacts: RunArtifacts = {},
): TaskInputValues {
  const findings: SealflowError[] = [];
  const values = checkParameters(spec, parameters, findings);
  checkArtifacts(spec, artifacts, findings);
  throwFindings(findings, {
    code: "PIPELINE_PARAMETERS_INVALID",
    message: `run parameters: expected what pipeline ${spec.pipelineInfo.name} takes, got ${findings.length} findings`,
  });
  return { parameters: values, artifacts };
}

function checkParameters(
  spec: PipelineSpec,
  parameters: JsonObject,
  findings: SealflowError[],
): Record<string, JsonValue> {
  const definitions = spec.root.inputDefinitions?.parameters;
  const names = sortedKeys(definitions);
  for (const name of sortedKeys(parameters)) {
    if (member(definitions, name) === undefined) findings.push(unknown(name, names, "PARAMETER"));
  }
  const values: Record<string, JsonValue> = {};
  for (const name of names) {
    const definition = member(definitions, name);
    const value = member(parameters, name);
    if (definition === undefined) continue;
    if (value !== undefined && value !== null) {
      const problem = valueProblem(value, definition.parameterType, definition.literals);
      if (problem !== undefined) findings.push(finding("PIPELINE_PARAMETER_INVALID", name, problem));
      else setMember(values, name, value);
      continue;
    }
    const fallback = declaredDefault(definition);
    if (fallback !== undefined) setMember(values, name, fallback);
    else if (definition.isOptional === true) setMember(values, name, null);
    else {
      const problem = `expected a value of type ${definition.parameterType}, got ${value === null ? "null" : "none"}`;
      findings.push(finding("PIPELINE_PARAMETER_MISSING", name, problem, `Give it: --param ${name}=…`));
    }
  }
  return values;
}

function checkArtifacts(spec: PipelineSpec, artifacts: RunArtifacts, findings: SealflowError[]): void {
  const definitions = spec.root.inputDefinitions?.artifacts;
  const names = sortedKeys(definitions);
  for (const name of sortedKeys(artifacts)) {
    if (member(definitions, name) === undefined) findings.push(unknown(name, names, "ARTIFACT"));
  }
  for (const name of names) {
    if (member(artifacts, name) === undefined && member(definitions, name)?.isOptional !== true) {
      findings.push(finding("PIPELINE_ARTIFACT_MISSING", name, "expected an input artifact, got none"));
    }
  }
}

function unknown(name: string, names: readonly string[], kind: "PARAMETER" | "ARTIFACT"): SealflowError {
  const guess = nearest(name, names);
  return finding(
    kind === "PARAMETER" ? "PIPELINE_PARAMETER_UNKNOWN" : "PIPELINE_ARTIFACT_UNKNOWN",
    name,
    `expected one of ${names.join(", ") || "none at all"}, got ${JSON.stringify(name)}`,
    guess === undefined ? undefined : `Did you mean ${guess}?`,
  );
}

function finding(code: `PIPELINE_${string}`, name: string, problem: string, hint?: string): SealflowError {
  return new SealflowError({
    code,
    message: `run parameter ${name}: ${problem}`,
    ...(hint === undefined ? {} : { hint }),
    where: {
      path: `root.inputDefinitions.${code.includes("ARTIFACT") ? "artifacts" : "parameters"}.${name}`,
    },
  });
}
