/** Schemas of the messages in answers (JSON Schema 2020-12, as OpenAPI 3.1 takes it). Requests' schemas are those that check them. */
import type { JsonObject } from "@sealflow/core";

const text = { type: "string" } as const;
const time = { type: "string", format: "date-time" } as const;
const map = { type: "object", additionalProperties: true } as const;
const texts = { type: "object", additionalProperties: text } as const;
const ref = (name: string) => ({ $ref: `#/components/schemas/${name}` });
const list = (name: string) => ({ type: "array", items: ref(name) });

function message(required: readonly string[], properties: Readonly<Record<string, JsonObject>>): JsonObject {
  return { type: "object", required, properties };
}

function page(items: string, name: string): JsonObject {
  return message([], { [items]: list(name), total_size: { type: "integer" }, next_page_token: text });
}

const state = {
  type: "string",
  enum: ["PENDING", "RUNNING", "SUCCEEDED", "SKIPPED", "FAILED", "CANCELING", "CANCELED", "PAUSED"],
};
const storage = { type: "string", enum: ["AVAILABLE", "ARCHIVED"] };
const history = list("RuntimeStatus");
const reference = message([], { pipeline_id: text, pipeline_version_id: text });
const config = message([], { parameters: map, pipeline_root: text });

/** `components.schemas`. */
export const schemas: Readonly<Record<string, JsonObject>> = {
  Status: message(["code", "message"], {
    code: { type: "integer" },
    message: text,
    details: { type: "array", items: map },
  }),
  Empty: { type: "object", maxProperties: 0 },
  Healthz: message(["multi_user"], { multi_user: { type: "boolean" }, pipeline_store: text }),
  Experiment: message(["experiment_id", "display_name", "created_at", "storage_state"], {
    experiment_id: text,
    display_name: text,
    description: text,
    created_at: time,
    namespace: text,
    storage_state: storage,
    last_run_created_at: time,
  }),
  Pipeline: message(["pipeline_id", "name", "display_name", "created_at"], {
    pipeline_id: text,
    name: text,
    display_name: text,
    description: text,
    created_at: time,
    namespace: text,
    tags: texts,
  }),
  PipelineVersion: message(["pipeline_id", "pipeline_version_id", "name", "display_name", "created_at"], {
    pipeline_id: text,
    pipeline_version_id: text,
    name: text,
    display_name: text,
    description: text,
    created_at: time,
    code_source_url: text,
    pipeline_spec: map,
    tags: texts,
  }),
  RuntimeStatus: message(["update_time", "state"], { update_time: time, state, error: ref("Status") }),
  TaskDetail: message(["run_id", "task_id", "display_name", "state"], {
    run_id: text,
    task_id: text,
    display_name: text,
    create_time: time,
    start_time: time,
    end_time: time,
    state,
    error: ref("Status"),
    inputs: map,
    outputs: map,
    parent_task_id: text,
    state_history: history,
    child_tasks: { type: "array", items: map },
  }),
  Run: message(["run_id", "experiment_id", "display_name", "storage_state", "created_at", "state"], {
    run_id: text,
    experiment_id: text,
    display_name: text,
    storage_state: storage,
    description: text,
    pipeline_spec: map,
    pipeline_version_reference: reference,
    runtime_config: config,
    service_account: text,
    created_at: time,
    scheduled_at: time,
    finished_at: time,
    state,
    error: ref("Status"),
    run_details: message([], { task_details: list("TaskDetail") }),
    recurring_run_id: text,
    state_history: history,
  }),
  RecurringRun: message(["recurring_run_id", "experiment_id", "display_name", "trigger", "mode", "status"], {
    recurring_run_id: text,
    experiment_id: text,
    display_name: text,
    description: text,
    pipeline_spec: map,
    pipeline_version_reference: reference,
    runtime_config: config,
    service_account: text,
    max_concurrency: text,
    trigger: message([], { cron_schedule: map, periodic_schedule: map }),
    mode: { type: "string", enum: ["ENABLE", "DISABLE"] },
    created_at: time,
    updated_at: time,
    status: { type: "string", enum: ["ENABLED", "DISABLED"] },
    no_catchup: { type: "boolean" },
    namespace: text,
    error: ref("Status"),
  }),
  ListExperiments: page("experiments", "Experiment"),
  ListPipelines: page("pipelines", "Pipeline"),
  ListPipelineVersions: page("pipeline_versions", "PipelineVersion"),
  ListRuns: page("runs", "Run"),
  ListRecurringRuns: page("recurringRuns", "RecurringRun"),
  RunRow: message(
    ["run_id", "display_name", "experiment_id", "state", "created_at", "parameters", "metrics", "tasks"],
    {
      run_id: text,
      display_name: text,
      pipeline_name: text,
      experiment_id: text,
      state,
      storage_state: storage,
      created_at: time,
      started_at: time,
      finished_at: time,
      recurring_run_id: text,
      parameters: map,
      metrics: map,
      tasks: { type: "object", additionalProperties: { type: "integer" } },
      error_code: text,
      error: text,
    },
  ),
  RunRows: message(["runs", "total"], { runs: list("RunRow"), total: { type: "integer" } }),
  RunRecord: message(["run", "row"], {
    run: ref("Run"),
    row: ref("RunRow"),
    events: { type: "array", items: map },
    document: map,
  }),
  ArtifactUse: message(
    ["run_id", "display_name", "state", "created_at", "side", "task", "name", "index", "how"],
    {
      run_id: text,
      display_name: text,
      state,
      created_at: time,
      side: { type: "string", enum: ["made", "used"] },
      task: text,
      name: text,
      index: { type: "integer" },
      how: { type: "string", enum: ["run", "cache", "importer"] },
    },
  ),
  ArtifactUses: message(["uses", "total"], { uses: list("ArtifactUse"), total: { type: "integer" } }),
  StreamedEvent: message(["data"], {
    id: text,
    event: text,
    data: { type: "string", contentMediaType: "application/json", contentSchema: map },
    retry: { type: "integer" },
  }),
  ReadArtifact: message(["data"], { data: { type: "string", contentEncoding: "base64" } }),
};
