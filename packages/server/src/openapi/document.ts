/** The OpenAPI 3.1 document of the server. */
import type { JsonObject, JsonValue } from "@sealflow/core";
import { z } from "zod";
import { type Operation, operations } from "./operations.js";
import { schemas } from "./schemas.js";

const json = (schema: JsonValue): JsonObject => ({ "application/json": { schema } });
const ref = (name: string): JsonObject => ({ $ref: `#/components/schemas/${name}` });

/** The document: made once, the same for every request. */
export function openApiDocument(): JsonObject {
  const paths: Record<string, Record<string, JsonObject>> = {};
  for (const operation of operations) {
    paths[operation.path] = { ...paths[operation.path], [operation.method]: operationObject(operation) };
  }
  return {
    openapi: "3.1.0",
    info: {
      title: "Sealflow",
      version: "v2beta1",
      description:
        "The Kubeflow Pipelines API v2beta1 over the runs of one machine, and what belongs to it under /api.",
      license: { name: "Apache-2.0", identifier: "Apache-2.0" },
    },
    security: [{}, { token: [] }],
    paths,
    components: {
      schemas,
      securitySchemes: { token: { type: "http", scheme: "bearer" } },
    },
  };
}

function operationObject(operation: Operation): JsonObject {
  const body = bodyObject(operation);
  return {
    operationId: operation.id,
    summary: operation.summary,
    parameters: [...pathParameters(operation.path), ...queryParameters(operation)],
    ...(body === undefined ? {} : { requestBody: body }),
    responses: {
      200: { description: "Done", content: answerContent(operation.answer) },
      ...(operation.ranges ? rangeAnswers(operation.answer) : {}),
      ...(operation.ends ? { 204: { description: "Nothing will come any more" } } : {}),
      default: { description: "Not done; google.rpc.Status says why", content: json(ref("Status")) },
    },
  };
}

/** Answers to requests for a range of bytes. */
function rangeAnswers(answer: string): JsonObject {
  return {
    206: { description: "The range that was asked for", content: answerContent(answer) },
    416: { description: "The content ends before the range" },
  };
}

function pathParameters(path: string): JsonObject[] {
  return [...path.matchAll(/\{(\w+)\}/g)].map(([, name = ""]) => ({
    ...{ name, in: "path", required: true, schema: { type: "string", minLength: 1 } },
  }));
}

function queryParameters({ query = {} }: Operation): JsonObject[] {
  return Object.entries(query).map(([name, schema]) => ({ name, in: "query", schema }));
}

function bodyObject({ body, upload }: Operation): JsonObject | undefined {
  if (upload) {
    const file = { type: "string", contentMediaType: "application/octet-stream" };
    const schema = { type: "object", required: ["uploadfile"], properties: { uploadfile: file } };
    return { required: true, content: { "multipart/form-data": { schema } } };
  }
  if (body === undefined) return undefined;
  const { $schema: _, ...schema } = z.toJSONSchema(body, {
    io: "input",
    unrepresentable: "any",
    override: opaque,
  });
  // zod's own description of JSON Schema is JSON.
  return { required: true, content: json(schema as JsonObject) };
}

/** What is not looked at here, such as a pipeline's spec, is an object. */
function opaque({
  zodSchema,
  jsonSchema,
}: {
  zodSchema: z.core.$ZodTypes;
  jsonSchema: { type?: unknown };
}): void {
  if ((zodSchema._zod.def.type as string) === "custom") jsonSchema.type = "object";
}

function answerContent(answer: string): JsonObject {
  if (Object.hasOwn(schemas, answer)) return json(ref(answer));
  // What a stream's schema describes is each of its events.
  if (answer === "text/event-stream") return { [answer]: { schema: ref("StreamedEvent") } };
  return { [answer]: { schema: answer === "application/json" ? { type: "object" } : { type: "string" } } };
}
