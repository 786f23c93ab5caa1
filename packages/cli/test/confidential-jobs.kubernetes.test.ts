/**
 * Confidential runs as Jobs of a real cluster: a real kubelet pulls the measured image by digest from a real registry, artifacts
 * are ciphertext in a real S3-compatible store, and pods reach the broker outside the cluster over TLS with its pin.
 */
import { chmodSync, mkdirSync, readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeSgxNode, startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../test-support/registry.js";
import { type StoreServer, s3Server } from "../../../test-support/stores/servers.js";
import {
  checkedFetch,
  connect,
  type KubeClient,
  type KubeObject,
  openArtifactStore,
} from "../../cluster/src/index.js";
import { ConfidentialWorld, must, runArguments, secrets } from "./support/confidential-world.js";
import { pushNodeBase } from "./support/node-base.js";
import { serving } from "./support/serving.js";

const program = registryProgram();

interface BrokerPod extends KubeObject {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function hasCondition(pod: BrokerPod | undefined, type: string): boolean {
  return (pod?.status?.conditions ?? []).some((each) => each.type === type && each.status === "True");
}

describe.skipIf(program === undefined)("a confidential run as Jobs", () => {
  let world: ConfidentialWorld;
  let registry: TestRegistry;
  let cluster: TestCluster;
  let client: KubeClient;
  let objects: StoreServer;

  beforeAll(async () => {
    const registryPort = 20_000 + (process.pid % 20_000);
    cluster = await startCluster({ registryPort });
    client = connect({ kubeconfig: cluster.kubeconfig }, {});
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    registry = await startRegistry(program ?? "", cluster.hostIp, registryPort);
    // The registry stands in a network that the test made, without TLS.
    const real = globalThis.fetch;
    const secure = `https://${registry.host}/`;
    const plain = `http://${registry.host}/`;
    vi.stubGlobal("fetch", (url: string | URL | Request, init?: RequestInit) =>
      real(url instanceof Request ? url : String(url).replace(secure, plain), init),
    );
    objects = await s3Server(cluster.hostIp);
    world = new ConfidentialWorld({ host: cluster.hostIp, registry: registry.host });
    world.environment = { ...objects.environment, KUBECONFIG: cluster.kubeconfig };
    await world.open();
  }, 300_000);
  afterAll(async () => {
    await world?.close();
    client?.transport.close();
    await objects?.stop();
    await registry?.stop();
    await cluster?.stop();
    vi.unstubAllGlobals();
  });

  const run = (settings = world.settings()) => {
    const where = ["--on", "k8s:test", "--namespace", "default", "--artifacts", objects.uri];
    const pool = ["--taint", "sgx=true:NoSchedule"];
    const what = [...where, ...pool, ...settings, ...runArguments];
    return world.near("run", "pipeline.ts", "--sealed", "--json", ...what);
  };
  const store = () =>
    openArtifactStore(objects.uri, { environment: objects.environment, fetch, now: Date.now });

  it("ends with outputs that its bundle proves, and leaves ciphertext in the store", async () => {
    const outcome = await run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({
      state: "SUCCEEDED",
      outputs: { rows: 3, accuracy: 0.875 },
      sealed: { enclaves: "simulated" },
    });
    const keys = (await store().list("")).filter((key) => !key.endsWith("result.json"));
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) {
      const text = Buffer.from((await store().get(key)) ?? "").toString("latin1");
      expect(text.startsWith("SEALFLOW"), key).toBe(true);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    expect(await must(world.near("runs", "logs", summary.runId, "load"))).toContain(secrets[0]);
    await must(world.near("bundle", summary.runId, "-o", "jobs.bundle"));
    const verified = JSON.parse(await must(world.near("verify", "jobs.bundle", "--json")));
    expect(verified).toMatchObject({ verdict: "trusted", run: { state: "SUCCEEDED", simulated: true } });
  }, 240_000);

  it("is granted its keys by a broker that was deployed into a cluster, and survives that one's restart", async () => {
    const node = await pushNodeBase(world.repository("base/python"), world.base);
    const base = `${registry.host}/base/python@${node}`;
    const image = ["--base", base, "--to", `${registry.host}/team/broker`, "--json"];
    const { image: built } = JSON.parse(await must(world.as("owner", "broker", "image", ...image)));
    // The only node here is one for enclaves.
    await client.patch(
      { apiVersion: "v1", kind: "Node", name: cluster.nodeName },
      { spec: { taints: null } },
    );
    await volume("broker-records", world.path("records"));
    const files = ["--trust", world.path("near", "trust.yaml"), "--policy", "policy.signed"];
    const tls = ["--tls-cert", world.path("broker.crt"), "--tls-key", world.path("broker.key")];
    const deploy = [
      "--image",
      built,
      ...files,
      ...tls,
      "--storage-class",
      "by-hand",
      "--allow-from",
      "10.0.0.0/8",
      "--timeout",
      "90s",
    ];
    const dry = await must(world.as("owner", "broker", "deploy", ...deploy, "--dry-run"));
    expect(dry).toContain("kind: StatefulSet");
    const { ok, pin } = JSON.parse(await must(world.as("owner", "broker", "deploy", ...deploy, "--json")));
    expect([ok, pin]).toEqual([true, world.brokerPin]);
    const again = await world.as("owner", "broker", "deploy", ...deploy, "--json");
    expect(again.stderr).not.toMatch(/^(created|changed)/m);
    expect(JSON.parse(again.stdout)).toMatchObject({ created: 0, changed: 0 });
    const outcome = await run(world.settings(`https://${await brokerAddress()}:8443`));
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const { runId } = JSON.parse(outcome.stdout);
    // Its records outlive its pod.
    const before = (await brokerPod())?.metadata.uid;
    await removePods("sealflow-broker", { labelSelector: "app.kubernetes.io/name=sealflow-broker" });
    const another = async () => {
      const pod = await brokerPod();
      return pod?.metadata.uid !== before && hasCondition(pod, "Ready");
    };
    await expect.poll(another, { timeout: 120_000, interval: 1000 }).toBe(true);
    await must(world.as("owner", "broker", "deploy", "status"));
    const direct = ["--broker", `https://${await brokerAddress()}:8443`, "--broker-pin", pin];
    await must(world.near("bundle", runId, "-o", "deployed.bundle", ...direct));
    await must(world.near("verify", "deployed.bundle"));
    const removed = await must(world.as("owner", "broker", "deploy", "remove", "--yes"));
    expect(removed).toContain("records");
    expect((await world.as("owner", "broker", "deploy", "status", "--json")).exitCode).toBe(1);
  }, 300_000);

  async function volume(name: string, path: string): Promise<void> {
    mkdirSync(path);
    chmodSync(path, 0o777);
    await client.create({
      apiVersion: "v1",
      kind: "PersistentVolume",
      metadata: { name },
      spec: {
        ...{ capacity: { storage: "1Gi" }, accessModes: ["ReadWriteOnce"], storageClassName: "by-hand" },
        hostPath: { path },
      },
    });
  }

  async function brokerPod(): Promise<BrokerPod | undefined> {
    const ref = { apiVersion: "v1", kind: "Pod", name: "sealflow-broker-0", namespace: "sealflow-broker" };
    return client.find<BrokerPod>(ref);
  }

  /** Of the deployed broker's pod: services have no addresses without kube-proxy. */
  async function brokerAddress(): Promise<string> {
    return (await brokerPod())?.status?.podIP ?? "";
  }

  it("reaches a broker on a machine that nobody reaches through a tunnel, and believes its key alone", async () => {
    const image = `${registry.host}/base/python@${world.base}`;
    const open = ["--namespace", "default", "--broker", world.broker, "--image", image];
    const tunnel = await serving(["broker", "tunnel", ...open], world.options("owner"));
    expect(tunnel.said).toMatchObject({ pin: world.brokerPin });
    const through = `${tunnel.said.direct}`;
    expect((await checkedFetch({ pin: world.brokerPin })(`${through}/v1/broker`)).status).toBe(200);
    const outcome = await run([...world.settings(through), "--broker-here", world.broker]);
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    expect((await tunnel.stop()).exitCode).toBe(0);
    expect(
      await client.find({
        apiVersion: "v1",
        kind: "Pod",
        name: "sealflow-broker-tunnel",
        namespace: "default",
      }),
    ).toBeUndefined();
  }, 240_000);

  it("tells nothing to somebody in the broker's place: the pod holds the certificate against its pin", async () => {
    const outcome = await run([...world.settings(world.impostor), "--broker-here", world.broker]);
    expect(outcome.exitCode).toBe(1);
    const { runId } = JSON.parse(outcome.stdout);
    expect(await must(world.near("runs", "logs", runId, "load"))).toContain("SEALED_BROKER_PIN");
  }, 120_000);

  it("is let out to its broker by a service and a rule that the API server takes, twice without a change", async () => {
    const store = new URL(objects.environment.AWS_ENDPOINT_URL_S3 ?? "");
    const also = ["--allow-egress", `${store.hostname}/32:${store.port}`, "--namespace", "default"];
    const expose = () => world.near("broker", "expose", "--broker", world.broker, ...also, "--json");
    const first = JSON.parse(await must(expose()));
    expect(first).toMatchObject({ pin: world.brokerPin, created: 3, direct: world.broker });
    expect(JSON.parse(await must(expose()))).toMatchObject({ created: 0, changed: 0, unchanged: 3 });
    const policy = { apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", namespace: "default" };
    const { spec } = await client.get<KubeObject>({ ...policy, name: "sealflow-broker-outside" });
    const { hostname, port } = new URL(world.broker);
    expect(spec).toMatchObject({
      podSelector: { matchLabels: { "sealflow.dev/confidential": "true" } },
      egress: expect.arrayContaining([
        { to: [{ ipBlock: { cidr: `${hostname}/32` } }], ports: [{ port: Number(port), protocol: "TCP" }] },
      ]),
    });
    const named = ["--broker", "https://broker.owner.example:8443", "--address", "192.0.2.7", "--dry-run"];
    expect(await must(world.near("broker", "expose", ...named))).toContain(
      "externalName: broker.owner.example",
    );
    const nowhere = await world.near("broker", "expose", "--broker", "https://broker.invalid", "--dry-run");
    expect(nowhere.stderr).toContain("CLUSTER_BROKER_ADDRESS");
  });

  it("goes on where a pod died behind its commit: nothing runs twice, and nothing is lost", async () => {
    const proxy = await killingProxy("load");
    const failed = await run(world.settings(proxy.url));
    const { runId, state } = JSON.parse(failed.stdout);
    expect([state, proxy.killed()]).toEqual(["FAILED", 1]);
    proxy.revive();
    const again = ["--on", "k8s:test", "--namespace", "default", "--artifacts", objects.uri, "--json"];
    const retried = await world.near("retry", runId, ...again);
    await proxy.stop();
    expect(retried, retried.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(retried.stdout)).toMatchObject({ state: "SUCCEEDED", outputs: { rows: 3 } });
    const direct = ["--broker", world.broker, "--broker-pin", world.brokerPin];
    await must(world.near("bundle", runId, "-o", "died.bundle", ...direct));
    const { run: proven } = JSON.parse(await must(world.near("verify", "died.bundle", "--json")));
    expect(proven.tasks.find(({ path }: { path: string }) => path === "load")).toMatchObject({ attempts: 1 });
  }, 240_000);

  /**
   * The broker behind somebody who removes a task's pod when its commit is answered, before the answer comes. Until it is told
   * otherwise it answers none of the task's commits: a pod can ask again in the moment before it is gone.
   */
  async function killingProxy(path: string) {
    const onwards = checkedFetch({ pin: world.brokerPin });
    let killed = 0;
    let deaf = true;
    const server = createServer(
      { key: readFileSync(world.path("broker.key")), cert: readFileSync(world.path("broker.crt")) },
      async (request, response) => {
        let body = "";
        for await (const part of request) body += part;
        const { method = "GET", url = "" } = request;
        const headers = { "content-type": "application/json" };
        const doomed = deaf && url.endsWith("/commits") && JSON.parse(body).path === path;
        if (doomed && killed > 0) return response.destroy();
        const answer = await onwards(`${world.broker}${url}`, { method, headers, ...(body && { body }) });
        if (doomed) {
          killed += 1;
          await removePod(path);
          return response.destroy();
        }
        response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, cluster.hostIp, resolve));
    const { port } = server.address() as AddressInfo;
    const stop = async () => {
      server.closeAllConnections();
      server.close();
    };
    const revive = () => {
      deaf = false;
    };
    return { url: `https://${cluster.hostIp}:${port}`, killed: () => killed, revive, stop };
  }

  async function removePod(path: string): Promise<void> {
    const kind = { apiVersion: "v1", kind: "Pod" };
    const { items } = await client.list<KubeObject>(kind, { namespace: "default" });
    for (const { metadata } of items) {
      if (metadata.annotations?.["sealflow.dev/path"] !== path) continue;
      await client.delete({ ...kind, name: metadata.name ?? "", namespace: "default" }, { graceSeconds: 0 });
    }
  }

  async function removePods(namespace: string, choice: { readonly labelSelector: string }): Promise<void> {
    const kind = { apiVersion: "v1", kind: "Pod" };
    const { items } = await client.list<KubeObject>(kind, { namespace, ...choice });
    for (const { metadata } of items)
      await client.delete({ ...kind, name: metadata.name ?? "", namespace }, { graceSeconds: 1 });
  }
});
