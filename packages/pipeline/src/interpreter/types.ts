/**
 * The vocabulary between the interpreter (what is due) and whoever executes or replays its decisions:
 * the engine, the Kubernetes executor, the broker, the verifier.
 */
import type { ErrorBody, JsonObject, JsonValue } from "@sealflow/core";
import type {
  ArtifactTypeSchema,
  ExecutorSpec,
  OutputArtifactDefinition,
  OutputParameterDefinition,
  PlatformSpec,
  RetryPolicy,
} from "../ir/types.js";

/**
 * Names a task from the root: task names joined by `/`, a loop's iteration in brackets behind the loop's name,
 * for example `for-loop-1[2]/condition-1/add`. The root DAG itself is the empty string.
 */
export type TaskPath = string;

/** A stored artifact as the interpreter passes it along. It never looks behind the URI. */
export interface ArtifactValue {
  readonly name: string;
  readonly type: ArtifactTypeSchema;
  readonly uri: string;
  readonly metadata: JsonObject;
  readonly customPath?: string;
  /** Where an executor has put a remote artifact's content for a task that reads it. */
  readonly localPath?: string;
  /** Content digest (`sha256:…`) when the executor knows it; part of cache keys and statements. */
  readonly digest?: string;
}

/** Outputs of a task or DAG. An artifact output that is a list holds any number; a plain one holds exactly one. */
export interface TaskOutputs {
  readonly parameters: Readonly<Record<string, JsonValue>>;
  readonly artifacts: Readonly<Record<string, readonly ArtifactValue[]>>;
}

/** Inputs after resolution. Absent optional inputs are absent; a null is a null that was passed on. */
export interface TaskInputValues {
  readonly parameters: Readonly<Record<string, JsonValue>>;
  readonly artifacts: Readonly<Record<string, readonly ArtifactValue[]>>;
}

/** Terminal states of leaf tasks, DAGs and the run. */
export type TerminalState = "SUCCEEDED" | "FAILED" | "SKIPPED" | "CANCELED";

/** What an executor reports for a leaf task, once, after its last attempt. */
export interface TaskResult {
  readonly path: TaskPath;
  readonly state: "SUCCEEDED" | "FAILED" | "CANCELED";
  /** Required for SUCCEEDED. */
  readonly outputs?: TaskOutputs;
  /** Required for FAILED. */
  readonly error?: ErrorBody;
}

/** A leaf task that is due now, with everything resolved that the spec and earlier results determine. */
export interface DueTask {
  readonly path: TaskPath;
  /** Key of the task in its DAG. */
  readonly taskName: string;
  /** `taskInfo.name`, or the task's name. */
  readonly displayName: string;
  readonly componentName: string;
  readonly executorLabel: string;
  readonly executor: ExecutorSpec;
  readonly inputs: TaskInputValues;
  readonly outputParameters: Readonly<Record<string, OutputParameterDefinition>>;
  readonly outputArtifacts: Readonly<Record<string, OutputArtifactDefinition>>;
  /** From the task, else inherited from the nearest DAG task around it that has one. */
  readonly retryPolicy?: RetryPolicy;
  readonly caching: { readonly enabled: boolean; readonly key?: string };
  /** Index in the innermost loop around the task. */
  readonly iterationIndex?: number;
  /**
   * What the platform document says of the task's executor (`KubernetesExecutorConfig`), with the values of its input
   * parameters: `secretName`, `configMapName` and `pvcName` are set where there is a name.
   */
  readonly platform?: JsonObject;
}

/** Why a task does not run. */
export type SkipReason =
  | { readonly kind: "condition-false"; readonly condition: string }
  | {
      readonly kind: "dependency";
      readonly dependency: TaskPath;
      readonly state: "FAILED" | "SKIPPED" | "CANCELED";
    }
  | { readonly kind: "canceled" };

/**
 * What the interpreter says, in a deterministic order that depends only on spec, parameters and the results so far.
 * `path` of `finish-dag` with the empty string is the run itself.
 */
export type Decision =
  | { readonly kind: "run"; readonly task: DueTask }
  | {
      readonly kind: "skip";
      readonly path: TaskPath;
      readonly taskName: string;
      readonly reason: SkipReason;
      readonly leaf: boolean;
    }
  | {
      readonly kind: "start-dag";
      readonly path: TaskPath;
      readonly taskName: string;
      readonly iterations?: number;
    }
  | {
      /** A task that can't be run: its condition, iterator or inputs can't be evaluated. */
      readonly kind: "fail";
      readonly path: TaskPath;
      readonly taskName: string;
      readonly error: ErrorBody;
      readonly leaf: boolean;
    }
  | {
      readonly kind: "finish-dag";
      readonly path: TaskPath;
      readonly state: TerminalState;
      readonly outputs: TaskOutputs;
      readonly error?: ErrorBody;
    };

/** What holds for the whole run and may be read by placeholders. */
export interface RunContext {
  readonly runId: string;
  /** The run's display name (`{{$.pipeline_job_name}}`). */
  readonly runName: string;
  /** RFC 3339, UTC. */
  readonly createTime: string;
  readonly scheduleTime?: string;
  /** `{{$.pipeline_job_resource_name}}` and the final status' job name; default: pipeline name and run id. */
  readonly resourceName?: string;
  /** `{{$.workspace_path}}`; default: `/kfp-workspace`, where the official backend mounts it. */
  readonly workspacePath?: string;
  /** `{{$.pipeline_root}}`; default: the spec's `defaultPipelineRoot`, else empty. */
  readonly pipelineRoot?: string;
  /** Wording of `PipelineTaskFinalStatus.state`: the official backend's (`COMPLETE`/`FAILED`) or the documented one. */
  readonly finalStatusWords?: "backend" | "documented";
  /**
   * What `Collected` makes of a parameter of nested loops: a list of lists, as the Python SDK documents and the default,
   * or one flat list, as the official backend does. Collected artifacts are one flat list in either case.
   */
  readonly collected?: "nested" | "flat";
  /** The document's platform part; what it says of a task's executor comes resolved with the task. */
  readonly platform?: PlatformSpec;
  /** False when the user asked for no caching at all. */
  readonly caching?: boolean;
}

/**
 * One run's meaning, advanced by results.
 *
 * `start` is called once and gives the first decisions; each `apply` gives those that its result makes possible. The
 * same results in any order that respects causality lead to the same final state and outputs. Cost of `apply` does not
 * grow with the number of tasks already finished.
 */
export interface Interpretation {
  start(): readonly Decision[];
  /**
   * @throws SealflowError `INTERPRETER_RESULT_UNEXPECTED` for a path that is not due, a second result, or outputs that
   * do not match the declaration in name or type. The interpretation is unchanged then.
   */
  apply(result: TaskResult): readonly Decision[];
  /** Ends the run: what is not yet due is skipped as canceled; due tasks are still to be reported by the caller. */
  cancel(): readonly Decision[];
  /** Leaf paths handed out by `run` and not yet reported. */
  readonly due: readonly TaskPath[];
  /** Set as soon as the run has ended. */
  readonly outcome: RunOutcome | undefined;
}

/** How a run ended. */
export interface RunOutcome {
  readonly state: "SUCCEEDED" | "FAILED" | "CANCELED";
  readonly outputs: TaskOutputs;
  readonly error?: ErrorBody;
}
