/** `PipelineService`: pipelines and their versions. */
import type { JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { Hono } from "hono";
import type { z } from "zod";
import type { ServerContext } from "../context.js";
import { pipelineAndVersionBody, pipelineBody, readBody, versionBody } from "../http/body.js";
import { equals, listQuery } from "../http/list-query.js";
import { invalid } from "../http/problem.js";
import { parsePipelineBody, pipelineBodyOf } from "../runs/document.js";
import type { Entity, EntityStore } from "../store/entities.js";
import { filled, toPipeline, toVersion } from "../store/messages.js";

type PipelineRequest = z.infer<typeof pipelineBody>;
type VersionRequest = z.infer<typeof versionBody>;

/** @throws SealflowError `SERVER_PIPELINE_UNKNOWN` */
export function pipelineOf(entities: EntityStore, id: string): Entity {
  const pipeline = entities.get("pipeline", id);
  if (pipeline !== undefined) return pipeline;
  throw invalid("SERVER_PIPELINE_UNKNOWN", `pipeline: expected the id of a stored one, got ${id}`);
}

/**
 * A version by its id, or the newest one of a pipeline.
 *
 * @throws SealflowError `SERVER_PIPELINE_UNKNOWN`, `SERVER_VERSION_UNKNOWN`
 */
export function versionOf(entities: EntityStore, pipelineId: string, versionId: string): Entity {
  if (pipelineId !== "") pipelineOf(entities, pipelineId);
  const version =
    versionId === ""
      ? entities.all("version", { parent: pipelineId }).at(-1)
      : entities.get("version", versionId);
  if (version !== undefined && (pipelineId === "" || version.parent === pipelineId)) return version;
  const what =
    versionId === ""
      ? "a pipeline that has a version"
      : `the id of a version of that pipeline, got ${versionId}`;
  throw invalid("SERVER_VERSION_UNKNOWN", `pipeline version: expected ${what}`);
}

function namesOf(request: { name?: string | undefined; display_name?: string | undefined }): {
  name: string;
  displayName: string;
} {
  const name = request.name || request.display_name || "";
  if (name.trim() === "") throw invalid("SERVER_REQUEST_INVALID", "name: expected text, got none");
  return { name, displayName: request.display_name || name };
}

/** @throws SealflowError `SERVER_NAME_TAKEN`, `SERVER_REQUEST_INVALID` */
export function createPipeline({ entities, clock, newId }: ServerContext, request: PipelineRequest): Entity {
  const { description, namespace = "", tags } = request;
  const pipeline: Entity = {
    ...{ kind: "pipeline", id: newId(), parent: "", namespace, ...namesOf(request), state: "" },
    ...{ storageState: "", createdAt: clock.now(), endedAt: null, origin: "", document: null },
    body: filled({ description, tags }) as JsonObject,
  };
  if (entities.insert(pipeline)) return pipeline;
  throw invalid("SERVER_NAME_TAKEN", `pipeline: expected a new name, got ${pipeline.name}, which exists`);
}

/** @throws SealflowError `SERVER_NAME_TAKEN`, `SERVER_REQUEST_INVALID` */
export function createVersion(
  { entities, clock, newId }: ServerContext,
  at: { pipeline: Entity; request: VersionRequest; document: PipelineDocument },
): Entity {
  const { description, code_source_url, tags } = at.request;
  const version: Entity = {
    ...{ kind: "version", id: newId(), parent: at.pipeline.id, namespace: at.pipeline.namespace },
    ...{
      ...namesOf(at.request),
      state: "",
      storageState: "",
      createdAt: clock.now(),
      endedAt: null,
      origin: "",
    },
    document: entities.keepDocument(pipelineBodyOf(at.document)),
    body: filled({ description, code_source_url, tags }) as JsonObject,
  };
  if (entities.insert(version)) return version;
  throw invalid(
    "SERVER_NAME_TAKEN",
    `pipeline version: expected a new name, got ${version.name}, which exists`,
  );
}

/** The document that a version is created from. The server fetches nothing from URLs. */
function documentOf(request: VersionRequest): PipelineDocument {
  if (request.pipeline_spec !== undefined) return parsePipelineBody(request.pipeline_spec);
  throw invalid(
    "SERVER_REQUEST_INVALID",
    "pipeline_spec: expected the pipeline itself; this server does not fetch package_url",
    "Upload the package to /apis/v2beta1/pipelines/upload_version.",
  );
}

function remove(entities: EntityStore, id: string, cascade: boolean): void {
  pipelineOf(entities, id);
  entities.transaction(() => {
    const versions = entities.all("version", { parent: id });
    if (versions.length > 0 && !cascade) {
      throw invalid(
        "SERVER_PIPELINE_NOT_EMPTY",
        `pipeline ${id}: expected one without versions, got ${versions.length}`,
        "Delete its versions first, or delete with cascade=true.",
      );
    }
    for (const version of versions) entities.remove("version", version.id);
    entities.remove("pipeline", id);
  });
}

/** Changes what a request carries of display name, description and tags; names are for ever. */
function change(
  entity: Entity,
  request: PipelineRequest | VersionRequest,
): Pick<Entity, "displayName" | "body"> {
  const { display_name, description, tags } = request;
  const code = "code_source_url" in request ? request.code_source_url : undefined;
  return {
    displayName: display_name || entity.displayName,
    body: {
      ...entity.body,
      ...(description === undefined ? {} : { description }),
      ...(tags === undefined ? {} : { tags }),
      ...(code === undefined ? {} : { code_source_url: code }),
    },
  };
}

/** Routes under `/apis/v2beta1/pipelines`, without uploads. */
export function pipelineRoutes(context: ServerContext): Hono {
  const { entities } = context;
  const whole = (version: Entity) =>
    toVersion(version, version.document === null ? undefined : entities.document(version.document));
  const app = new Hono();
  app.post("/", async (c) =>
    c.json(toPipeline(createPipeline(context, await readBody(c.req.raw, pipelineBody)))),
  );
  app.post("/create", async (c) => {
    const body = await readBody(c.req.raw, pipelineAndVersionBody);
    const document = documentOf(body.pipeline_version);
    const pipeline = entities.transaction(() => {
      const created = createPipeline(context, body.pipeline);
      const request = { ...body.pipeline_version, name: body.pipeline_version.name ?? created.name };
      createVersion(context, { pipeline: created, request, document });
      return created;
    });
    return c.json(toPipeline(pipeline));
  });
  app.get("/", (c) => {
    const { items, total, next } = entities.list("pipeline", listQuery(new URL(c.req.url).searchParams));
    return c.json(filled({ pipelines: items.map(toPipeline), total_size: total, next_page_token: next }));
  });
  app.get("/names/:name", (c) => {
    const name = c.req.param("name");
    const pipeline = entities.find("pipeline", { name, namespace: c.req.query("namespace") ?? "" });
    if (pipeline !== undefined) return c.json(toPipeline(pipeline));
    throw invalid("SERVER_PIPELINE_UNKNOWN", `pipeline: expected the name of a stored one, got ${name}`);
  });
  app.get("/:id", (c) => c.json(toPipeline(pipelineOf(entities, c.req.param("id")))));
  app.patch("/:id", async (c) => {
    const request = await readBody(c.req.raw, pipelineBody);
    const pipeline = pipelineOf(entities, c.req.param("id"));
    entities.change("pipeline", pipeline.id, change(pipeline, request));
    return c.json(toPipeline(pipelineOf(entities, pipeline.id)));
  });
  app.delete("/:id", (c) => {
    remove(entities, c.req.param("id"), /^(true|t|1)$/i.test(c.req.query("cascade") ?? ""));
    return c.json({});
  });
  app.post("/:id/versions", async (c) => {
    const request = await readBody(c.req.raw, versionBody);
    const pipeline = pipelineOf(entities, c.req.param("id"));
    return c.json(whole(createVersion(context, { pipeline, request, document: documentOf(request) })));
  });
  app.get("/:id/versions", (c) => {
    const { id } = pipelineOf(entities, c.req.param("id"));
    const query = listQuery(new URL(c.req.url).searchParams, [equals("pipeline_id", id)]);
    const { items, total, next } = entities.list("version", query);
    return c.json(filled({ pipeline_versions: items.map(whole), total_size: total, next_page_token: next }));
  });
  app.get("/:id/versions/:version", (c) => {
    return c.json(whole(versionOf(entities, c.req.param("id"), c.req.param("version"))));
  });
  app.patch("/:id/versions/:version", async (c) => {
    const request = await readBody(c.req.raw, versionBody);
    const version = versionOf(entities, c.req.param("id"), c.req.param("version"));
    entities.change("version", version.id, change(version, request));
    return c.json(whole(versionOf(entities, version.parent, version.id)));
  });
  app.delete("/:id/versions/:version", (c) => {
    entities.remove("version", versionOf(entities, c.req.param("id"), c.req.param("version")).id);
    return c.json({});
  });
  return app;
}
