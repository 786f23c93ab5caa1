/**
 * Confidential pods on a real node: an image built without a container engine, pulled by digest from a real registry, run
 * by a real kubelet as the overlay says; the broker and what vouches for the simulated enclaves stand outside.
 */
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  AKS_SGX_POOL,
  buildImage,
  confidentialOverlay,
  type ImageLock,
  type OverlayReport,
  RegistryRepository,
  type RequirementsLock,
  type SgxPool,
} from "@sealflow/cluster";
import type { Digest, JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import {
  laneImages,
  makeSgxNode,
  startCluster,
  type TestCluster,
} from "../../../../test-support/kubernetes/cluster.js";
import { testPython } from "../../../../test-support/python.js";
import { startRegistry } from "../../../../test-support/registry.js";
import { connect, type KubeClient, type KubeObject } from "../../src/kube/index.js";
import { pushArchive } from "./push-archive.js";
import { openWorld, type World, type WorldInput } from "./world.js";

const sources = fileURLToPath(new URL("../../../../python/src", import.meta.url));
const pool: SgxPool = { ...AKS_SGX_POOL, taints: [{ key: "sgx", value: "true", effect: "NoSchedule" }] };

/** As far as it is looked at. */
export interface Pod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly { readonly imageID?: string }[];
  };
}

/** What is run. */
export interface StageInput extends Omit<WorldInput, "digests"> {
  /** `docker-registry`. */
  readonly registryProgram: string;
  readonly requirements?: RequirementsLock;
}

/** Everything, running. */
export interface Stage {
  readonly cluster: TestCluster;
  readonly world: World;
  readonly lock: ImageLock;
  readonly report: OverlayReport;
  /** Directory on the persistent volume behind the depot's claim. */
  readonly depot: string;
  /** Directory that pods see as `/minio`. */
  readonly shared: string;
  /** Runs a task's pod to its end. */
  run(task: { executor: string; node: string; executorInput: object }): Promise<{ pod: Pod; log: string }>;
  stop(): Promise<void>;
}

/** Speaks plain HTTP with the registry, which stands in a network that the test made. */
const plain = (url: string | URL | Request, init?: RequestInit) =>
  fetch(String(url).replace(/^https:\/\/10\./, "http://10."), init);

/** What a pod's log shows to those without a key, but for the ciphertext of what its task printed. */
function withoutSealed(log: string): string {
  return log.replace(/-----BEGIN SEALFLOW LOG-----\n[\w+/=\n]*-----END SEALFLOW LOG-----\n/, "");
}

/** Starts it all. */
export async function startStage(input: StageInput): Promise<Stage> {
  const stops: (() => Promise<void> | void)[] = [];
  const stop = async () => {
    for (const each of stops.toReversed()) await each();
  };
  try {
    const scratch = mkdtempSync(join(tmpdir(), "sealflow-pods-"));
    stops.push(() => rmSync(scratch, { recursive: true, force: true }));
    const shared = join(scratch, "minio");
    mkdirSync(shared);
    const depot = join(scratch, "depot");
    mkdirSync(depot);
    // Where the registry listens in the cluster's network.
    const registryPort = 20_000 + (process.pid % 20_000);
    const cluster = await startCluster({ registryPort });
    stops.push(() => cluster.stop());
    const client = connect({ kubeconfig: cluster.kubeconfig }, {});
    stops.push(() => client.transport.close());
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    await claimDepot(client, depot);
    const registry = await startRegistry(input.registryProgram, cluster.hostIp, registryPort);
    stops.push(() => registry.stop());
    const lock = { ...(await imageOf(input, registry.host)), epc: 10 * 2 ** 20 };
    const digests = new Map<string, Digest>(
      Object.entries(lock.executors).map(([executor, { component }]) => [executor, component]),
    );
    const world = await openWorld(scratch, { ...input, digests });
    stops.push(() => world.project.close());
    const { document: confidential, report } = await confidentialOverlay(input.document, {
      images: [lock],
      broker: { url: "unix:/broker/s" },
      quotes: { url: "unix:/broker/s", token: world.token },
      runId: world.runId,
      depot: { claim: "depot" },
      pool,
    });
    const mounts = { broker: dirname(world.project.service.address.replace("unix:", "")), minio: shared };
    let number = 0;
    const run: Stage["run"] = (task) => {
      number += 1;
      return runPod(client, podOf(confidential, { ...task, number }, mounts));
    };
    return { cluster, world, lock, report, depot, shared, run, stop };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** A persistent volume of the node's disk, and the claim that pods mount. */
async function claimDepot(client: KubeClient, path: string): Promise<void> {
  const spec = { accessModes: ["ReadWriteMany"], storageClassName: "by-hand" };
  await client.create({
    ...{ apiVersion: "v1", kind: "PersistentVolume", metadata: { name: "depot" } },
    spec: { ...spec, capacity: { storage: "1Gi" }, hostPath: { path } },
  });
  await client.create({
    ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "depot", namespace: "default" } },
    spec: { ...spec, resources: { requests: { storage: "1Gi" } } },
  });
}

async function imageOf({ document, requirements }: StageInput, host: string): Promise<ImageLock> {
  const access = { fetch: plain, logins: async () => undefined };
  const archive = (await laneImages()).find((path) => path.endsWith("python.tar")) ?? "";
  const base = await pushArchive(archive, new RegistryRepository({ host, name: "base/python" }, access));
  const built = await buildImage(
    {
      ...{ document, locks: {}, pythonSources: sources, version: "0.1.0" },
      ...(requirements === undefined ? {} : { lock: requirements }),
      base: `${host}/base/python@${base}`,
      target: `${host}/team/loan`,
    },
    { access, environment: process.env, python: testPython() },
  );
  return built.lock;
}

interface PodSettings {
  readonly nodeSelector: { readonly labels: object };
  readonly tolerations: readonly object[];
  readonly podMetadata: { readonly labels: object; readonly annotations: object };
  readonly fieldPathAsEnv: readonly { readonly name: string; readonly fieldPath: string }[];
  readonly pvcMount: readonly { readonly constant: string; readonly mountPath: string }[];
}

/** The pod that Kubeflow's driver would make of an executor and its platform settings. */
function podOf(
  { spec, platform }: PipelineDocument,
  { executor, node, executorInput, number }: Parameters<Stage["run"]>[0] & { readonly number: number },
  mounts: Readonly<Record<string, string>>,
): KubeObject {
  const { container } = spec.deploymentSpec.executors?.[executor] ?? {};
  const executors = platform?.platforms.kubernetes?.deploymentSpec?.executors ?? {};
  const settings = executors[executor] as unknown as PodSettings;
  const { resourceType = "", resourceCount = "" } = container?.resources?.accelerator ?? {};
  const { labels, annotations } = settings.podMetadata;
  const place = { "workflows.argoproj.io/node-name": `loan-x1.root.${node}.executor` };
  const pod = {
    apiVersion: "v1",
    kind: "Pod",
    metadata: {
      name: `${executor}-${number}`,
      namespace: "default",
      labels,
      annotations: { ...annotations, ...place },
    },
    spec: {
      restartPolicy: "Never",
      nodeSelector: settings.nodeSelector.labels,
      tolerations: settings.tolerations,
      containers: [
        {
          name: "main",
          image: container?.image,
          command: container?.command,
          args: (container?.args ?? []).map((word) =>
            word === "{{$}}" ? JSON.stringify(executorInput) : word,
          ),
          env: settings.fieldPathAsEnv.map(({ name, fieldPath }) => ({
            name,
            valueFrom: { fieldRef: { fieldPath } },
          })),
          resources: { limits: { [resourceType]: resourceCount } },
          volumeMounts: [
            ...Object.keys(mounts).map((name) => ({ name, mountPath: `/${name}` })),
            ...settings.pvcMount.map(({ constant, mountPath }) => ({ name: constant, mountPath })),
          ],
        },
      ],
      volumes: [
        ...Object.entries(mounts).map(([name, path]) => ({ name, hostPath: { path } })),
        ...settings.pvcMount.map(({ constant }) => ({
          name: constant,
          persistentVolumeClaim: { claimName: constant },
        })),
      ],
    },
  };
  return pod as unknown as JsonObject as unknown as KubeObject;
}

async function runPod(client: KubeClient, made: KubeObject): Promise<{ pod: Pod; log: string }> {
  await client.create(made);
  const name = made.metadata?.name ?? "";
  const ref = { apiVersion: "v1", kind: "Pod", name, namespace: "default" };
  for (let tries = 0; tries < 900; tries++) {
    const pod = await client.get<Pod>(ref);
    if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") {
      let log = "";
      for await (const chunk of client.logs({ namespace: "default", name }, {})) log += chunk;
      return { pod, log: withoutSealed(log) };
    }
    await sleep(200);
  }
  throw new Error(JSON.stringify((await client.get<Pod>(ref)).status));
}
