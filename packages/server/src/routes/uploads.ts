/** `PipelineUploadService`: packages as multipart forms, field `uploadfile`; names and texts stand in the query. */
import { isJsonObject } from "@sealflow/core";
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { checked, pipelineBody, versionBody } from "../http/body.js";
import { invalid } from "../http/problem.js";
import { readPackage } from "../package/archive.js";
import { toPipeline, toVersion } from "../store/messages.js";
import { createPipeline, createVersion, pipelineOf } from "./pipelines.js";

/** Routes under `/apis/v2beta1/pipelines`. */
export function uploadRoutes(context: ServerContext): Hono {
  const { entities } = context;
  return new Hono()
    .post("/upload", async (c) => {
      const { document, file } = await upload(c);
      const fields = { name: file, ...fieldsOf(c) };
      const request = checked(pipelineBody, fields);
      const pipeline = entities.transaction(() => {
        const created = createPipeline(context, request);
        // The first version has its pipeline's name, as Kubeflow gives it.
        createVersion(context, { pipeline: created, request: checked(versionBody, fields), document });
        return created;
      });
      return c.json(toPipeline(pipeline));
    })
    .post("/upload_version", async (c) => {
      const pipeline = pipelineOf(entities, c.req.query("pipelineid") ?? "");
      const { document, file } = await upload(c);
      const request = checked(versionBody, { name: file, ...fieldsOf(c) });
      const version = createVersion(context, { pipeline, request, document });
      return c.json(toVersion(version, entities.document(version.document ?? "")));
    });
}

async function upload(c: Context): Promise<{ document: ReturnType<typeof readPackage>; file: string }> {
  let form: FormData;
  try {
    form = await c.req.raw.formData();
  } catch {
    throw invalid("SERVER_REQUEST_INVALID", "body: expected multipart/form-data");
  }
  const part = form.get("uploadfile");
  if (part === null || typeof part === "string") {
    throw invalid("SERVER_REQUEST_INVALID", "uploadfile: expected a file of that field's name");
  }
  return { document: readPackage(new Uint8Array(await part.arrayBuffer()), part.name), file: part.name };
}

/** What the query says of the upload; empty values count as absent. */
function fieldsOf(c: Context): Record<string, unknown> {
  const fields: Record<string, unknown> = {};
  for (const key of ["name", "display_name", "description", "namespace", "code_source_url"]) {
    const value = c.req.query(key);
    if (value) fields[key] = value;
  }
  const tags = c.req.query("tags");
  return tags ? { ...fields, tags: tagsOf(tags) } : fields;
}

function tagsOf(text: string): unknown {
  try {
    const tags: unknown = JSON.parse(text);
    if (isJsonObject(tags)) return tags;
  } catch {
    // Answered below.
  }
  throw invalid("SERVER_REQUEST_INVALID", 'tags: expected a JSON object such as {"team": "risk"}');
}
