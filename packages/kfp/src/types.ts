/**
 * The messages of the Kubeflow Pipelines API v2beta1, as its REST gateway writes them: protojson with the names of the
 * proto files. Source: kubeflow/pipelines, backend/api/v2beta1/*.proto; PyPI's `kfp-server-api` is the judge of names.
 * Numbers of 64 bits are strings, times RFC 3339 in UTC. Empty fields are left out.
 */
import type { JsonObject } from "@sealflow/core";

/** `google.rpc.Status`: every error body, and the error of a run or task. `code` is one of `google.rpc.Code`. */
export interface RpcStatus {
  readonly code: number;
  readonly message: string;
  readonly details?: readonly JsonObject[];
}

/** `RuntimeState` of runs and tasks. */
export type RuntimeState =
  | "RUNTIME_STATE_UNSPECIFIED"
  | "PENDING"
  | "RUNNING"
  | "SUCCEEDED"
  | "SKIPPED"
  | "FAILED"
  | "CANCELING"
  | "CANCELED"
  | "PAUSED";

/** `Run.StorageState` and `Experiment.StorageState`. */
export type StorageState = "STORAGE_STATE_UNSPECIFIED" | "AVAILABLE" | "ARCHIVED";

/** `Experiment`. */
export interface Experiment {
  readonly experiment_id: string;
  readonly display_name: string;
  readonly description?: string;
  readonly created_at: string;
  readonly namespace?: string;
  readonly storage_state: StorageState;
  readonly last_run_created_at?: string;
}

/** `Pipeline`. */
export interface Pipeline {
  readonly pipeline_id: string;
  readonly name: string;
  readonly display_name: string;
  readonly description?: string;
  readonly created_at: string;
  readonly namespace?: string;
  readonly error?: RpcStatus;
  readonly tags?: Readonly<Record<string, string>>;
}

/** `PipelineVersion`. `pipeline_spec` is a spec, or `{pipeline_spec, platform_spec}` when there is a platform document. */
export interface PipelineVersion {
  readonly pipeline_id: string;
  readonly pipeline_version_id: string;
  readonly name: string;
  readonly display_name: string;
  readonly description?: string;
  readonly created_at: string;
  readonly package_url?: { readonly pipeline_url: string };
  readonly code_source_url?: string;
  readonly pipeline_spec?: JsonObject;
  readonly error?: RpcStatus;
  readonly tags?: Readonly<Record<string, string>>;
}

/** `PipelineVersionReference`. Without a version the pipeline's newest one is meant. */
export interface PipelineVersionReference {
  readonly pipeline_id: string;
  readonly pipeline_version_id?: string;
}

/** `RuntimeConfig`. */
export interface RuntimeConfig {
  readonly parameters?: JsonObject;
  readonly pipeline_root?: string;
}

/** `RuntimeStatus`: one entry of a history of states. */
export interface RuntimeStatus {
  readonly update_time: string;
  readonly state: RuntimeState;
  readonly error?: RpcStatus;
}

/** `ArtifactList`. */
export interface ArtifactList {
  readonly artifact_ids: readonly string[];
}

/** `PipelineTaskDetail`: a task, or a DAG of tasks, of a run. */
export interface PipelineTaskDetail {
  readonly run_id: string;
  readonly task_id: string;
  readonly display_name: string;
  readonly create_time?: string;
  readonly start_time?: string;
  readonly end_time?: string;
  readonly state: RuntimeState;
  readonly error?: RpcStatus;
  readonly inputs?: Readonly<Record<string, ArtifactList>>;
  readonly outputs?: Readonly<Record<string, ArtifactList>>;
  readonly parent_task_id?: string;
  readonly state_history?: readonly RuntimeStatus[];
  readonly pod_name?: string;
  readonly child_tasks?: readonly { readonly task_id?: string; readonly pod_name?: string }[];
}

/** `RunDetails`. */
export interface RunDetailsMessage {
  readonly task_details?: readonly PipelineTaskDetail[];
}

/** `Run`. */
export interface Run {
  readonly run_id: string;
  readonly experiment_id: string;
  readonly display_name: string;
  readonly storage_state: StorageState;
  readonly description?: string;
  readonly pipeline_spec?: JsonObject;
  readonly pipeline_version_reference?: PipelineVersionReference;
  readonly runtime_config?: RuntimeConfig;
  readonly service_account?: string;
  readonly created_at: string;
  readonly scheduled_at?: string;
  readonly finished_at?: string;
  readonly state: RuntimeState;
  readonly error?: RpcStatus;
  readonly run_details?: RunDetailsMessage;
  readonly recurring_run_id?: string;
  readonly state_history?: readonly RuntimeStatus[];
}

/** `CronSchedule`: six fields, seconds first. */
export interface CronSchedule {
  readonly start_time?: string;
  readonly end_time?: string;
  readonly cron: string;
}

/** `PeriodicSchedule`. */
export interface PeriodicSchedule {
  readonly start_time?: string;
  readonly end_time?: string;
  readonly interval_second: string;
}

/** `Trigger`: exactly one member is set. */
export interface Trigger {
  readonly cron_schedule?: CronSchedule;
  readonly periodic_schedule?: PeriodicSchedule;
}

/** `RecurringRun`. */
export interface RecurringRun {
  readonly recurring_run_id: string;
  readonly experiment_id: string;
  readonly display_name: string;
  readonly description?: string;
  readonly pipeline_spec?: JsonObject;
  readonly pipeline_version_reference?: PipelineVersionReference;
  readonly runtime_config?: RuntimeConfig;
  readonly service_account?: string;
  /** 1 to 10. */
  readonly max_concurrency: string;
  readonly trigger: Trigger;
  readonly mode: "MODE_UNSPECIFIED" | "ENABLE" | "DISABLE";
  readonly created_at: string;
  readonly updated_at: string;
  readonly status: "STATUS_UNSPECIFIED" | "ENABLED" | "DISABLED";
  readonly error?: RpcStatus;
  readonly no_catchup?: boolean;
  readonly namespace?: string;
}

/** `GetHealthzResponse`. */
export interface Healthz {
  readonly multi_user: boolean;
  readonly pipeline_store?: string;
}

/** What every list answers, besides its items. */
export interface Page {
  readonly total_size?: number;
  /** Absent on the last page. */
  readonly next_page_token?: string;
}

/** Answers of the lists. An empty list is left out, as protojson does. */
export interface ListExperiments extends Page {
  readonly experiments?: readonly Experiment[];
}
export interface ListPipelines extends Page {
  readonly pipelines?: readonly Pipeline[];
}
export interface ListPipelineVersions extends Page {
  readonly pipeline_versions?: readonly PipelineVersion[];
}
export interface ListRuns extends Page {
  readonly runs?: readonly Run[];
}
export interface ListRecurringRuns extends Page {
  /** The one field whose name in the proto file is not in snake case. */
  readonly recurringRuns?: readonly RecurringRun[];
}

/** `Predicate.Operation`. */
export type PredicateOperation =
  | "EQUALS"
  | "NOT_EQUALS"
  | "GREATER_THAN"
  | "GREATER_THAN_EQUALS"
  | "LESS_THAN"
  | "LESS_THAN_EQUALS"
  | "IN"
  | "IS_SUBSTRING";

/** `Predicate`: one of the values is set. */
export interface Predicate {
  readonly operation: PredicateOperation;
  readonly key: string;
  readonly string_value?: string;
  readonly int_value?: number;
  readonly long_value?: string;
  readonly timestamp_value?: string;
  readonly string_values?: { readonly values: readonly string[] };
  readonly int_values?: { readonly values: readonly number[] };
  readonly long_values?: { readonly values: readonly string[] };
}

/** `Filter`: all predicates hold. */
export interface Filter {
  readonly predicates: readonly Predicate[];
}
