/** Content of Kubeflow's store, by way of the server of its pages, which has the store's credentials. */
import { isSealflowError } from "@sealflow/core";
import { ask } from "@sealflow/kfp";
import type { Session } from "../session.js";

/** Names of stores in Kubeflow's addresses, by the scheme of a URI. Source: kubeflow/pipelines, frontend server. */
const sources: Readonly<Partial<Record<string, string>>> = { minio: "minio", s3: "s3", gs: "gcs" };

/** What is at that URI; undefined where the pages do not hand it out. */
export async function contentAt(session: Session, uri: string): Promise<Uint8Array | undefined> {
  const [, scheme = "", place = ""] = /^([a-z0-9]+):\/\/(.+)$/.exec(uri) ?? [];
  const source = sources[scheme];
  if (source === undefined) return undefined;
  const path = `/artifacts/${source}/${place.split("/").map(encodeURIComponent).join("/")}`;
  try {
    const answer = await ask(await session.pages(), { path, query: { namespace: session.namespace } });
    return new Uint8Array(await answer.arrayBuffer());
  } catch (error) {
    if (isSealflowError(error)) return undefined;
    throw error;
  }
}
