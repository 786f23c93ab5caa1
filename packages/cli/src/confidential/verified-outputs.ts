/** A run's outputs as its bundle proves them: what was released has its value, everything else is sealed. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { RunSummary, TaskSummary } from "@sealflow/engine";
import {
  type ArtifactValue,
  createInterpretation,
  type Decision,
  type DueTask,
  type ParameterType,
  type PipelineDocument,
  type TaskResult,
} from "@sealflow/pipeline";
import type { VerifiedRun, VerifiedTask } from "@sealflow/trust";

/** What is shown in place of a sealed value. */
export const sealedValue = "(sealed)";

/** An output artifact of the pipeline, and where it was made. */
export interface OutputArtifact {
  readonly name: string;
  readonly digest: string;
  readonly task: string;
  readonly output: string;
  readonly index: number;
}

/** What a run gave. */
export interface VerifiedOutputs {
  readonly parameters: JsonObject;
  readonly artifacts: readonly OutputArtifact[];
}

/** Tasks as the control plane told them, with the values that are proven. */
export function verifiedTasks(told: RunSummary["tasks"], { tasks }: VerifiedRun): readonly TaskSummary[] {
  const proven = new Map(tasks.map((task) => [task.path, task]));
  return told.map((task) => {
    const outputs = proven.get(task.path)?.outputs?.parameters ?? {};
    const names = new Set([...Object.keys(task.outputs), ...Object.keys(outputs)]);
    const shown = [...names].map((name) => [name, outputs[name]?.value ?? sealedValue]);
    return { ...task, outputs: Object.fromEntries(shown) };
  });
}

/** The pipeline's outputs, by the interpreter over the proven results. */
export function verifiedOutputs(document: PipelineDocument, run: VerifiedRun): VerifiedOutputs {
  const first = replayed(document, run, standIn);
  const second = replayed(document, run, (type) => another(standIn(type)));
  const parameters = Object.entries(first?.parameters ?? {}).map(([name, value]) => {
    const same = JSON.stringify(second?.parameters[name]) === JSON.stringify(value);
    return [name, same ? value : sealedValue];
  });
  const artifacts = Object.entries(first?.artifacts ?? {}).flatMap(([name, list]) =>
    list.flatMap(({ uri }) => {
      const place = placeOf(run, uri);
      return place === undefined ? [] : [{ name, digest: uri, ...place }];
    }),
  );
  return { parameters: Object.fromEntries(parameters), artifacts };
}

/** What stands for a sealed value of a type: no word of the control plane's. */
type Hidden = (type: ParameterType | undefined) => JsonValue;

function replayed({ spec }: PipelineDocument, run: VerifiedRun, hidden: Hidden) {
  const context = { runId: run.runId, runName: run.runName, createTime: run.registeredAt };
  const again = createInterpretation(spec, run.parameters, context);
  const declared = new Map<string, DueTask["outputParameters"]>();
  // Importers are nobody's statement: what they bring in was registered.
  const imported = (decisions: readonly Decision[]): void => {
    for (const decision of decisions) {
      if (decision.kind !== "run") continue;
      const { task } = decision;
      declared.set(task.path, task.outputParameters);
      const isImporter = spec.deploymentSpec.executors?.[task.executorLabel]?.importer !== undefined;
      if (isImporter) imported(again.apply(importOf(task, run)));
    }
  };
  try {
    imported(again.start());
    for (const task of run.tasks) {
      if (task.state === "skipped") continue;
      const typeOf = (name: string) => declared.get(task.path)?.[name]?.parameterType;
      imported(again.apply(resultOf(task, (name) => hidden(typeOf(name)))));
    }
    return again.outcome?.outputs;
  } catch {
    // Where it can't be told, nothing is shown.
    return undefined;
  }
}

function importOf({ path, outputArtifacts }: DueTask, { inputs }: VerifiedRun): TaskResult {
  const uri = inputs[path] ?? "";
  const artifacts = Object.keys(outputArtifacts).map((name) => [
    name,
    [{ name, type: { schemaTitle: "system.Artifact" }, uri, metadata: {} }],
  ]);
  const outputs = { parameters: {}, artifacts: Object.fromEntries(artifacts) };
  return { path, state: "SUCCEEDED", outputs };
}

function resultOf(task: VerifiedTask, hidden: (name: string) => JsonValue): TaskResult {
  const { path, state, outputs } = task;
  if (state === "failed" || outputs === undefined) {
    return { path, state: "FAILED", error: { code: task.error ?? "TASK_FAILED", message: "failed" } };
  }
  const parameters = Object.entries(outputs.parameters).map(([name, { value }]) => [
    name,
    value ?? hidden(name),
  ]);
  const artifacts = Object.entries(outputs.artifacts).map(([name, list]) => [
    name,
    list.map(
      ({ digest, type, metadata = {} }): ArtifactValue => ({
        ...{ name, type: { schemaTitle: type }, uri: digest, metadata },
      }),
    ),
  ]);
  return {
    ...{ path, state: "SUCCEEDED" },
    outputs: { parameters: Object.fromEntries(parameters), artifacts: Object.fromEntries(artifacts) },
  };
}

function standIn(type: ParameterType | undefined): JsonValue {
  if (type === "NUMBER_INTEGER" || type === "NUMBER_DOUBLE") return 0;
  if (type === "BOOLEAN") return false;
  if (type === "LIST") return [];
  return type === "STRING" ? "" : {};
}

/** Another value of the same type. */
function another(value: JsonValue): JsonValue {
  if (typeof value === "number") return value + 1;
  if (typeof value === "boolean") return !value;
  if (typeof value === "string") return `${value} `;
  return Array.isArray(value) ? [...value, null] : { ...(value as JsonObject), other: true };
}

function placeOf({ tasks }: VerifiedRun, digest: string) {
  for (const { path, outputs } of tasks) {
    for (const [output, list] of Object.entries(outputs?.artifacts ?? {})) {
      const index = list.findIndex((each) => each.digest === digest);
      if (index >= 0) return { task: path, output, index };
    }
  }
  return undefined;
}
