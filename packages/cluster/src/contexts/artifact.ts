/** Content of a remote run's artifacts, where the engine hands it out. */
import { isSealflowError } from "@sealflow/core";
import { ask } from "@sealflow/kfp";
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
 * The artifact's bytes; undefined where the engine has no such route, or no such artifact.
 *
 * @throws SealflowError `KFP_…` for other refusals
 */
export async function remoteArtifact(
  { client }: Session,
  { runId, task, output, index }: ArtifactRequest,
): Promise<Uint8Array | undefined> {
  const query = { task, name: output, index: String(index) };
  try {
    const answer = await ask(client, { path: `/api/runs/${encodeURIComponent(runId)}/artifact`, query });
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    const status = isSealflowError(error) ? error.data?.status : undefined;
    if (status === 404 || status === 400 || status === 405) return undefined;
    throw error;
  }
}
