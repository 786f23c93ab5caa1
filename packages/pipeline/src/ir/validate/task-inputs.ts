import { nearest } from "../decode/nearest.js";
import { isAssignable, valueProblem, valueText } from "../parameter-types.js";
import { member } from "../record.js";
import type {
  InputParameterDefinition,
  ParameterType,
  TaskInputArtifact,
  TaskInputParameter,
} from "../types.js";
import { checkExpression } from "./components.js";
import { checkOutputKey, checkTaskExists } from "./references.js";
import { isIterated, producerOf, type TaskScope } from "./scope.js";

/** Checks one parameter given to a task: where it comes from, that it is there and of a fitting type. */
export function checkInputParameter(scope: TaskScope, name: string, input: TaskInputParameter): void {
  const path = [...scope.taskPath, "inputs", "parameters", name];
  const definition = member(scope.target.inputDefinitions?.parameters, name);
  if (definition === undefined) checkUndeclared(scope, name, input);
  if (input.parameterExpressionSelector !== undefined && input.parameterExpressionSelector !== "") {
    const at = [...path, "parameterExpressionSelector"];
    checkExpression(input.parameterExpressionSelector, {
      kind: "selector",
      path: at,
      findings: scope.findings,
    });
  }
  const from = sourceType(scope, input, path);
  if (definition === undefined || input.parameterExpressionSelector) return;
  if (input.runtimeValue !== undefined) checkConstant(scope, { input, definition, path });
  else if (from !== undefined && !isAssignable(from, definition.parameterType)) {
    scope.findings.error(
      "PIPELINE_PARAMETER_TYPE_MISMATCH",
      path,
      `expected ${definition.parameterType}, got ${from}`,
    );
  }
}

/** The declared type of what an input is bound to; reports a binding to nothing. */
function sourceType(
  scope: TaskScope,
  input: TaskInputParameter,
  path: readonly (string | number)[],
): ParameterType | undefined {
  if (input.taskOutputParameter !== undefined) {
    const { producerTask, outputParameterKey } = input.taskOutputParameter;
    const at = [...path, "taskOutputParameter"];
    if (!checkTaskExists(scope, producerTask, [...at, "producerTask"])) return undefined;
    const producer = producerOf(scope, producerTask);
    if (producer === undefined) return undefined;
    const outputs = producer.outputDefinitions?.parameters;
    checkOutputKey(scope, outputParameterKey, {
      path: [...at, "outputParameterKey"],
      known: Object.keys(outputs ?? {}),
      task: producerTask,
    });
    const type = member(outputs, outputParameterKey)?.parameterType;
    if (type !== undefined && isIterated(member(scope.dag.tasks, producerTask))) return "LIST";
    // A DAG near a loop may declare LIST for what is one value at run time, see checkDagOutputs.
    return type === "LIST" && producer.dag !== undefined && scope.collected.size > 0 ? undefined : type;
  }
  if (input.componentInputParameter !== undefined) {
    return parentType(scope, input.componentInputParameter, [...path, "componentInputParameter"]);
  }
  if (input.taskFinalStatus !== undefined) {
    checkTaskExists(scope, input.taskFinalStatus.producerTask, [...path, "taskFinalStatus", "producerTask"]);
    return "TASK_FINAL_STATUS";
  }
  if (input.runtimeValue === undefined) {
    scope.findings.error(
      "PIPELINE_INPUT_WITHOUT_SOURCE",
      path,
      "expected a value or where it comes from, got neither",
    );
  }
  return undefined;
}

function parentType(
  scope: TaskScope,
  name: string,
  path: readonly (string | number)[],
): ParameterType | undefined {
  const inputs = scope.component.inputDefinitions?.parameters;
  const definition = member(inputs, name);
  if (definition === undefined) {
    const guess = nearest(name, Object.keys(inputs ?? {}));
    scope.findings.error(
      "PIPELINE_INPUT_UNKNOWN",
      path,
      `expected an input parameter of ${scope.componentName}, got ${JSON.stringify(name)}`,
      /loop-item/.test(name) ? LOST_ITEM : guess === undefined ? undefined : `Did you mean ${guess}?`,
    );
  }
  return definition?.parameterType;
}

/** What the Python SDK makes of `f"{item}"` in a loop that is not at the root; no backend runs that. */
const LOST_ITEM =
  "The Python SDK loses the items of inner loops in f-strings: pass the item as an argument of its own.";

function checkConstant(
  scope: TaskScope,
  at: {
    input: TaskInputParameter;
    definition: InputParameterDefinition;
    path: readonly (string | number)[];
  },
): void {
  const { constant, runtimeParameter } = at.input.runtimeValue ?? {};
  if (runtimeParameter !== undefined) {
    parentType(scope, runtimeParameter, [...at.path, "runtimeValue", "runtimeParameter"]);
    return;
  }
  if (constant === undefined || constant === null) return;
  if (typeof constant === "string" && constant.includes("{{$")) return;
  const { parameterType, literals } = at.definition;
  const value = parameterType === "STRING" ? valueText(constant) : constant;
  const problem = valueProblem(value, parameterType, literals);
  if (problem === undefined) return;
  const mistyped = valueProblem(value, parameterType) !== undefined;
  scope.findings.error(
    mistyped ? "PIPELINE_PARAMETER_TYPE_MISMATCH" : "PIPELINE_PARAMETER_LITERAL",
    [...at.path, "runtimeValue", "constant"],
    problem,
  );
}

/**
 * Reports an input that the component doesn't declare. The compiler makes such inputs on purpose for what placeholders
 * of the task refer to (`pipelinechannel--…`, `cpu_limit`), so only what nothing refers to is worth a warning.
 */
function checkUndeclared(scope: TaskScope, name: string, input: TaskInputParameter): void {
  const constant = input.runtimeValue?.constant;
  const isPlaceholder = typeof constant === "string" && constant.includes("{{$");
  if (name.startsWith("pipelinechannel--") || isPlaceholder || input.taskFinalStatus !== undefined) return;
  if (MACHINE_INPUTS.has(name)) return;
  const guess = nearest(name, Object.keys(scope.target.inputDefinitions?.parameters ?? {}));
  scope.findings.warning(
    "PIPELINE_INPUT_UNDECLARED",
    [...scope.taskPath, "inputs", "parameters", name],
    `expected an input that ${scope.task.componentRef.name} declares, got ${JSON.stringify(name)}`,
    guess === undefined ? "Nothing reads it." : `Did you mean ${guess}?`,
  );
}

/** Inputs that the Python SDK adds for resources and images given at run time. */
const MACHINE_INPUTS = new Set([
  "cpu_limit",
  "cpu_request",
  "memory_limit",
  "memory_request",
  "accelerator_type",
  "accelerator_limit",
  "accelerator_count",
  "base_image",
  "container_image",
]);

/** Checks one artifact given to a task. */
export function checkInputArtifact(scope: TaskScope, name: string, input: TaskInputArtifact): void {
  const path = [...scope.taskPath, "inputs", "artifacts", name];
  if (member(scope.target.inputDefinitions?.artifacts, name) === undefined) {
    scope.findings.warning(
      "PIPELINE_INPUT_UNDECLARED",
      path,
      `expected an artifact that ${scope.task.componentRef.name} declares, got ${JSON.stringify(name)}`,
      "Nothing reads it.",
    );
  }
  if (input.taskOutputArtifact !== undefined) {
    const { producerTask, outputArtifactKey } = input.taskOutputArtifact;
    const at = [...path, "taskOutputArtifact"];
    if (!checkTaskExists(scope, producerTask, [...at, "producerTask"])) return;
    const producer = producerOf(scope, producerTask);
    if (producer === undefined) return;
    const outputs = producer.outputDefinitions?.artifacts;
    checkOutputKey(scope, outputArtifactKey, {
      path: [...at, "outputArtifactKey"],
      known: Object.keys(outputs ?? {}),
      task: producerTask,
    });
    checkArtifactType(scope, name, {
      from: member(outputs, outputArtifactKey)?.artifactType?.schemaTitle,
      path,
    });
  } else if (input.componentInputArtifact !== undefined) {
    const inputs = scope.component.inputDefinitions?.artifacts;
    const definition = member(inputs, input.componentInputArtifact);
    if (definition === undefined) {
      const guess = nearest(input.componentInputArtifact, Object.keys(inputs ?? {}));
      scope.findings.error(
        "PIPELINE_INPUT_UNKNOWN",
        [...path, "componentInputArtifact"],
        `expected an input artifact of ${scope.componentName}, got ${JSON.stringify(input.componentInputArtifact)}`,
        guess === undefined ? undefined : `Did you mean ${guess}?`,
      );
    }
    checkArtifactType(scope, name, { from: definition?.artifactType?.schemaTitle, path });
  } else {
    scope.findings.error("PIPELINE_INPUT_WITHOUT_SOURCE", path, "expected where it comes from, got nothing");
  }
}

/** The official backend doesn't compare artifact types; a mismatch is nearly always a mistake. */
function checkArtifactType(
  scope: TaskScope,
  name: string,
  at: { from: string | undefined; path: readonly (string | number)[] },
): void {
  const to = member(scope.target.inputDefinitions?.artifacts, name)?.artifactType?.schemaTitle;
  const { from } = at;
  if (from === undefined || to === undefined || from === to) return;
  if (from === "system.Artifact" || to === "system.Artifact") return;
  scope.findings.warning("PIPELINE_ARTIFACT_TYPE_MISMATCH", at.path, `expected ${to}, got ${from}`);
}
