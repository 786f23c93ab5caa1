import type { JsonValue } from "@sealflow/core";
import { nearest } from "../decode/nearest.js";
import { valueProblem } from "../parameter-types.js";
import { member } from "../record.js";
import { checkExpression } from "./components.js";
import type { TaskScope } from "./scope.js";
import { checkInputArtifact, checkInputParameter } from "./task-inputs.js";

/** Checks a task whose component is known: inputs, condition, iterator, retry policy. */
export function checkTask(scope: TaskScope): void {
  const { task, taskPath, findings } = scope;
  for (const [name, input] of Object.entries(task.inputs?.parameters ?? {})) {
    checkInputParameter(scope, name, input);
  }
  for (const [name, input] of Object.entries(task.inputs?.artifacts ?? {})) {
    checkInputArtifact(scope, name, input);
  }
  checkMissingInputs(scope);
  checkIterator(scope);
  const condition = task.triggerPolicy?.condition;
  if (condition !== undefined && condition !== "") {
    const path = [...taskPath, "triggerPolicy", "condition"];
    for (const name of checkExpression(condition, { kind: "condition", path, findings })) {
      if (!isProvided(scope, name)) {
        findings.error(
          "PIPELINE_INPUT_UNKNOWN",
          path,
          `expected an input of the task, got inputs.parameter_values[${JSON.stringify(name)}]`,
          guessInput(scope, name),
        );
      }
    }
  }
  if ((task.retryPolicy?.maxRetryCount ?? 0) < 0) {
    findings.error(
      "PIPELINE_VALUE_RANGE",
      [...taskPath, "retryPolicy", "maxRetryCount"],
      "expected 0 or more, got less",
    );
  }
}

/** True when a parameter has a value at run time: bound by the task, or known to the component. */
function isProvided(scope: TaskScope, name: string): boolean {
  return (
    member(scope.task.inputs?.parameters, name) !== undefined ||
    member(scope.target.inputDefinitions?.parameters, name) !== undefined
  );
}

function guessInput(scope: TaskScope, name: string): string | undefined {
  const guess = nearest(name, Object.keys(scope.task.inputs?.parameters ?? {}));
  return guess === undefined ? undefined : `Did you mean ${guess}?`;
}

function checkMissingInputs(scope: TaskScope): void {
  const { task, target, taskPath, findings } = scope;
  for (const [name, definition] of Object.entries(target.inputDefinitions?.parameters ?? {})) {
    const given =
      member(task.inputs?.parameters, name) !== undefined || task.parameterIterator?.itemInput === name;
    const needless =
      definition.isOptional === true ||
      definition.defaultValue !== undefined ||
      definition.parameterType === "TASK_CONFIG";
    if (!given && !needless) missing(name, "parameter");
  }
  for (const [name, definition] of Object.entries(target.inputDefinitions?.artifacts ?? {})) {
    const given =
      member(task.inputs?.artifacts, name) !== undefined || task.artifactIterator?.itemInput === name;
    if (!given && definition.isOptional !== true) missing(name, "artifact");
  }

  function missing(name: string, kind: string): void {
    findings.error(
      "PIPELINE_INPUT_MISSING",
      taskPath,
      `expected the ${kind} ${JSON.stringify(name)} that ${task.componentRef.name} needs, got nothing`,
    );
  }
}

function checkIterator(scope: TaskScope): void {
  const { task, target, taskPath, findings } = scope;
  if ((task.iteratorPolicy?.parallelismLimit ?? 0) < 0) {
    findings.error(
      "PIPELINE_VALUE_RANGE",
      [...taskPath, "iteratorPolicy", "parallelismLimit"],
      "expected 0 (no limit) or more, got less",
    );
  }
  const { parameterIterator, artifactIterator } = task;
  if (parameterIterator !== undefined) {
    const path = [...taskPath, "parameterIterator"];
    const { raw, inputParameter } = parameterIterator.items;
    if (inputParameter !== undefined) {
      if (!isProvided(scope, inputParameter))
        unknownInput([...path, "items", "inputParameter"], inputParameter);
    } else checkRawItems(scope, raw);
    if (member(target.inputDefinitions?.parameters, parameterIterator.itemInput) === undefined) {
      unknownInput([...path, "itemInput"], parameterIterator.itemInput);
    }
  }
  if (artifactIterator !== undefined) {
    const path = [...taskPath, "artifactIterator"];
    const { inputArtifact } = artifactIterator.items;
    if (member(task.inputs?.artifacts, inputArtifact) === undefined) {
      unknownInput([...path, "items", "inputArtifact"], inputArtifact);
    }
    if (member(target.inputDefinitions?.artifacts, artifactIterator.itemInput) === undefined) {
      unknownInput([...path, "itemInput"], artifactIterator.itemInput);
    }
  }

  function unknownInput(path: readonly (string | number)[], name: string): void {
    if (name === "") return;
    findings.error(
      "PIPELINE_INPUT_UNKNOWN",
      path,
      `expected an input, got ${JSON.stringify(name)}`,
      guessInput(scope, name),
    );
  }
}

function checkRawItems(scope: TaskScope, raw: string | undefined): void {
  const path = [...scope.taskPath, "parameterIterator", "items", "raw"];
  let items: JsonValue | undefined;
  try {
    items = JSON.parse(raw ?? "") as JsonValue;
  } catch {
    items = undefined;
  }
  if (!Array.isArray(items)) {
    scope.findings.error("PIPELINE_ITERATOR_ITEMS", path, "expected a JSON list, got something else");
    return;
  }
  const name = scope.task.parameterIterator?.itemInput ?? "";
  const definition = member(scope.target.inputDefinitions?.parameters, name);
  if (definition === undefined || definition.parameterType === "STRING") return;
  for (const [index, item] of items.entries()) {
    const problem = valueProblem(item as JsonValue, definition.parameterType, definition.literals);
    if (problem === undefined) continue;
    scope.findings.error("PIPELINE_PARAMETER_TYPE_MISMATCH", path, `item ${index}: ${problem}`);
  }
}
