/** `RunService`. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import { checkRunParameters, type PipelineDocument } from "@sealflow/pipeline";
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { type JobBody, readBody, runBody } from "../http/body.js";
import { equals, listQuery } from "../http/list-query.js";
import { invalid } from "../http/problem.js";
import { parsePipelineBody, pipelineBodyOf } from "../runs/document.js";
import { defaultExperiment } from "../runs/labels.js";
import { taskDetails, toRun } from "../runs/messages.js";
import type { Entity, EntityStore } from "../store/entities.js";
import { filled } from "../store/messages.js";
import { beforeColon, createExperiment, experimentOf } from "./experiments.js";
import { versionOf } from "./pipelines.js";

/** @throws SealflowError `SERVER_RUN_UNKNOWN` */
export function runOf(entities: EntityStore, id: string): Entity {
  const run = entities.get("run", id);
  if (run !== undefined) return run;
  throw invalid("SERVER_RUN_UNKNOWN", `run: expected the id of a stored one, got ${id}`);
}

/** What a run or schedule executes. */
export interface Job {
  readonly document: PipelineDocument;
  /** Set when the request named a version instead of bringing a spec. */
  readonly reference?: { readonly pipeline_id: string; readonly pipeline_version_id: string };
}

/**
 * The pipeline of a request: its own spec, or the version that it names.
 *
 * @throws SealflowError `SERVER_REQUEST_INVALID`, `SERVER_PIPELINE_UNKNOWN`, `SERVER_VERSION_UNKNOWN`, `PIPELINE_…`
 */
export function jobOf(entities: EntityStore, body: JobBody): Job {
  if (body.pipeline_spec !== undefined) return { document: parsePipelineBody(body.pipeline_spec) };
  const stored = body.stored_document === undefined ? undefined : entities.document(body.stored_document);
  if (stored !== undefined) return { document: parsePipelineBody(stored) };
  const { pipeline_id = "", pipeline_version_id = body.pipeline_version_id ?? "" } =
    body.pipeline_version_reference ?? {};
  if (pipeline_id === "" && pipeline_version_id === "") {
    throw invalid(
      "SERVER_REQUEST_INVALID",
      "run: expected pipeline_spec or pipeline_version_reference, got neither",
    );
  }
  const version = versionOf(entities, pipeline_id, pipeline_version_id);
  const spec = version.document === null ? undefined : entities.document(version.document);
  if (spec === undefined) throw new Error(`version ${version.id} has no document`);
  const reference = { pipeline_id: version.parent, pipeline_version_id: version.id };
  return { document: parsePipelineBody(spec), reference };
}

/** The experiment of a request: the one it names, else the default one, which is made when it is gone. */
export function experimentFor(context: ServerContext, id: string | undefined): Entity {
  const { entities } = context;
  if (id) return experimentOf(entities, id);
  return defaultExperiment(entities) ?? createExperiment(context, { name: "Default" });
}

/** What makes a run. */
export interface RunRequest {
  readonly body: JobBody;
  readonly job: Job;
  /** The schedule that starts it, and for when. */
  readonly origin?: { readonly id: string; readonly scheduledAt: number };
  /** What is stored together with the run, or not at all. */
  readonly alongside?: () => void;
}

/**
 * Checks everything that can be checked now, labels the run and queues it.
 *
 * @throws SealflowError `SERVER_…`, `PIPELINE_…`
 */
export function createRun(context: ServerContext, { body, job, origin, alongside }: RunRequest): Entity {
  const { entities, clock, newId, runs } = context;
  const experiment = experimentFor(context, body.experiment_id);
  if (experiment.storageState === "ARCHIVED") {
    throw invalid(
      "SERVER_EXPERIMENT_ARCHIVED",
      `experiment ${experiment.displayName}: expected one in use, got an archived one`,
    );
  }
  const parameters = body.runtime_config?.parameters ?? {};
  checkRunParameters(job.document.spec, parameters);
  runs.requireRoom();
  const now = clock.now();
  const id = newId();
  const pending = { update_time: new Date(now).toISOString(), state: "PENDING" };
  const run: Entity = {
    ...{ kind: "run", id, parent: experiment.id, namespace: experiment.namespace, name: id },
    ...{ displayName: body.display_name || `${job.document.spec.pipelineInfo.name} ${pending.update_time}` },
    ...{
      state: "PENDING",
      storageState: "AVAILABLE",
      createdAt: now,
      endedAt: null,
      origin: origin?.id ?? "",
    },
    document: entities.keepDocument(pipelineBodyOf(job.document)),
    body: filled({
      owned: true,
      description: body.description,
      service_account: body.service_account,
      runtime_config: filled({ parameters, pipeline_root: body.runtime_config?.pipeline_root }),
      pipeline_version_reference: job.reference,
      scheduled_at: origin === undefined ? undefined : new Date(origin.scheduledAt).toISOString(),
      state_history: [pending],
    }) as JsonObject,
  };
  entities.transaction(() => {
    entities.insert(run);
    entities.change("experiment", experiment.id, { endedAt: now });
    alongside?.();
  });
  runs.submit(id);
  context.changed(id);
  return run;
}

/** The run with its document and tasks. */
function wholeRun({ entities, store }: ServerContext, run: Entity): ReturnType<typeof toRun> {
  const recorded = store.hasRun(run.id);
  const tasks = recorded ? taskDetails(run.id, store.readEvents(run.id)) : undefined;
  const spec = documentOf({ entities, store }, run);
  const named = run.body.pipeline_version_reference !== undefined;
  return toRun(run, {
    ...(spec === undefined || named ? {} : { spec }),
    ...(tasks === undefined ? {} : { tasks }),
  });
}

/** The pipeline of a run: as the server was given it, or as the engine recorded it. */
export function documentOf(
  { entities, store }: Pick<ServerContext, "entities" | "store">,
  run: Entity,
): JsonObject | undefined {
  if (run.document !== null) return entities.document(run.document);
  if (!store.hasRun(run.id)) return undefined;
  const stored = store.readDocument(run.id);
  // The engine wrote it from a checked document.
  return isJsonObject(stored) ? pipelineBodyOf(stored as unknown as PipelineDocument) : undefined;
}

/** Ends a run and removes its record and label. */
export async function removeRun(context: ServerContext, id: string): Promise<void> {
  const { entities, store, runs } = context;
  await runs.settle(id);
  if (store.hasRun(id)) store.deleteRun(id);
  entities.remove("run", id);
  context.changed(id);
}

/** Routes under `/apis/v2beta1/runs`. */
export function runRoutes(context: ServerContext, refresh: () => void): Hono {
  const { entities, runs } = context;
  const app = new Hono();
  const found = (id: string): Entity => {
    refresh();
    return runOf(entities, id);
  };
  const verb = (name: string, work: (run: Entity) => unknown): void => {
    app.post(`/:id{[^/:]+:${name}}`, async (c: Context) => {
      const run = found(beforeColon(c.req.param("id") ?? ""));
      await work(run);
      context.changed(run.id);
      return c.json({});
    });
  };
  verb("archive", ({ id }) => entities.change("run", id, { storageState: "ARCHIVED" }));
  verb("unarchive", (run) => {
    if (entities.get("experiment", run.parent)?.storageState === "ARCHIVED") {
      throw invalid(
        "SERVER_EXPERIMENT_ARCHIVED",
        `run ${run.id}: expected one of an experiment in use, got an archived one's`,
      );
    }
    entities.change("run", run.id, { storageState: "AVAILABLE" });
  });
  verb("terminate", (run) => runs.terminate(run));
  verb("retry", (run) => runs.retry(run));
  return app
    .post("/", async (c) => {
      const body = await readBody(c.req.raw, runBody);
      const experimentId = body.experiment_id || c.req.query("experiment_id") || "";
      const job = jobOf(entities, body);
      const run = createRun(context, { body: { ...body, experiment_id: experimentId }, job });
      return c.json(wholeRun(context, run));
    })
    .get("/", (c) => {
      refresh();
      const experiment = c.req.query("experiment_id") ?? "";
      const own = experiment === "" ? [] : [equals("experiment_id", experiment)];
      const { items, total, next } = entities.list("run", listQuery(new URL(c.req.url).searchParams, own));
      const messages = items.map((run) => toRun(run));
      return c.json(filled({ runs: messages, total_size: total, next_page_token: next }));
    })
    .get("/:id", (c) => c.json(wholeRun(context, found(c.req.param("id")))))
    .delete("/:id", async (c) => {
      await removeRun(context, found(c.req.param("id")).id);
      return c.json({});
    });
}
