/** `ExperimentService`. */
import type { SealflowError } from "@sealflow/core";
import { Hono } from "hono";
import type { ServerContext } from "../context.js";
import { experimentBody, readBody } from "../http/body.js";
import { listQuery } from "../http/list-query.js";
import { invalid } from "../http/problem.js";
import type { Entity, EntityStore } from "../store/entities.js";
import { filled, toExperiment } from "../store/messages.js";

/** @throws SealflowError `SERVER_EXPERIMENT_UNKNOWN` */
export function experimentOf(entities: EntityStore, id: string): Entity {
  const experiment = entities.get("experiment", id);
  if (experiment === undefined) throw unknown(id);
  return experiment;
}

function unknown(id: string): SealflowError {
  return invalid("SERVER_EXPERIMENT_UNKNOWN", `experiment: expected the id of a stored one, got ${id}`);
}

/** An experiment that was not there. @throws SealflowError `SERVER_NAME_TAKEN` */
export function createExperiment(
  { entities, clock, newId }: Pick<ServerContext, "entities" | "clock" | "newId">,
  { name, description = "", namespace = "" }: { name: string; description?: string; namespace?: string },
): Entity {
  if (name.trim() === "") {
    throw invalid("SERVER_REQUEST_INVALID", "display_name: expected text, got none");
  }
  const experiment: Entity = {
    ...{ kind: "experiment", id: newId(), parent: "", namespace, name, displayName: name, state: "" },
    ...{ storageState: "AVAILABLE", createdAt: clock.now(), endedAt: null, origin: "", document: null },
    body: filled({ description }),
  };
  if (!entities.insert(experiment)) {
    throw invalid("SERVER_NAME_TAKEN", `experiment: expected a new name, got ${name}, which exists`);
  }
  return experiment;
}

/** Archives or restores an experiment; archiving takes its runs and schedules along, as Kubeflow does. */
function setArchived(entities: EntityStore, id: string, archived: boolean): void {
  const storageState = archived ? "ARCHIVED" : "AVAILABLE";
  entities.transaction(() => {
    if (entities.change("experiment", id, { storageState }) === undefined) throw unknown(id);
    if (!archived) return;
    for (const run of entities.all("run", { parent: id })) entities.change("run", run.id, { storageState });
    for (const schedule of entities.all("schedule", { parent: id })) {
      entities.change("schedule", schedule.id, { state: "DISABLED" });
    }
  });
}

async function remove(context: ServerContext, id: string): Promise<void> {
  const { entities } = context;
  const experiment = experimentOf(entities, id);
  for (const schedule of entities.all("schedule", { parent: id })) entities.remove("schedule", schedule.id);
  for (const run of entities.all("run", { parent: id })) {
    await context.runs.settle(run.id);
    if (context.store.hasRun(run.id)) context.store.deleteRun(run.id);
    entities.remove("run", run.id);
    context.changed(run.id);
  }
  entities.remove("experiment", experiment.id);
}

/** Routes under `/apis/v2beta1/experiments`. */
export function experimentRoutes(context: ServerContext): Hono {
  const { entities } = context;
  return new Hono()
    .post("/", async (c) => {
      const { display_name, ...rest } = await readBody(c.req.raw, experimentBody);
      const { description, namespace } = rest;
      return c.json(
        toExperiment(
          createExperiment(context, {
            name: display_name,
            ...(description === undefined ? {} : { description }),
            ...(namespace === undefined ? {} : { namespace }),
          }),
        ),
      );
    })
    .get("/", (c) => {
      const { items, total, next } = entities.list("experiment", listQuery(new URL(c.req.url).searchParams));
      const experiments = items.map(toExperiment);
      return c.json(filled({ experiments, total_size: total, next_page_token: next }));
    })
    .get("/:id", (c) => c.json(toExperiment(experimentOf(entities, c.req.param("id")))))
    .delete("/:id", async (c) => {
      await remove(context, c.req.param("id"));
      return c.json({});
    })
    .post("/:id{[^/:]+:archive}", (c) => {
      setArchived(entities, beforeColon(c.req.param("id")), true);
      return c.json({});
    })
    .post("/:id{[^/:]+:unarchive}", (c) => {
      setArchived(entities, beforeColon(c.req.param("id")), false);
      return c.json({});
    });
}

/** The id in `ID:verb`. */
export function beforeColon(text: string): string {
  return text.slice(0, text.lastIndexOf(":"));
}
