/** Content of a remote run's artifacts, where the engine or Kubeflow's pages hand it out. */
import { isSealflowError } from "@sealflow/core";
import { ask } from "@sealflow/kfp";
import { contentAt } from "./kubeflow/artifact-content.js";
import { artifactsOf } from "./kubeflow/artifacts.js";
import { recordOf } from "./kubeflow/lookup.js";
import type { Session } from "./session.js";

/** Which artifact. */
export interface ArtifactRequest {
  readonly runId: string;
  /** Path of the task that made it. */
  readonly task: string;
  readonly output: string;
  /** Place in an output that is a list. */
  readonly index: number;
}

/**
 * The artifact's bytes, as they are in the store; undefined where nothing hands them out, or there is no such artifact.
 *
 * @throws SealflowError `KFP_…` for other refusals
 */
export async function remoteArtifact(
  session: Session,
  request: ArtifactRequest,
): Promise<Uint8Array | undefined> {
  const { runId, task, output, index } = request;
  const query = { task, name: output, index: String(index) };
  try {
    const answer = await ask(session.client, {
      path: `/api/runs/${encodeURIComponent(runId)}/artifact`,
      query,
    });
    const type = answer.headers.get("content-type") ?? "";
    if (!type.startsWith("text/html")) return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    const status = isSealflowError(error) ? error.data?.status : undefined;
    if (status !== 404 && status !== 400 && status !== 405) throw error;
  }
  return fromPages(session, request);
}

/** From the server of Kubeflow's pages, which has the store's credentials. */
async function fromPages(session: Session, request: ArtifactRequest): Promise<Uint8Array | undefined> {
  try {
    const uri = await uriOf(session, request);
    return uri === undefined ? undefined : await contentAt(session, uri);
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}

async function uriOf(
  session: Session,
  { runId, task, output, index }: ArtifactRequest,
): Promise<string | undefined> {
  const record = await recordOf(session, { runId, task });
  if (record === undefined) return undefined;
  const made =
    (await artifactsOf(await session.metadata(), [record.executionId])).get(record.executionId)?.outputs ??
    {};
  return (Object.hasOwn(made, output) ? made[output] : undefined)?.[index]?.uri;
}
