/** What is told of one task from its record. */
import type { ErrorBody, JsonObject } from "@sealflow/core";
import type { Run } from "@sealflow/kfp";
import type { DueTask, TaskOutputs, TaskPath, TaskResult } from "@sealflow/pipeline";
import { artifactValues, declaredOnly, type ExecutionArtifacts } from "./artifacts.js";
import type { TaskRecord } from "./records.js";
import type { Told } from "./told.js";

/** What is recorded of a run by now. */
export interface RunRecords {
  readonly tasks: ReadonlyMap<TaskPath, TaskRecord>;
  /** By execution; those that run may be missing. */
  readonly artifacts: ReadonlyMap<number, ExecutionArtifacts>;
}

/** How a task is shown. */
export interface Shown {
  readonly path: TaskPath;
  /** Its display name, where that is known. */
  readonly name: string | undefined;
  /** Its parameters are stand-ins for sealed ones. */
  readonly hide: boolean;
}

/** What stands for a value that only the run's bundle shows. */
const sealedValue = "(sealed)";

/** The API of the official backend has no reasons. */
export const failure: ErrorBody = {
  code: "CLUSTER_TASK_FAILED",
  message: "failed on the cluster; its log says why",
};

/** Parameters without their values. */
export function sealed(parameters: JsonObject): JsonObject {
  return Object.fromEntries(Object.keys(parameters).map((name) => [name, sealedValue]));
}

/** True for a task that was let run, whatever became of it. */
export function hasRun(record: TaskRecord | undefined): boolean {
  return record !== undefined && record.state !== "NOT_TRIGGERED";
}

/** Whether a driver of this name failed: then there is no record of its task. */
export function driverFailed({ run_details: details }: Run, taskName: string): boolean {
  return (details?.task_details ?? []).some(
    ({ display_name, state }) => display_name === `${taskName}-driver` && state === "FAILED",
  );
}

/** Why a run failed whose drivers did: what they were to prepare never began. */
export function failureOfDrivers({ run_details: details }: Run): { error?: ErrorBody } {
  const names = (details?.task_details ?? []).flatMap(({ display_name, state }) => {
    const [, of] = /^(.+)-driver$/.exec(display_name) ?? [];
    return of !== undefined && state === "FAILED" ? [of] : [];
  });
  if (names.length === 0) return {};
  return {
    error: {
      code: "CLUSTER_TASK_FAILED",
      message: `${[...new Set(names)].join(", ")}: the driver that prepares it failed on the cluster; the log of its pod says why`,
      hint: "sealflow lint --target kfp-2.17 names what Kubeflow's driver is known to fail on",
    },
  };
}

/** The result of a task that has ended, as far as its component declares it. */
export function resultOf(
  task: DueTask,
  record: TaskRecord,
  artifacts: ExecutionArtifacts | undefined,
): TaskResult {
  const { path, outputParameters, outputArtifacts } = task;
  if (record.state !== "SUCCEEDED") return { path, state: "FAILED", error: failure };
  const outputs: TaskOutputs = {
    parameters: declaredOnly(record.outputs, outputParameters),
    artifacts: artifactValues(declaredOnly(artifacts?.outputs ?? {}, outputArtifacts), outputArtifacts),
  };
  return { path, state: "SUCCEEDED", outputs };
}

/** The result of a task of which only the record is known, without the launcher's own log. */
export function bareResult(
  path: TaskPath,
  record: TaskRecord,
  artifacts: RunRecords["artifacts"],
): TaskResult {
  if (record.state !== "SUCCEEDED") return { path, state: "FAILED", error: failure };
  const { "executor-logs": _, ...made } = artifacts.get(record.executionId)?.outputs ?? {};
  return {
    path,
    state: "SUCCEEDED",
    outputs: { parameters: record.outputs, artifacts: artifactValues(made) },
  };
}

/** A task began. */
export function startedEvent(
  { path, name, hide }: Shown,
  { startTime, inputs, executionId }: TaskRecord,
  { artifacts }: RunRecords,
): Told {
  const parameters = hide ? sealed(inputs) : inputs;
  const read = artifactValues(artifacts.get(executionId)?.inputs ?? {});
  return {
    time: startTime,
    event: {
      ...{ type: "task-started", path, ...nameOf(path, name), attempt: 1 },
      inputs: { parameters, artifacts: read },
      ...(hide ? { hidden: Object.keys(parameters) } : {}),
    },
  };
}

/** A task ended. */
export function finishedEvent(
  { path, name, hide }: Shown,
  { state, outputs, error }: TaskResult,
  { startTime, endTime, cached }: Pick<TaskRecord, "startTime" | "endTime" | "cached">,
): Told {
  return {
    time: endTime,
    event: {
      ...{ type: "task-finished", path, ...nameOf(path, name), state, cached, startTime },
      ...(outputs === undefined ? {} : { outputs }),
      ...(hide ? { hidden: Object.keys(outputs?.parameters ?? {}) } : {}),
      ...(error === undefined ? {} : { error }),
    },
  };
}

/** The display name, where it is not the last part of the path. */
export function nameOf(path: TaskPath, name: string | undefined): { readonly name?: string } {
  return name === undefined || path.endsWith(name) ? {} : { name };
}
