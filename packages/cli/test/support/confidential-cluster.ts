/**
 * Everything that confidential runs elsewhere need: a real cluster with a store of artifacts, or an engine over podman; a registry,
 * and the people.
 */
import { cpSync } from "node:fs";
import { vi } from "vitest";
import { makeSgxNode, startCluster, type TestCluster } from "../../../../test-support/kubernetes/cluster.js";
import { testPodman } from "../../../../test-support/podman.js";
import { startRegistry } from "../../../../test-support/registry.js";
import { type StoreServer, s3Server } from "../../../../test-support/stores/servers.js";
import { connect, type KubeClient, type KubeObject, openArtifactStore } from "../../../cluster/src/index.js";
import {
  type Agreed,
  ConfidentialWorld,
  must,
  runArguments,
  runArgumentsOf,
  small,
} from "./confidential-world.js";
import type { Outcome } from "./fake-context.js";

/** What stands, and how it is used. */
export interface ConfidentialCluster {
  readonly cluster: TestCluster;
  readonly client: KubeClient;
  readonly objects: StoreServer;
  readonly world: ConfidentialWorld;
  /** `ADDRESS:PORT` of the registry. */
  readonly registry: string;
  /** Flags that name the cluster and the store, and how it is answered. */
  readonly again: readonly string[];
  /** The same, and the pool. */
  readonly where: readonly string[];
  /** Runs the world's pipeline, sealed. */
  run(settings?: readonly string[]): Promise<Outcome>;
  store(): ReturnType<typeof openArtifactStore>;
  /** Pods of a task, the finished ones too. */
  podsOf(path: string): Promise<readonly KubeObject[]>;
  close(): Promise<void>;
}

/** Starts it all, for the small pipeline unless another one is agreed on. */
export function openConfidentialCluster(
  registryProgram: string,
  agreed: Agreed = small,
): Promise<ConfidentialCluster> {
  return standing(async (closing) => {
    const registryPort = 20_000 + (process.pid % 20_000);
    const cluster = await startCluster({ registryPort });
    closing.push(() => cluster.stop());
    const client = connect({ kubeconfig: cluster.kubeconfig }, {});
    closing.push(() => client.transport.close());
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    const registry = await startRegistry(registryProgram, cluster.hostIp, registryPort);
    closing.push(() => registry.stop());
    plainly(registry.host);
    closing.push(() => void vi.unstubAllGlobals());
    const objects = await s3Server(cluster.hostIp);
    closing.push(() => objects.stop());
    const world = new ConfidentialWorld({ host: cluster.hostIp, registry: registry.host }, agreed);
    closing.push(() => world.close());
    world.environment = { ...objects.environment, KUBECONFIG: cluster.kubeconfig };
    await world.open();
    return { ...using({ cluster, client, objects, world }), registry: registry.host };
  });
}

/** An engine of somebody else that runs images in podman, and the people around. */
export interface ConfidentialEngine {
  readonly world: ConfidentialWorld;
  /** Runs the world's pipeline on it, sealed. */
  run(...more: string[]): Promise<Outcome>;
  close(): Promise<void>;
}

/** Starts `sealflow serve`, which stands for Kubeflow Pipelines; the data scientist knows it as `far`. */
export function openConfidentialEngine(registryProgram: string): Promise<ConfidentialEngine> {
  return standing(async (closing) => {
    const registry = await startRegistry(registryProgram);
    closing.push(() => registry.stop());
    const world = new ConfidentialWorld({ host: "127.0.0.1", registry: registry.host });
    closing.push(() => world.close());
    const podman = testPodman(world.path("podman"), registry.host);
    closing.push(() => podman.remove());
    // Engines start podman as this process would.
    for (const [name, value] of Object.entries(podman.environment)) vi.stubEnv(name, value);
    closing.push(() => void vi.unstubAllEnvs());
    await world.open();
    // Whoever runs the other engine has the ciphertext, too.
    cpSync(world.path("near", "rows.csv.sealed"), world.path("far", "rows.csv.sealed"));
    const { url } = await world.serve("far", "serve", "--port", "0");
    const settings = ["--endpoint", `${url}`, "--confidential", ...world.settings()];
    await must(world.near("contexts", "add", "far", ...settings));
    const run = (...more: string[]) =>
      world.near("run", "pipeline.ts", "--on", "far", "--json", "--logs", ...runArguments, ...more);
    return { world, run };
  });
}

type Closing = (() => Promise<void> | void)[];

/** What is opened one after the other, and closed in the other order, also where opening fails. */
async function standing<T>(
  open: (closing: Closing) => Promise<T>,
): Promise<T & { readonly close: () => Promise<void> }> {
  const closing: Closing = [];
  const close = async () => {
    for (const each of closing.toReversed()) await each();
  };
  try {
    return { ...(await open(closing)), close };
  } catch (error) {
    await close();
    throw error;
  }
}

type Parts = Pick<ConfidentialCluster, "cluster" | "client" | "objects" | "world">;

function using(parts: Parts) {
  const { client, objects, world } = parts;
  const again = ["--on", "k8s:test", "--namespace", "default", "--artifacts", objects.uri, "--json"];
  const where = [...again, "--taint", "sgx=true:NoSchedule"];
  const run = (settings = world.settings()) =>
    world.near("run", "pipeline.ts", "--sealed", ...where, ...settings, ...runArgumentsOf(world.agreed));
  const store = () =>
    openArtifactStore(objects.uri, { environment: objects.environment, fetch, now: Date.now });
  const podsOf = async (path: string) => {
    const { items } = await client.list<KubeObject>(
      { apiVersion: "v1", kind: "Pod" },
      { namespace: "default" },
    );
    return items.filter(({ metadata }) => metadata.annotations?.["sealflow.dev/path"] === path);
  };
  return { ...parts, again, where, run, store, podsOf };
}

/** The registry stands in a network that the test made, without TLS. */
function plainly(host: string): void {
  const real = globalThis.fetch;
  const [secure, plain] = [`https://${host}/`, `http://${host}/`];
  vi.stubGlobal("fetch", (url: string | URL | Request, init?: RequestInit) =>
    real(url instanceof Request ? url : String(url).replace(secure, plain), init),
  );
}
