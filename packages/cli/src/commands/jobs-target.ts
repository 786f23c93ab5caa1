/** `--on k8s:CONTEXT`: the executor that runs tasks as Jobs of a cluster. */
import { connect, JobsExecutor, keyOf, openArtifactStore } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { pythonSources } from "@sealflow/engine";
import type { CliContext } from "../context.js";
import type { ExecutionFlags } from "../routes/run.js";
import type { Target } from "./target.js";

/** An executor and its connection. */
export interface OpenJobs {
  readonly executor: JobsExecutor;
  /** What the store holds at a URI. */
  content(uri: string): Promise<Uint8Array | undefined>;
  close(): void;
}

/**
 * Opens the cluster and the store of artifacts.
 *
 * @throws SealflowError `CLI_ARTIFACTS_UNNAMED`, `CLUSTER_KUBECONFIG_INVALID`, `CLUSTER_STORE_…`
 */
export async function openJobs(
  context: CliContext,
  flags: ExecutionFlags,
  { kubeContext }: Extract<Target, { kind: "jobs" }>,
): Promise<OpenJobs> {
  const { env } = context.process;
  const uri = flags.artifacts ?? env.SEALFLOW_ARTIFACTS;
  if (!uri) throw unnamed();
  const store = openArtifactStore(uri, { environment: env, fetch, now: () => context.clock.now() });
  const client = connect(kubeContext === undefined ? {} : { context: kubeContext }, env);
  const executor = new JobsExecutor({
    ...{ client, store, pythonSources: pythonSources(env) },
    namespace: flags.namespace ?? client.context.namespace,
    ...(flags.serviceAccount === undefined ? {} : { serviceAccount: flags.serviceAccount }),
  });
  const content = async (uri: string) => {
    const key = keyOf(store, uri);
    return key === undefined ? undefined : store.get(key);
  };
  return { executor, content, close: () => client.transport.close() };
}

function unnamed(): SealflowError {
  return new SealflowError({
    code: "CLI_ARTIFACTS_UNNAMED",
    message: "--on k8s: expected a store for artifacts in --artifacts or SEALFLOW_ARTIFACTS, got none",
    hint: "s3://BUCKET/PREFIX, gs://BUCKET/PREFIX or azure://ACCOUNT/CONTAINER/PREFIX, with its credentials in the environment.",
  });
}
