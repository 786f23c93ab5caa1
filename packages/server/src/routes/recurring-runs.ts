/** `RecurringRunService`. */
import type { JsonObject } from "@sealflow/core";
import type { Trigger } from "@sealflow/kfp";
import { checkRunParameters } from "@sealflow/pipeline";
import { type Context, Hono } from "hono";
import type { z } from "zod";
import type { ServerContext } from "../context.js";
import { readBody, recurringRunBody } from "../http/body.js";
import { equals, listQuery } from "../http/list-query.js";
import { invalid } from "../http/problem.js";
import { pipelineBodyOf } from "../runs/document.js";
import { readTrigger } from "../schedule/trigger.js";
import type { Entity, EntityStore } from "../store/entities.js";
import { filled, toRecurringRun } from "../store/messages.js";
import { beforeColon } from "./experiments.js";
import { experimentFor, jobOf } from "./runs.js";

/** Most runs of one schedule at once. Source: kubeflow/pipelines, validation of `max_concurrency`. */
const MOST_CONCURRENT = 10;

/** Parameters that are filled in only when a run starts can't be checked before. */
const filledLater = /\[\[(ScheduledTime|CurrentTime|Index)\]\]/;

function scheduleOf(entities: EntityStore, id: string): Entity {
  const schedule = entities.get("schedule", id);
  if (schedule !== undefined) return schedule;
  throw invalid("SERVER_RECURRING_RUN_UNKNOWN", `recurring run: expected the id of a stored one, got ${id}`);
}

/** The trigger as it is kept: numbers of 64 bits are text in answers. */
function storedTrigger({
  cron_schedule,
  periodic_schedule,
}: z.infer<typeof recurringRunBody>["trigger"]): Trigger {
  if (periodic_schedule === undefined) return filled({ cron_schedule }) as Trigger;
  const { interval_second, ...bounds } = periodic_schedule;
  const periodic = { ...bounds, interval_second: String(interval_second) };
  return filled({ cron_schedule, periodic_schedule: periodic }) as Trigger;
}

function create(context: ServerContext, body: z.infer<typeof recurringRunBody>): Entity {
  const { entities, clock, newId } = context;
  const { display_name: name = "", max_concurrency: most = 1, mode = "ENABLE" } = body;
  if (name.trim() === "") throw invalid("SERVER_REQUEST_INVALID", "display_name: expected text, got none");
  if (most < 1 || most > MOST_CONCURRENT) {
    throw invalid(
      "SERVER_SCHEDULE_INVALID",
      `max_concurrency: expected 1 to ${MOST_CONCURRENT}, got ${most}`,
    );
  }
  const trigger = storedTrigger(body.trigger);
  readTrigger(trigger);
  const job = jobOf(entities, body);
  const parameters = body.runtime_config?.parameters ?? {};
  if (!filledLater.test(JSON.stringify(parameters))) checkRunParameters(job.document.spec, parameters);
  const experiment = experimentFor(context, body.experiment_id);
  const now = clock.now();
  const id = newId();
  const schedule: Entity = {
    ...{ kind: "schedule", id, parent: experiment.id, name: id, displayName: name },
    namespace: body.namespace ?? experiment.namespace,
    state: mode === "DISABLE" ? "DISABLED" : "ENABLED",
    ...{ storageState: "", createdAt: now, endedAt: null, origin: "" },
    document: job.reference === undefined ? entities.keepDocument(pipelineBodyOf(job.document)) : null,
    body: filled({
      trigger: trigger as unknown as JsonObject,
      max_concurrency: String(most),
      no_catchup: body.no_catchup,
      description: body.description,
      service_account: body.service_account,
      runtime_config: filled({ parameters, pipeline_root: body.runtime_config?.pipeline_root }),
      // Without a version, the pipeline's newest one at each start is meant.
      pipeline_version_reference:
        job.reference === undefined
          ? undefined
          : filled({ ...job.reference, ...body.pipeline_version_reference }),
      updated_at: new Date(now).toISOString(),
    }) as JsonObject,
  };
  entities.insert(schedule);
  return schedule;
}

/** Routes under `/apis/v2beta1/recurringruns`. @param changed Called when schedules changed. */
export function recurringRunRoutes(context: ServerContext, changed: () => void): Hono {
  const { entities, clock } = context;
  const app = new Hono();
  const whole = (schedule: Entity) =>
    toRecurringRun(schedule, schedule.document === null ? undefined : entities.document(schedule.document));
  const verb = (name: string, state: string): void => {
    app.post(`/:id{[^/:]+:${name}}`, (c: Context) => {
      const schedule = scheduleOf(entities, beforeColon(c.req.param("id") ?? ""));
      const body = { ...schedule.body, updated_at: new Date(clock.now()).toISOString() };
      entities.change("schedule", schedule.id, { state, body });
      changed();
      return c.json({});
    });
  };
  verb("enable", "ENABLED");
  verb("disable", "DISABLED");
  return app
    .post("/", async (c) => {
      const schedule = create(context, await readBody(c.req.raw, recurringRunBody));
      changed();
      return c.json(whole(schedule));
    })
    .get("/", (c) => {
      const experiment = c.req.query("experiment_id") ?? "";
      const own = experiment === "" ? [] : [equals("experiment_id", experiment)];
      const { items, total, next } = entities.list(
        "schedule",
        listQuery(new URL(c.req.url).searchParams, own),
      );
      const messages = items.map((schedule) => toRecurringRun(schedule));
      return c.json(filled({ recurringRuns: messages, total_size: total, next_page_token: next }));
    })
    .get("/:id", (c) => c.json(whole(scheduleOf(entities, c.req.param("id")))))
    .delete("/:id", (c) => {
      entities.remove("schedule", scheduleOf(entities, c.req.param("id")).id);
      return c.json({});
    });
}
