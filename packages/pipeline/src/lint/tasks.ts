import { dependenciesOf } from "../ir/dependencies.js";
import type { Findings } from "../ir/finding.js";
import type { DocumentPath } from "../ir/path.js";
import { member } from "../ir/record.js";
import type { ComponentSpec, DagSpec, PipelineSpec, TaskInputParameter, TaskSpec } from "../ir/types.js";
import type { LintTarget } from "./target.js";

/** Says which tasks and outputs the official backend refuses or reads otherwise. Locally, all of them run. */
export function lintTasks(spec: PipelineSpec, target: LintTarget, findings: Findings): void {
  if (target === "local") return;
  if (spec.defaultPipelineRoot) {
    findings.warning(
      "PIPELINE_LINT_IGNORED",
      ["defaultPipelineRoot"],
      "ignored there: the root comes from the run or the backend's configuration",
    );
  }
  const dags: [DocumentPath, ComponentSpec][] = [
    [["root"], spec.root],
    ...Object.entries(spec.components ?? {}).map(([name, component]): [DocumentPath, ComponentSpec] => [
      ["components", name],
      component,
    ]),
  ];
  for (const [path, { dag }] of dags) {
    if (dag === undefined) continue;
    for (const [name, task] of Object.entries(dag.tasks)) {
      lintTask({ spec, findings, dag, name, task, path: [...path, "dag", "tasks", name] });
    }
    if (target === "kfp-2.16") lintOutputs(dag, [...path, "dag", "outputs"], findings);
  }
}

interface TaskAt {
  readonly spec: PipelineSpec;
  readonly findings: Findings;
  readonly dag: DagSpec;
  readonly name: string;
  readonly task: TaskSpec;
  readonly path: DocumentPath;
}

function lintTask(at: TaskAt): void {
  const { task, path, findings } = at;
  if (at.name.includes("_")) {
    findings.error(
      "PIPELINE_LINT_TASK_NAME",
      path,
      `expected a task name without "_", got ${JSON.stringify(at.name)}`,
    );
  }
  if (task.artifactIterator !== undefined) {
    findings.error(
      "PIPELINE_LINT_ARTIFACT_ITERATOR",
      [...path, "artifactIterator"],
      "expected a loop over parameters, got one over artifacts, which the backend does not implement",
    );
  }
  lintImporterTask(at);
  lintCompletion(at);
  for (const [name, input] of Object.entries(task.inputs?.parameters ?? {})) {
    lintConstant(input, [...path, "inputs", "parameters", name], findings);
  }
}

function lintImporterTask({ spec, task, path, findings }: TaskAt): void {
  const label = member(spec.components, task.componentRef.name)?.executorLabel ?? "";
  if (member(spec.deploymentSpec.executors, label)?.importer === undefined) return;
  if (task.triggerPolicy?.condition) {
    findings.error(
      "PIPELINE_LINT_IMPORTER",
      [...path, "triggerPolicy", "condition"],
      "expected an importer without condition, got one with, which the backend refuses",
    );
  }
  if (task.parameterIterator !== undefined) {
    findings.error(
      "PIPELINE_LINT_IMPORTER",
      [...path, "parameterIterator"],
      "expected an importer without loop, got one that iterates, which the backend refuses",
    );
  }
}

/** Tasks that run however others end: the backend hangs them as an exit hook on each dependency, where none can wait for them. */
function lintCompletion({ task, path, findings, dag }: TaskAt): void {
  const dependencies = task.dependentTasks ?? [];
  const waited = dependenciesOf(task).find((name) => isHook(member(dag.tasks, name)));
  if (waited !== undefined && !isHook(task)) {
    findings.error(
      "PIPELINE_LINT_COMPLETION",
      [...path, "dependentTasks"],
      `expected no task to wait for ${waited}, which runs however others end: the backend refuses the pipeline`,
    );
  }
  if (isHook(task) && dependencies.length > 1) {
    findings.warning(
      "PIPELINE_LINT_COMPLETION",
      [...path, "dependentTasks"],
      `expected one task to wait for, got ${dependencies.length}: the backend runs the task at the end of each`,
    );
  }
  for (const [name, input] of Object.entries(task.inputs?.parameters ?? {})) {
    const producer = input.taskFinalStatus?.producerTask;
    if (producer !== undefined && producer !== dependencies[0]) {
      findings.error(
        "PIPELINE_LINT_FINAL_STATUS",
        [...path, "inputs", "parameters", name, "taskFinalStatus", "producerTask"],
        `expected ${producer} first in dependentTasks, got ${dependencies[0] ?? "nothing"}: the backend gives that task's status`,
      );
    }
  }
}

function isHook(task: TaskSpec | undefined): boolean {
  if (task?.triggerPolicy?.strategy !== "ALL_UPSTREAM_TASKS_COMPLETED") return false;
  return dependenciesOf(task).length > 0;
}

/** Constants that the backend does not read, or passes on unresolved. */
function lintConstant(input: TaskInputParameter, path: DocumentPath, findings: Findings): void {
  const { constant, constantValue, runtimeParameter } = input.runtimeValue ?? {};
  if (constantValue !== undefined || runtimeParameter !== undefined) {
    findings.error(
      "PIPELINE_LINT_CONSTANT",
      [...path, "runtimeValue"],
      "expected constant, got a kind of value that the backend does not implement",
    );
  }
  const embedded = typeof constant === "string" && /\{\{\$\.pipeline_(job|task)_\w+\}\}/.exec(constant);
  if (embedded && embedded[0] !== constant) {
    findings.warning(
      "PIPELINE_LINT_CONSTANT",
      [...path, "runtimeValue", "constant"],
      `expected ${embedded[0]} alone, got it inside other text, where the backend does not resolve it for an input`,
    );
  }
}

/** OneOf of artifacts came with 2.17. */
function lintOutputs(dag: DagSpec, path: DocumentPath, findings: Findings): void {
  for (const [name, output] of Object.entries(dag.outputs?.artifacts ?? {})) {
    if (output.artifactSelectors.length > 1) {
      findings.error(
        "PIPELINE_LINT_ONE_OF_ARTIFACT",
        [...path, "artifacts", name],
        "expected one producer, got several: a OneOf of artifacts is resolved since 2.17",
      );
    }
  }
}
