/** Pipelines as requests carry them: a spec, or spec and platform spec together. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";

/**
 * Checks a pipeline of a request.
 *
 * @throws SealflowError `PIPELINE_…`
 */
export function parsePipelineBody(body: JsonObject): PipelineDocument {
  const { pipeline_spec: spec, platform_spec: platform } = body;
  if (!isJsonObject(spec)) return parsePipelineDocument(JSON.stringify(body), { file: "pipeline_spec" });
  const parts = [spec, ...(isJsonObject(platform) && Object.keys(platform).length > 0 ? [platform] : [])];
  // JSON documents are YAML documents: the reader takes them as the two of one file.
  return parsePipelineDocument(parts.map((part) => JSON.stringify(part)).join("\n---\n"), {
    file: "pipeline_spec",
  });
}

/** The pipeline as answers carry it. */
export function pipelineBodyOf({ spec, platform }: PipelineDocument): JsonObject {
  // Types of documents are JSON, which the compiler can't see through their interfaces.
  const plain = spec as unknown as JsonObject;
  if (platform === undefined) return plain;
  return { pipeline_spec: plain, platform_spec: platform as unknown as JsonObject };
}
