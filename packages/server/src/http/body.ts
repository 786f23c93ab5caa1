/** Request bodies: JSON, both of protojson's spellings of field names, checked by a schema. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";
import { z } from "zod";
import { invalid } from "./problem.js";

/** Fields whose content is the user's: names in it stay as they are. */
const opaque = new Set(["pipeline_spec", "parameters", "tags", "plugins_input", "plugins_output", "details"]);

/** Deepest nesting of a message outside its opaque fields. */
const DEEPEST = 20;

/** Deepest nesting of a message with its content: a pipeline may have 200 levels. */
const DEEPEST_CONTENT = 220;

/**
 * Reads a JSON body by a schema. Unknown fields are ignored, as the gRPC gateway does; nulls count as absent.
 *
 * @throws SealflowError `SERVER_REQUEST_INVALID`
 */
export async function readBody<T>(request: Request, schema: z.ZodType<T>): Promise<T> {
  const text = await request.text();
  return checked(schema, withProtoNames(parse(text), 0));
}

/**
 * A value that fits a schema.
 *
 * @throws SealflowError `SERVER_REQUEST_INVALID`
 */
export function checked<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value);
  if (result.success) return result.data;
  const [issue] = result.error.issues;
  const path = issue?.path.join(".") ?? "";
  throw invalid("SERVER_REQUEST_INVALID", `${path === "" ? "body" : path}: ${issue?.message ?? "invalid"}`);
}

function parse(text: string): JsonObject {
  const value = parsed(text);
  if (!isJsonObject(value)) throw invalid("SERVER_REQUEST_INVALID", "body: expected a JSON object");
  requireShallow(value);
  return value;
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** Level by level, because what walks values by calling itself runs out of stack on those that are nested too deep. */
function requireShallow(value: JsonObject): void {
  let level: readonly JsonValue[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > DEEPEST_CONTENT) {
      throw invalid("SERVER_REQUEST_INVALID", `body: expected at most ${DEEPEST_CONTENT} levels, got more`);
    }
    level = level.flatMap((each) =>
      typeof each === "object" && each !== null ? Object.values<JsonValue>(each) : [],
    );
  }
}

function withProtoNames(object: JsonObject, depth: number): JsonObject {
  if (depth > DEEPEST) throw invalid("SERVER_REQUEST_INVALID", `body: expected at most ${DEEPEST} levels`);
  const entries = Object.entries(object).flatMap(([key, value]): [string, JsonValue][] => {
    if (value === null) return [];
    const name = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    const converted = isJsonObject(value) && !opaque.has(name) ? withProtoNames(value, depth + 1) : value;
    return [[name, converted]];
  });
  return Object.fromEntries(entries);
}

/** Text for people: limited, so that lists stay lists. */
const text = (most: number) => z.string().max(most);
/** A JSON object whose content is not looked at here. */
const object = z.custom<JsonObject>(isJsonObject, "expected an object");
const time = z
  .string()
  .max(64)
  .refine((value) => Number.isFinite(Date.parse(value)), "expected a time such as 2026-01-31T12:00:00Z");
/** 64-bit numbers come as text or as numbers. */
const integer = z.union([z.string().regex(/^\d{1,15}$/), z.int().min(0)]).transform(Number);
const tags = z.record(z.string().max(100), z.string().max(256));

const described = { description: text(10_000).optional(), namespace: text(253).optional() };
const reference = z.object({ pipeline_id: text(128).optional(), pipeline_version_id: text(128).optional() });
const runtime = z.object({ parameters: object.optional(), pipeline_root: text(4096).optional() });

/** `Experiment` as it is sent. */
export const experimentBody = z.object({ display_name: text(256), ...described });

/** `Pipeline` as it is sent. Either name stands for the other. */
export const pipelineBody = z.object({
  name: text(128).optional(),
  display_name: text(256).optional(),
  tags: tags.optional(),
  ...described,
});

/** `PipelineVersion` as it is sent. */
export const versionBody = z.object({
  name: text(128).optional(),
  display_name: text(256).optional(),
  description: text(10_000).optional(),
  code_source_url: text(2048).optional(),
  package_url: z.object({ pipeline_url: text(2048) }).optional(),
  pipeline_spec: object.optional(),
  tags: tags.optional(),
});

/** `CreatePipelineAndVersionRequest`. */
export const pipelineAndVersionBody = z.object({ pipeline: pipelineBody, pipeline_version: versionBody });

const job = {
  experiment_id: text(128).optional(),
  display_name: text(512).optional(),
  description: text(10_000).optional(),
  pipeline_spec: object.optional(),
  pipeline_version_reference: reference.optional(),
  pipeline_version_id: text(128).optional(),
  runtime_config: runtime.optional(),
  service_account: text(253).optional(),
};

/** `Run` as it is sent. */
export const runBody = z.object(job);

/** `RecurringRun` as it is sent. */
export const recurringRunBody = z.object({
  ...job,
  namespace: text(253).optional(),
  max_concurrency: integer.optional(),
  mode: z.enum(["MODE_UNSPECIFIED", "ENABLE", "DISABLE"]).optional(),
  no_catchup: z.boolean().optional(),
  trigger: z.object({
    cron_schedule: z
      .object({ cron: text(256), start_time: time.optional(), end_time: time.optional() })
      .optional(),
    periodic_schedule: z
      .object({ interval_second: integer, start_time: time.optional(), end_time: time.optional() })
      .optional(),
  }),
});

/** What a run or recurring run is made of, besides its own name. */
export type JobBody = z.infer<typeof runBody> & {
  /** Digest of a document that the server keeps already; never part of a request. */
  readonly stored_document?: string;
};
