import { valueProblem } from "../ir/parameter-types.js";
import { member, sortedKeys } from "../ir/record.js";
import type { ComponentSpec } from "../ir/types.js";
import { failure } from "./failure.js";
import type { TaskOutputs, TaskResult } from "./types.js";

/**
 * Checks a leaf task's result against its component's declaration.
 *
 * @throws SealflowError `INTERPRETER_RESULT_UNEXPECTED`
 */
export function checkResult(result: TaskResult, component: ComponentSpec): void {
  if (result.state === "FAILED" && result.error === undefined) {
    throw unexpected(result, "expected an error with FAILED, got none");
  }
  if (result.state !== "SUCCEEDED") return;
  if (result.outputs === undefined) throw unexpected(result, "expected outputs with SUCCEEDED, got none");
  checkParameters(result, component, result.outputs);
  checkArtifacts(result, component, result.outputs);
}

function checkParameters(result: TaskResult, component: ComponentSpec, outputs: TaskOutputs): void {
  const declared = component.outputDefinitions?.parameters;
  for (const key of sortedKeys(outputs.parameters)) {
    if (member(declared, key) === undefined) throw unexpected(result, `output ${key} is not declared`);
  }
  for (const key of sortedKeys(declared)) {
    const value = member(outputs.parameters, key);
    const type = member(declared, key)?.parameterType;
    if (value === undefined || type === undefined)
      throw unexpected(result, `output ${key}: expected a value, got none`);
    const problem = valueProblem(value, type);
    if (problem !== undefined) throw unexpected(result, `output ${key}: ${problem}`);
  }
}

function checkArtifacts(result: TaskResult, component: ComponentSpec, outputs: TaskOutputs): void {
  const declared = component.outputDefinitions?.artifacts;
  for (const key of sortedKeys(outputs.artifacts)) {
    if (member(declared, key) === undefined) throw unexpected(result, `artifact ${key} is not declared`);
  }
  for (const key of sortedKeys(declared)) {
    const artifacts = member(outputs.artifacts, key);
    if (artifacts === undefined) throw unexpected(result, `artifact ${key}: expected one, got none`);
    if (member(declared, key)?.isArtifactList !== true && artifacts.length !== 1) {
      throw unexpected(result, `artifact ${key}: expected one, got ${artifacts.length}`);
    }
  }
}

function unexpected(result: TaskResult, problem: string): Error {
  return failure("INTERPRETER_RESULT_UNEXPECTED", `result of ${result.path}: ${problem}`, {
    path: result.path,
  });
}
