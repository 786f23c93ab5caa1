/**
 * Confidential runs as Jobs of a real cluster: a real kubelet pulls the measured image by digest from a real registry, artifacts
 * are ciphertext in a real S3-compatible store, and pods reach the broker outside the cluster over TLS with its pin.
 */
import { spawn } from "node:child_process";
import { chmodSync, existsSync, mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import type { TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { registryProgram } from "../../../test-support/registry.js";
import type { StoreServer } from "../../../test-support/stores/servers.js";
import { checkedFetch, type KubeClient, type KubeObject } from "../../cluster/src/index.js";
import { brokerProxy } from "./support/broker-proxy.js";
import { type ConfidentialCluster, openConfidentialCluster } from "./support/confidential-cluster.js";
import { type ConfidentialWorld, must, runArguments, secrets } from "./support/confidential-world.js";
import { pushNodeBase } from "./support/node-base.js";
import { serving } from "./support/serving.js";

const registry = registryProgram();
const program = fileURLToPath(new URL("../bin/sealflow.js", import.meta.url));
const bundled = fileURLToPath(new URL("../dist/bundle/bin.js", import.meta.url));

interface PodStatus {
  readonly phase?: string;
}

interface BrokerPod extends KubeObject {
  readonly status?: {
    readonly podIP?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function hasCondition(pod: BrokerPod | undefined, type: string): boolean {
  return (pod?.status?.conditions ?? []).some((each) => each.type === type && each.status === "True");
}

describe.skipIf(registry === undefined)("a confidential run as Jobs", () => {
  let here: ConfidentialCluster;
  let world: ConfidentialWorld;
  let cluster: TestCluster;
  let client: KubeClient;
  let objects: StoreServer;

  beforeAll(async () => {
    here = await openConfidentialCluster(registry ?? "");
    ({ world, cluster, client, objects } = here);
  }, 300_000);
  afterAll(() => here?.close());

  it("ends with outputs that its bundle proves, and leaves ciphertext in the store", async () => {
    const outcome = await here.run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({
      state: "SUCCEEDED",
      outputs: { rows: 3, accuracy: 0.875 },
      sealed: { enclaves: "simulated" },
    });
    const keys = (await here.store().list("")).filter((key) => !key.endsWith("result.json"));
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) {
      const text = Buffer.from((await here.store().get(key)) ?? "").toString("latin1");
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
    const base = `${here.registry}/base/python@${node}`;
    const image = ["--base", base, "--to", `${here.registry}/team/broker`, "--json"];
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
    const outcome = await here.run(world.settings(`https://${await brokerAddress()}:8443`));
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
    const image = `${here.registry}/base/python@${world.base}`;
    const open = ["--namespace", "default", "--broker", world.broker, "--image", image];
    const tunnel = await serving(["broker", "tunnel", ...open], world.options("owner"));
    expect(tunnel.said).toMatchObject({ pin: world.brokerPin });
    const through = `${tunnel.said.direct}`;
    expect((await checkedFetch({ pin: world.brokerPin })(`${through}/v1/broker`)).status).toBe(200);
    const outcome = await here.run([...world.settings(through), "--broker-here", world.broker]);
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
    const outcome = await here.run([...world.settings(world.impostor), "--broker-here", world.broker]);
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
    // Until it is told otherwise it answers none of the task's commits: a pod can ask again in the moment before it is gone.
    let [killed, deaf] = [0, true];
    const proxy = await brokerProxy(world, async ({ what, path }, pass) => {
      if (!deaf || what !== "commits" || path !== "load") return pass();
      if (killed === 0) await pass();
      killed += 1;
      for (const { metadata } of await here.podsOf(path)) await remove(metadata.name ?? "");
      return undefined;
    });
    const failed = await here.run(world.settings(proxy.url));
    const { runId, state } = JSON.parse(failed.stdout);
    expect(state).toBe("FAILED");
    expect(killed).toBeGreaterThan(0);
    deaf = false;
    const retried = await world.near("retry", runId, ...here.again);
    proxy.stop();
    expect(retried, retried.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(retried.stdout)).toMatchObject({ state: "SUCCEEDED", outputs: { rows: 3 } });
    expect(await attempts(runId)).toMatchObject({ load: 1 });
  }, 240_000);

  it("ends well with two pods of one task at once: the first commit counts, and its artifacts stay", async () => {
    // Both ask before one is answered, and both have written their outputs before one commits.
    const [asking, committing] = [meeting(2), meeting(2)];
    let twin: Promise<unknown> | undefined;
    const proxy = await brokerProxy(world, async ({ what, path }, pass) => {
      if (path !== "train") return pass();
      if (what === "challenges") twin ??= here.podsOf(path).then(([pod]) => client.create(twinOf(pod)));
      const answer = what === "challenges" ? await pass() : undefined;
      if (what === "challenges") await asking();
      if (what === "commits") await committing();
      return answer ?? pass();
    });
    const outcome = await here.run(world.settings(proxy.url));
    await twin;
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const { runId, state } = JSON.parse(outcome.stdout);
    expect(state).toBe("SUCCEEDED");
    const phase = async () => (await here.podsOf("train")).map(({ status }) => (status as PodStatus).phase);
    await expect.poll(phase, { timeout: 30_000 }).toEqual(["Succeeded"]);
    proxy.stop();
    expect(await attempts(runId)).toMatchObject({ load: 1, train: 2 });
    for (const { metadata } of await here.podsOf("train")) await remove(metadata.name ?? "");
  }, 240_000);

  it.skipIf(!existsSync(bundled))(
    "goes on after a kill of the program itself: what ran meanwhile counts, nothing runs twice",
    async () => {
      const flags = [...here.where, ...world.settings(), ...runArguments, "--param", "seconds=6"];
      const { cwd, env } = world.options("near");
      const child = spawn(process.execPath, [program, "run", "pipeline.ts", "--sealed", ...flags], {
        ...{ cwd, env, stdio: "ignore" },
      });
      const ended = new Promise((resolve) => child.once("close", resolve));
      const phases = async () =>
        (await here.podsOf("train")).map(({ status }) => (status as PodStatus).phase);
      await expect.poll(phases, { timeout: 90_000 }).toEqual(["Running"]);
      child.kill("SIGKILL");
      await ended;
      const [pod] = await here.podsOf("train");
      // The task ends while nobody looks.
      await expect.poll(phases, { timeout: 60_000 }).toEqual(["Succeeded"]);
      const resumed = await world.near("resume", "latest", ...here.again);
      expect(resumed, resumed.stderr).toMatchObject({ exitCode: 0 });
      const { runId, state, outputs } = JSON.parse(resumed.stdout);
      expect([state, outputs]).toEqual(["SUCCEEDED", { rows: 3, accuracy: 0.875 }]);
      expect(pod?.metadata.labels?.["sealflow.dev/run"]).toBe(runId);
      expect(new Set(Object.values(await attempts(runId)))).toEqual(new Set([1]));
    },
    240_000,
  );

  /** Lets nobody pass before so many are there. */
  function meeting(size: number): () => Promise<void> {
    const waiting: (() => void)[] = [];
    return () =>
      new Promise((resolve) => {
        waiting.push(resolve);
        if (waiting.length >= size) for (const go of waiting) go();
      });
  }

  /** How many grants each task took that ran, as the run's bundle proves. */
  async function attempts(runId: string): Promise<Record<string, number>> {
    const direct = ["--broker", world.broker, "--broker-pin", world.brokerPin];
    await must(world.near("bundle", runId, "-o", `${runId}.bundle`, ...direct));
    const { verdict, run } = JSON.parse(await must(world.near("verify", `${runId}.bundle`, "--json")));
    expect(verdict).toBe("trusted");
    const tasks = run.tasks as { path: string; attempts: number }[];
    return Object.fromEntries(
      tasks.filter((task) => task.attempts > 0).map((task) => [task.path, task.attempts]),
    );
  }

  /** The same pod once more, as when a node was given up on which it goes on; no controller knows of it. */
  function twinOf(pod: KubeObject | undefined): KubeObject {
    const { nodeName: _, ...spec } = (pod?.spec ?? {}) as Record<string, unknown>;
    const { annotations = {}, name } = pod?.metadata ?? {};
    const labels = { "sealflow.dev/confidential": "true" };
    const metadata = { name: `${name}-twin`, namespace: "default", annotations, labels };
    return { apiVersion: "v1", kind: "Pod", metadata, spec };
  }

  async function remove(name: string): Promise<void> {
    await client.delete({ apiVersion: "v1", kind: "Pod", name, namespace: "default" }, { graceSeconds: 0 });
  }

  async function removePods(namespace: string, choice: { readonly labelSelector: string }): Promise<void> {
    const kind = { apiVersion: "v1", kind: "Pod" };
    const { items } = await client.list<KubeObject>(kind, { namespace, ...choice });
    for (const { metadata } of items)
      await client.delete({ ...kind, name: metadata.name ?? "", namespace }, { graceSeconds: 1 });
  }
});
