import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { fileURLToPath } from "node:url";
import {
  AKS_SGX_POOL,
  buildImage,
  confidentialOverlay,
  type ImageLock,
  RegistryRepository,
  type SgxPool,
} from "@sealflow/cluster";
import type { Digest, JsonObject } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import {
  laneImages,
  makeSgxNode,
  startCluster,
  type TestCluster,
} from "../../../../test-support/kubernetes/cluster.js";
import { testPython } from "../../../../test-support/python.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../../test-support/registry.js";
import { connect, type KubeClient, type KubeObject } from "../../src/kube/index.js";
import { pushArchive } from "./push-archive.js";
import { document, openWorld, SECRET, type World } from "./world.js";

const program = registryProgram();
const sources = fileURLToPath(new URL("../../../../python/src", import.meta.url));
const pool: SgxPool = { ...AKS_SGX_POOL, taints: [{ key: "sgx", value: "true", effect: "NoSchedule" }] };

interface Pod extends KubeObject {
  readonly spec: { readonly nodeName?: string };
  readonly status?: {
    readonly phase?: string;
    readonly containerStatuses?: readonly {
      readonly imageID?: string;
      readonly state: { readonly terminated?: { readonly exitCode: number } };
    }[];
  };
}

/** Speaks plain HTTP with the registry, which stands in a network that the test made. */
const plain = (url: string | URL | Request, init?: RequestInit) =>
  fetch(String(url).replace(/^https:\/\/10\./, "http://10."), init);

/** Where the registry listens in the cluster's network. */
const registryPort = 20_000 + (process.pid % 20_000);

describe.skipIf(program === undefined)("confidential pods on a real node", () => {
  let cluster: TestCluster;
  let client: KubeClient;
  let registry: TestRegistry;
  let world: World;
  let scratch = "";
  let confidential: PipelineDocument;
  let lock: ImageLock;

  beforeAll(async () => {
    scratch = mkdtempSync(join(tmpdir(), "sealflow-pods-"));
    mkdirSync(join(scratch, "minio"));
    cluster = await startCluster({ registryPort });
    client = connect({ kubeconfig: cluster.kubeconfig }, {});
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    registry = await startRegistry(program ?? "", cluster.hostIp, registryPort);
    const access = { fetch: plain, logins: async () => undefined };
    const archive = (await laneImages()).find((path) => path.endsWith("python.tar")) ?? "";
    const base = await pushArchive(
      archive,
      new RegistryRepository({ host: registry.host, name: "base/python" }, access),
    );
    const built = await buildImage(
      {
        document,
        locks: {},
        base: `${registry.host}/base/python@${base}`,
        target: `${registry.host}/team/loan`,
        pythonSources: sources,
        version: "0.1.0",
      },
      { access, environment: process.env, python: testPython() },
    );
    lock = { ...built.lock, epc: 10 * 2 ** 20 };
    const digests = new Map<string, Digest>(
      Object.entries(lock.executors).map(([executor, { component }]) => [executor, component]),
    );
    world = await openWorld(scratch, digests);
    const { document: made, report } = await confidentialOverlay(document, {
      images: [lock],
      broker: { url: "unix:/broker/s" },
      quotes: { url: "unix:/broker/s", token: world.token },
      runId: world.runId,
      pool,
    });
    expect(report.ok).toBe(true);
    confidential = made;
  }, 300_000);
  afterAll(async () => {
    client?.transport.close();
    await cluster?.stop();
    await world?.project.close();
    await registry?.stop();
    rmSync(scratch, { recursive: true, force: true });
  });

  const artifact = { data: { artifacts: [{ name: "data", uri: "minio://mlpipeline/data", metadata: {} }] } };
  const outputs = (task: string, artifacts: object = {}) => ({
    parameters: { Output: { outputFile: `/minio/${task}/Output` } },
    artifacts,
    outputFile: `/minio/${task}/output_metadata.json`,
  });
  const executorInputs: Record<string, object> = {
    make: { outputs: outputs("make", artifact) },
    use: { inputs: { artifacts: artifact }, outputs: outputs("use") },
  };

  /** The pod that Kubeflow's driver would make of an executor and its platform settings. */
  function podOf(task: string): JsonObject {
    const { container } = confidential.spec.deploymentSpec.executors?.[`exec-${task}`] ?? {};
    const settings = confidential.platform?.platforms.kubernetes?.deploymentSpec?.executors?.[
      `exec-${task}`
    ] as {
      nodeSelector: { labels: object };
      tolerations: object[];
      podMetadata: { labels: object; annotations: object };
      fieldPathAsEnv: { name: string; fieldPath: string }[];
    };
    const args = (container?.args ?? []).map((word) =>
      word === "{{$}}" ? JSON.stringify(executorInputs[task]) : word,
    );
    const { resourceType = "", resourceCount = "" } = container?.resources?.accelerator ?? {};
    const mounts = {
      broker: dirname(world.project.service.address.replace("unix:", "")),
      minio: join(scratch, "minio"),
    };
    return {
      apiVersion: "v1",
      kind: "Pod",
      metadata: {
        name: task,
        namespace: "default",
        labels: settings.podMetadata.labels,
        annotations: {
          ...settings.podMetadata.annotations,
          "workflows.argoproj.io/node-name": `loan-x1.root.${task}.executor`,
        },
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
            args,
            env: settings.fieldPathAsEnv.map(({ name, fieldPath }) => ({
              name,
              valueFrom: { fieldRef: { fieldPath } },
            })),
            resources: { limits: { [resourceType]: resourceCount } },
            volumeMounts: Object.keys(mounts).map((name) => ({ name, mountPath: `/${name}` })),
          },
        ],
        volumes: Object.entries(mounts).map(([name, path]) => ({ name, hostPath: { path } })),
      },
    } as unknown as JsonObject;
  }

  async function run(task: string): Promise<{ readonly pod: Pod; readonly log: string }> {
    await client.create(podOf(task) as unknown as KubeObject);
    const ref = { apiVersion: "v1", kind: "Pod", name: task, namespace: "default" };
    for (let tries = 0; tries < 600; tries++) {
      const pod = await client.get<Pod>(ref);
      if (pod.status?.phase === "Succeeded" || pod.status?.phase === "Failed") {
        let log = "";
        for await (const chunk of client.logs({ namespace: "default", name: task }, {})) log += chunk;
        return { pod, log };
      }
      await sleep(200);
    }
    throw new Error(JSON.stringify((await client.get<Pod>(ref)).status));
  }

  test("pull the image by digest, run on the SGX node, and hand ciphertext to each other", async () => {
    const made = await run("make");
    expect(made.log).toBe("");
    expect(made.pod.status?.phase).toBe("Succeeded");
    expect(made.pod.spec.nodeName).toBe(cluster.nodeName);
    expect(made.pod.status?.containerStatuses?.[0]?.imageID).toContain(lock.image.split("@")[1]);
    const used = await run("use");
    expect(used.log).toBe("");
    expect(readFileSync(join(scratch, "minio", "use", "Output"), "utf8")).toBe("3");
    const { tasks } = await world.project.broker.status(world.runId);
    expect(
      tasks
        .filter(({ state }) => state === "committed")
        .map(({ path }) => path)
        .sort(),
    ).toEqual(["make", "use"]);
    const outside = readdirSync(join(scratch, "minio"), { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), "latin1"));
    expect(outside.length).toBeGreaterThan(3);
    expect(outside.join("")).not.toContain(SECRET);
  });
});
