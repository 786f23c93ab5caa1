/** Entities as the API's messages. Empty fields are left out, as protojson does. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import type { Experiment, Pipeline, PipelineVersion, RecurringRun } from "@sealflow/kfp";
import type { Entity } from "./entities.js";

/** RFC 3339, UTC, as protojson writes times: no fraction when it is zero. */
export function timeText(ms: number): string {
  return new Date(ms).toISOString().replace(".000Z", "Z");
}

/** The members that are neither undefined nor empty text nor an empty list. */
export function filled<T extends object>(members: T): { [K in keyof T]: Exclude<T[K], undefined> } {
  const kept = Object.entries(members).filter(([, value]) => !isEmpty(value));
  // Fields that go are optional in every message that this makes.
  return Object.fromEntries(kept) as { [K in keyof T]: Exclude<T[K], undefined> };
}

function isEmpty(value: unknown): boolean {
  return value === undefined || value === "" || (Array.isArray(value) && value.length === 0);
}

function text(value: JsonValue | undefined): string {
  return typeof value === "string" ? value : "";
}

/** The message of an experiment. */
export function toExperiment(entity: Entity): Experiment {
  return filled({
    experiment_id: entity.id,
    display_name: entity.displayName,
    description: text(entity.body.description),
    created_at: timeText(entity.createdAt),
    namespace: entity.namespace,
    storage_state: entity.storageState as Experiment["storage_state"],
    last_run_created_at: timeText(entity.endedAt ?? 0),
  });
}

/** The message of a pipeline. */
export function toPipeline(entity: Entity): Pipeline {
  return filled({
    pipeline_id: entity.id,
    name: entity.name,
    display_name: entity.displayName,
    description: text(entity.body.description),
    created_at: timeText(entity.createdAt),
    namespace: entity.namespace,
    tags: entity.body.tags as Pipeline["tags"],
  }) as Pipeline;
}

/** The message of a pipeline version. @param spec Its document; left out of lists. */
export function toVersion(entity: Entity, spec?: JsonObject): PipelineVersion {
  return filled({
    pipeline_id: entity.parent,
    pipeline_version_id: entity.id,
    name: entity.name,
    display_name: entity.displayName,
    description: text(entity.body.description),
    created_at: timeText(entity.createdAt),
    code_source_url: text(entity.body.code_source_url),
    tags: entity.body.tags as PipelineVersion["tags"],
    pipeline_spec: spec,
  }) as PipelineVersion;
}

/** The message of a recurring run. @param spec Its own document, when it names no version. */
export function toRecurringRun(entity: Entity, spec?: JsonObject): RecurringRun {
  const { body } = entity;
  return filled({
    recurring_run_id: entity.id,
    experiment_id: entity.parent,
    display_name: entity.displayName,
    description: text(body.description),
    pipeline_spec: spec,
    pipeline_version_reference: body.pipeline_version_reference,
    runtime_config: body.runtime_config,
    service_account: text(body.service_account),
    max_concurrency: text(body.max_concurrency),
    trigger: body.trigger,
    mode: entity.state === "ENABLED" ? "ENABLE" : "DISABLE",
    created_at: timeText(entity.createdAt),
    updated_at: text(body.updated_at),
    status: entity.state,
    no_catchup: body.no_catchup,
    namespace: entity.namespace,
    error: body.error,
  }) as unknown as RecurringRun;
}
