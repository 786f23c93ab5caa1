/** A run on a remote engine: the pipeline uploaded once, the run created from it. */
import { createHash } from "node:crypto";
import { isSealflowError, type JsonObject } from "@sealflow/core";
import { KfpClient, type PipelineVersionReference, type Run } from "@sealflow/kfp";
import { formatPipelineYaml, type PipelineDocument } from "@sealflow/pipeline";
import type { Session } from "./session.js";

/** What is run. */
export interface Submission {
  readonly document: PipelineDocument;
  readonly parameters: JsonObject;
  /** Default: the pipeline's name and the time. */
  readonly name?: string;
  /** Name of the experiment; made when there is none. Default: the server's own default. */
  readonly experiment?: string;
  readonly serviceAccount?: string;
  /** Where the engine keeps artifacts, for example `s3://bucket/prefix`. Default: its own. */
  readonly pipelineRoot?: string;
}

/**
 * Uploads the pipeline, unless this very content is there already, and starts a run of it.
 *
 * @throws SealflowError `KFP_…`
 */
export async function submitRun(session: Session, submission: Submission): Promise<Run> {
  const client = new KfpClient(session.client);
  const version = await uploaded(client, submission.document, session.namespace);
  const experiment = await experimentOf(client, submission.experiment, session.namespace);
  const { name, parameters, serviceAccount, pipelineRoot, document } = submission;
  return client.createRun({
    display_name: name ?? `${document.spec.pipelineInfo.name} ${new Date().toISOString()}`,
    pipeline_version_reference: version,
    runtime_config: { parameters, ...(pipelineRoot === undefined ? {} : { pipeline_root: pipelineRoot }) },
    ...(experiment === undefined ? {} : { experiment_id: experiment }),
    ...(serviceAccount === undefined ? {} : { service_account: serviceAccount }),
  });
}

async function uploaded(
  client: KfpClient,
  document: PipelineDocument,
  namespace: string | undefined,
): Promise<PipelineVersionReference> {
  const content = formatPipelineYaml(document);
  const { name } = document.spec.pipelineInfo;
  const file = { content, fileName: `${name}.yaml`, ...(namespace === undefined ? {} : { namespace }) };
  const pipeline = await existing(() => client.getPipelineByName(name, namespace));
  const id = pipeline?.pipeline_id ?? (await client.uploadPipeline({ ...file, name })).pipeline_id;
  // A version is named by its content: the same pipeline again makes no further one.
  const versionName = `sha256-${createHash("sha256").update(content).digest("hex").slice(0, 16)}`;
  const known = await client.listPipelineVersions(id, {
    filter: { predicates: [{ operation: "EQUALS", key: "name", string_value: versionName }] },
  });
  const [version] = known.pipeline_versions ?? [];
  const chosen = version ?? (await client.uploadPipelineVersion(id, { ...file, name: versionName }));
  return { pipeline_id: id, pipeline_version_id: chosen.pipeline_version_id };
}

async function experimentOf(
  client: KfpClient,
  name: string | undefined,
  namespace: string | undefined,
): Promise<string | undefined> {
  // With several users a run without an experiment has no namespace, and is refused.
  if (name === undefined && namespace === undefined) return undefined;
  const display_name = name ?? "Default";
  const found = await client.listExperiments({
    filter: { predicates: [{ operation: "EQUALS", key: "name", string_value: display_name }] },
    ...(namespace === undefined ? {} : { namespace }),
  });
  const [experiment] = found.experiments ?? [];
  if (experiment !== undefined) return experiment.experiment_id;
  const made = await client.createExperiment({
    display_name,
    ...(namespace === undefined ? {} : { namespace }),
  });
  return made.experiment_id;
}

async function existing<T>(ask: () => Promise<T>): Promise<T | undefined> {
  try {
    return await ask();
  } catch (error) {
    if (isSealflowError(error) && error.data?.status === 404) return undefined;
    throw error;
  }
}
