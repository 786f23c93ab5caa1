/** A real cluster, a real store, and engines whose tasks are Jobs there. */
import { mkdtempSync, rmSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createEngine, openStore, pythonSources, type RunOptions } from "@sealflow/engine";
import { parsePipelineDocument } from "@sealflow/pipeline";
import { startCluster, type TestCluster } from "../../../../test-support/kubernetes/cluster.js";
import { type StoreServer, s3Server } from "../../../../test-support/stores/servers.js";
import {
  connect,
  JobsExecutor,
  type KubeClient,
  type KubeObject,
  managedBy,
  openArtifactStore,
} from "../../src/index.js";

/** What stands. */
export interface JobsSetting {
  readonly cluster: TestCluster;
  readonly client: KubeClient;
  /** An S3-compatible store that pods reach. */
  readonly objects: StoreServer;
  /** For everything of the tests on this machine. */
  readonly directory: string;
  close(): Promise<void>;
}

/** Starts it all. */
export async function openJobsSetting(): Promise<JobsSetting> {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-jobs-"));
  const closing: (() => Promise<void> | void)[] = [() => rmSync(directory, { recursive: true, force: true })];
  const close = async () => {
    for (const each of closing.toReversed()) await each();
  };
  try {
    const cluster = await startCluster();
    closing.push(() => cluster.stop());
    const objects = await s3Server(cluster.hostIp);
    closing.push(() => objects.stop());
    const client = connect({ kubeconfig: cluster.kubeconfig }, {});
    closing.push(() => client.transport.close());
    return { cluster, client, objects, directory, close };
  } catch (error) {
    await close();
    throw error;
  }
}

/** Somebody's access to a store of artifacts. */
export function artifactsIn({ uri, environment }: StoreServer) {
  return openArtifactStore(uri, { environment, fetch, now: Date.now });
}

/** An engine over Jobs; its runs are recorded in a directory of that name. */
export function engineOf(
  { client, directory, ...rest }: JobsSetting,
  { objects = rest.objects, records = "store" }: { objects?: StoreServer; records?: string } = {},
) {
  const executor = new JobsExecutor({
    ...{ client, store: artifactsIn(objects), namespace: "default" },
    pythonSources: pythonSources(process.env),
  });
  return createEngine({ store: openStore(join(directory, records)), executor, concurrency: 8 });
}

/** Runs a document to its end. */
export async function runJobs(
  setting: JobsSetting,
  document: string,
  { objects, ...options }: RunOptions & { readonly objects?: StoreServer } = {},
) {
  const engine = engineOf(setting, objects === undefined ? {} : { objects });
  try {
    const baseDirectory = setting.directory;
    return await engine.run(parsePipelineDocument(document), { baseDirectory, ...options });
  } finally {
    await engine.close();
  }
}

/** Names of what there is of Sealflow's in the namespace. */
export async function left(
  { client }: Pick<JobsSetting, "client">,
  kind: string,
  apiVersion = "v1",
): Promise<string[]> {
  const labelSelector = Object.entries(managedBy)
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
  const { items } = await client.list({ apiVersion, kind }, { namespace: "default", labelSelector });
  return items.map(({ metadata }) => metadata.name ?? "");
}

/** Pods of a task, those without labels too. */
export async function podsOf({ client }: JobsSetting, path: string): Promise<KubeObject[]> {
  const { items } = await client.list<KubeObject>(
    { apiVersion: "v1", kind: "Pod" },
    { namespace: "default" },
  );
  return items.filter(({ metadata }) => metadata.annotations?.["sealflow.dev/path"] === path);
}

/** What there is of runs in the cluster: all but the runtime, which stays. */
export async function remains(setting: Pick<JobsSetting, "client">): Promise<string[]> {
  const kinds = [["Job", "batch/v1"], ["Pod"], ["Secret"], ["ConfigMap"]] as const;
  const names = await Promise.all(kinds.map(([kind, version]) => left(setting, kind, version)));
  return names.flat().filter((name) => !name.startsWith("sealflow-runtime-"));
}

/** How far a pod is. */
export function phaseOf({ status }: KubeObject): string {
  return (status as { readonly phase?: string } | undefined)?.phase ?? "";
}

/** Somebody whom tasks ask for what they shall do: they wait until he knows. */
export interface Director {
  /** Python that sets `word` to what this task's pod is told. */
  readonly ask: string;
  /** Pods that have asked so far. */
  readonly asking: ReadonlySet<string>;
  /** Words by pod. */
  readonly says: Map<string, string>;
  close(): void;
}

/** @param otherwise Said to pods for which there is no word. */
export async function direct(setting: JobsSetting, otherwise?: (pod: string) => string): Promise<Director> {
  const [asking, says] = [new Set<string>(), new Map<string, string>()];
  const server = createServer(({ url = "" }, response) => {
    const pod = url.slice(1);
    asking.add(pod);
    response.end(says.get(pod) ?? otherwise?.(pod) ?? "");
  });
  const { hostIp } = setting.cluster;
  await new Promise<void>((resolve) => server.listen(0, hostIp, resolve));
  const { port } = server.address() as AddressInfo;
  const ask = `
    import os, time, urllib.request
    pod, word = os.environ["HOSTNAME"], ""
    while not word:
        word = urllib.request.urlopen(f"http://${hostIp}:${port}/{pod}").read().decode()
        time.sleep(0.05)
`;
  const close = () => {
    server.closeAllConnections();
    server.close();
  };
  return { ask, asking, says, close };
}
