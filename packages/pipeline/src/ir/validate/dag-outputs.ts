import { isAssignable } from "../parameter-types.js";
import type { DocumentPath } from "../path.js";
import { member } from "../record.js";
import type { ArtifactSelector, ParameterSelector, ParameterType } from "../types.js";
import { checkOutputKey, checkTaskExists } from "./references.js";
import { type DagScope, isIterated, producerOf } from "./scope.js";

/** Checks that a DAG's outputs come from tasks that are there, in types that fit what the component declares. */
export function checkDagOutputs(scope: DagScope): void {
  const { outputs } = scope.dag;
  const declared = scope.component.outputDefinitions;
  for (const [key, output] of Object.entries(outputs?.parameters ?? {})) {
    const path = [...scope.path, "dag", "outputs", "parameters", key];
    const definition = member(declared?.parameters, key);
    if (definition === undefined) undeclared(scope, path, key);
    const oneOf = output.valueFromOneof?.parameterSelectors ?? [];
    const selectors = output.valueFromParameter === undefined ? oneOf : [output.valueFromParameter];
    if (selectors.length === 0) noSource(scope, path);
    const step =
      output.valueFromParameter === undefined
        ? ["valueFromOneof", "parameterSelectors"]
        : ["valueFromParameter"];
    for (const [index, selector] of selectors.entries()) {
      const at = [...path, ...step, ...(output.valueFromParameter === undefined ? [index] : [])];
      checkParameterSelector(scope, selector, { path: at, type: definition?.parameterType });
    }
  }
  for (const [key, output] of Object.entries(outputs?.artifacts ?? {})) {
    const path = [...scope.path, "dag", "outputs", "artifacts", key];
    if (member(declared?.artifacts, key) === undefined) undeclared(scope, path, key);
    if ((output.artifactSelectors ?? []).length === 0) noSource(scope, path);
    for (const [index, selector] of (output.artifactSelectors ?? []).entries()) {
      checkArtifactSelector(scope, selector, [...path, "artifactSelectors", index]);
    }
  }
  for (const kind of ["parameters", "artifacts"] as const) {
    for (const key of Object.keys(declared?.[kind] ?? {})) {
      if (member(outputs?.[kind] as Record<string, unknown> | undefined, key) !== undefined) continue;
      scope.findings.error(
        "PIPELINE_OUTPUT_WITHOUT_SOURCE",
        [...scope.path, "outputDefinitions", kind, key],
        "expected a task's output behind it in dag.outputs, got nothing",
      );
    }
  }
}

function undeclared(scope: DagScope, path: DocumentPath, key: string): void {
  scope.findings.error(
    "PIPELINE_OUTPUT_UNKNOWN",
    path,
    `expected an output that outputDefinitions declares, got ${JSON.stringify(key)}`,
  );
}

function noSource(scope: DagScope, path: DocumentPath): void {
  scope.findings.error("PIPELINE_OUTPUT_WITHOUT_SOURCE", path, "expected a task's output, got none");
}

function checkParameterSelector(
  scope: DagScope,
  selector: ParameterSelector,
  at: { path: DocumentPath; type: ParameterType | undefined },
): void {
  if (!checkTaskExists(scope, selector.producerSubtask, [...at.path, "producerSubtask"])) return;
  const outputs = producerOf(scope, selector.producerSubtask)?.outputDefinitions?.parameters;
  const from = member(outputs, selector.outputParameterKey)?.parameterType;
  if (from === undefined) {
    if (producerOf(scope, selector.producerSubtask) === undefined) return;
    checkOutputKey(scope, selector.outputParameterKey, {
      path: [...at.path, "outputParameterKey"],
      known: Object.keys(outputs ?? {}),
      task: selector.producerSubtask,
    });
    return;
  }
  const collects = at.type === "LIST" && mayCollect(scope, selector.producerSubtask);
  if (at.type !== undefined && !collects && !sameType(from, at.type)) {
    scope.findings.error(
      "PIPELINE_PARAMETER_TYPE_MISMATCH",
      at.path,
      `expected ${at.type}, got ${from} from ${selector.producerSubtask}`,
    );
  }
}

/**
 * True where a list may be declared for what a task gives as one value: what a loop's tasks give one by one, the DAGs
 * around them declare as the list of all, the Python SDK also where the list is taken in another branch. Not so for the
 * root, which no loop is around, and a task of its own that is not a DAG.
 */
function mayCollect(scope: DagScope, producer: string): boolean {
  if (scope.collected.size === 0) return false;
  const inRoot = scope.component === scope.spec.root && producerOf(scope, producer)?.dag === undefined;
  return !inRoot || isIterated(member(scope.dag.tasks, producer));
}

/** DAG outputs are passed on as they are: no conversion to text happens here. */
function sameType(from: ParameterType, to: ParameterType): boolean {
  return from === to || (to !== "STRING" && isAssignable(from, to));
}

function checkArtifactSelector(scope: DagScope, selector: ArtifactSelector, path: DocumentPath): void {
  if (!checkTaskExists(scope, selector.producerSubtask, [...path, "producerSubtask"])) return;
  const producer = producerOf(scope, selector.producerSubtask);
  const outputs = producer?.outputDefinitions?.artifacts;
  if (producer === undefined || member(outputs, selector.outputArtifactKey) !== undefined) return;
  checkOutputKey(scope, selector.outputArtifactKey, {
    path: [...path, "outputArtifactKey"],
    known: Object.keys(outputs ?? {}),
    task: selector.producerSubtask,
  });
}
