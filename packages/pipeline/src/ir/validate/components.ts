import type { JsonValue } from "@sealflow/core";
import { parseExpression } from "../expression.js";
import type { Findings } from "../finding.js";
import { declaredDefault, isAllowedLiteral, valueProblem } from "../parameter-types.js";
import type { DocumentPath } from "../path.js";
import { member } from "../record.js";
import type { ComponentSpec, InputParameterDefinition, OutputParameterDefinition } from "../types.js";
import type { SpecScope } from "./scope.js";

/** Checks each component's interface and that it is either a DAG or an executor that is there. */
export function checkComponents(scope: SpecScope): void {
  const { spec, findings } = scope;
  if (spec.root.dag === undefined) {
    findings.error("PIPELINE_ROOT_NOT_DAG", ["root"], "expected a dag, got none");
  }
  checkInterface(spec.root, ["root"], findings);
  for (const [name, component] of Object.entries(spec.components ?? {})) {
    const path = ["components", name];
    checkInterface(component, path, findings);
    if (component.dag === undefined && !component.executorLabel) {
      findings.error("PIPELINE_COMPONENT_EMPTY", path, "expected a dag or an executorLabel, got neither");
    } else if (
      component.dag === undefined &&
      member(spec.deploymentSpec.executors, component.executorLabel ?? "") === undefined
    ) {
      findings.error(
        "PIPELINE_EXECUTOR_UNKNOWN",
        [...path, "executorLabel"],
        `expected an executor of deploymentSpec, got ${JSON.stringify(component.executorLabel)}`,
      );
    }
  }
}

function checkInterface(component: ComponentSpec, path: DocumentPath, findings: Findings): void {
  for (const [name, parameter] of Object.entries(component.inputDefinitions?.parameters ?? {})) {
    const at = [...path, "inputDefinitions", "parameters", name];
    if (checkType(parameter, at, findings)) checkValues(parameter, at, findings);
  }
  for (const [name, parameter] of Object.entries(component.outputDefinitions?.parameters ?? {})) {
    checkType(parameter, [...path, "outputDefinitions", "parameters", name], findings);
  }
}

function checkType(
  parameter: InputParameterDefinition | OutputParameterDefinition,
  path: DocumentPath,
  findings: Findings,
): boolean {
  const type: string | undefined = parameter.parameterType;
  if (type !== undefined && type !== "PARAMETER_TYPE_ENUM_UNSPECIFIED") return true;
  findings.error("PIPELINE_PARAMETER_TYPE_MISSING", path, "expected a parameterType, got none");
  return false;
}

function checkValues(parameter: InputParameterDefinition, path: DocumentPath, findings: Findings): void {
  for (const [index, literal] of (parameter.literals ?? []).entries()) {
    const problem = valueProblem(literal, parameter.parameterType);
    if (problem !== undefined) {
      findings.error("PIPELINE_PARAMETER_TYPE_MISMATCH", [...path, "literals", index], problem);
    }
  }
  const value = declaredDefault(parameter);
  if (value === undefined || value === null) return;
  const problem = valueProblem(value, parameter.parameterType);
  if (problem === undefined && value !== parameter.defaultValue) {
    findings.warning(
      "PIPELINE_DEFAULT_CONVERTED",
      [...path, "defaultValue"],
      `${valueProblem(parameter.defaultValue as JsonValue, parameter.parameterType)}, which is read as ${JSON.stringify(value)}`,
      "Compile the pipeline again with a current SDK.",
    );
  }
  if (problem !== undefined) {
    findings.error("PIPELINE_PARAMETER_TYPE_MISMATCH", [...path, "defaultValue"], problem);
  } else if (!isAllowedLiteral(value, parameter.literals)) {
    findings.error(
      "PIPELINE_PARAMETER_LITERAL",
      [...path, "defaultValue"],
      valueProblem(value, parameter.parameterType, parameter.literals) ?? "",
    );
  }
}

/** Checks that an expression parses. */
export function checkExpression(
  text: string,
  at: { kind: "condition" | "selector"; path: DocumentPath; findings: Findings },
): readonly string[] {
  try {
    return parseExpression(text, at.kind).parameters;
  } catch (cause) {
    at.findings.error(
      "PIPELINE_EXPRESSION_INVALID",
      at.path,
      cause instanceof Error ? cause.message : String(cause),
    );
    return [];
  }
}
