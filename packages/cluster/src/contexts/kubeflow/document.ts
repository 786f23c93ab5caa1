/** The pipeline of a run, as the engine that runs it says. */
import { isJsonObject } from "@sealflow/core";
import { type ClientOptions, KfpClient, type Run } from "@sealflow/kfp";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";

/**
 * The document of a run: its own, or that of the pipeline version it was made from.
 *
 * @throws SealflowError `KFP_…`; `PIPELINE_…` where there is none, or one that can't be read
 */
export async function documentOf(client: ClientOptions, run: Run): Promise<PipelineDocument> {
  const { pipeline_id: pipeline, pipeline_version_id: version } = run.pipeline_version_reference ?? {};
  const held =
    run.pipeline_spec ??
    (pipeline === undefined || version === undefined
      ? undefined
      : (await new KfpClient(client).getPipelineVersion(pipeline, version)).pipeline_spec);
  const parts = isJsonObject(held?.pipeline_spec) ? [held.pipeline_spec, held.platform_spec] : [held];
  return parsePipelineDocument(
    parts.flatMap((part) => (part == null ? [] : [JSON.stringify(part)])).join("\n---\n"),
  );
}
