/**
 * What the network policies do where somebody enforces them: kube-router's controller, with nftables, on a real node. Pods that are
 * subject to them and some that are not say all the time whom they reach: before, under the policies, and after those are gone.
 */
import { execFileSync } from "node:child_process";
import { type AddressInfo, createServer, type Server } from "node:net";
import { afterAll, beforeAll, expect, it, vi } from "vitest";
import { startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { brokerObjects, exposureObjects } from "../src/broker/index.js";
import { applyObjects, connect, type KubeClient, type KubeObject } from "../src/index.js";
import { networkPolicies, taskPods } from "../src/install/network-policies.js";
import { CONFIDENTIAL_LABEL } from "../src/overlay/options.js";

/** Answers on ports, and says in one line after the other which of the targets answer. */
const program = `
import json, os, socket, threading, time
from concurrent.futures import ThreadPoolExecutor

def serve(server):
    while True:
        connection, _ = server.accept()
        connection.close()

for port in json.loads(os.environ["PORTS"]):
    threading.Thread(target=serve, args=(socket.create_server(("0.0.0.0", port)),), daemon=True).start()
targets = json.loads(os.environ["TARGETS"])

def answers(name):
    try:
        socket.create_connection(tuple(targets[name]), timeout=2).close()
        return True
    except OSError:
        return False

with ThreadPoolExecutor(16) as pool:
    while True:
        reached = [name for name, yes in zip(targets, pool.map(answers, targets)) if yes]
        print(json.dumps(reached), flush=True)
        time.sleep(0.5)
`;

type Targets = Readonly<Record<string, readonly [host: string, port: number]>>;

interface PodOf {
  readonly namespace: string;
  readonly name: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly ports?: readonly number[];
  readonly targets?: Targets;
}

function pod({ namespace, name, labels = {}, ports = [], targets = {} }: PodOf): KubeObject {
  const env = { PORTS: JSON.stringify(ports), TARGETS: JSON.stringify(targets) };
  const container = {
    ...{ name: "main", image: "localhost/python:3.11", command: ["python3", "-uc", program] },
    env: Object.entries(env).map(([variable, value]) => ({ name: variable, value })),
  };
  const spec = { terminationGracePeriodSeconds: 0, containers: [container] };
  return { apiVersion: "v1", kind: "Pod", metadata: { namespace, name, labels }, spec };
}

const brokerLabels = { "app.kubernetes.io/name": "sealflow-broker" };
const servers: readonly PodOf[] = [
  { namespace: "runs", name: "neighbour", ports: [8080] },
  { namespace: "kubeflow", name: "store", labels: { app: "seaweedfs" }, ports: [8333, 8443] },
  { namespace: "kubeflow", name: "other", labels: { app: "other" }, ports: [8080] },
  { namespace: "elsewhere", name: "stranger", ports: [8080] },
  { namespace: "owner", name: "deployed", labels: brokerLabels, ports: [8443, 9000] },
];

let cluster: TestCluster;
let client: KubeClient;
let targets: Targets = {};
const listening: Server[] = [];
beforeAll(async () => {
  cluster = await startCluster({ policies: true });
  client = connect({ kubeconfig: cluster.kubeconfig }, {});
  for (const name of ["runs", "kubeflow", "elsewhere", "owner"])
    await client.create({ apiVersion: "v1", kind: "Namespace", metadata: { name } });
  for (const each of servers) await client.create(pod(each));
  const { hostIp, nodeIp } = cluster;
  targets = {
    broker: [hostIp, await listen(hostIp)],
    bucket: [hostIp, await listen(hostIp)],
    "another service": [hostIp, await listen(hostIp)],
    "the internet": await beyond(),
    "the API server": [nodeIp, 6443],
    neighbour: [await address("runs", "neighbour"), 8080],
    "Kubeflow's store": [await address("kubeflow", "store"), 8333],
    "Kubeflow's webhook": [await address("kubeflow", "store"), 8443],
    "another pod of Kubeflow": [await address("kubeflow", "other"), 8080],
    stranger: [await address("elsewhere", "stranger"), 8080],
    "the deployed broker": [await address("owner", "deployed"), 8443],
    "another port of it": [await address("owner", "deployed"), 9000],
  };
  for (const each of Object.values(probes)) await client.create(pod({ ...each, targets }));
});
afterAll(async () => {
  for (const server of listening) server.close();
  client?.transport.close();
  await cluster?.stop();
});

const probes = {
  confidential: { namespace: "runs", name: "confidential", labels: CONFIDENTIAL_LABEL },
  task: { namespace: "kubeflow", name: "task", labels: taskPods },
  stranger: { namespace: "elsewhere", name: "probe" },
  broker: { namespace: "owner", name: "probe", labels: brokerLabels },
} as const;

async function listen(host: string): Promise<number> {
  const server = createServer((socket) => socket.end());
  listening.push(server);
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  return (server.address() as AddressInfo).port;
}

/** An address that is nobody's of the cluster, on the device that goes with it. */
async function beyond(): Promise<readonly [string, number]> {
  const address = cluster.hostIp.replace(/^10\.213\./, "10.215.");
  const shown = execFileSync("ip", ["-o", "-4", "addr", "show", "to", `${cluster.hostIp}/32`], {
    encoding: "utf8",
  });
  const device = shown.split(/\s+/)[1] ?? "";
  execFileSync("ip", ["addr", "add", `${address}/32`, "dev", device]);
  return [address, await listen(address)];
}

async function address(namespace: string, name: string): Promise<string> {
  const ref = { apiVersion: "v1", kind: "Pod", namespace, name };
  return vi.waitFor(
    async () => {
      const { status } = await client.get<KubeObject & { status?: { podIP?: string } }>(ref);
      if (status?.podIP === undefined) throw new Error(`pod ${name} has no address`);
      return status.podIP;
    },
    { timeout: 60_000, interval: 200 },
  );
}

/** What a pod said last. */
async function reached({ namespace, name }: { namespace: string; name: string }): Promise<string[]> {
  let text = "";
  try {
    for await (const chunk of client.logs({ namespace, name }, { tailLines: 1 })) text += chunk;
    return JSON.parse(text);
  } catch {
    return [`${name} says nothing yet`];
  }
}

const everybody = () =>
  Promise.all(Object.entries(probes).map(async ([who, probe]) => [who, await reached(probe)] as const));

function says(expected: Readonly<Record<keyof typeof probes, readonly string[]>>) {
  return expect.poll(everybody, { timeout: 60_000, interval: 500 }).toEqual(Object.entries(expected));
}

function policies(stranger: string): KubeObject[] {
  const [hostIp, port = 0] = targets.broker ?? [];
  const host = `${hostIp}`;
  const apiServer = [{ cidr: `${cluster.nodeIp}/32`, port: 6443 }];
  const bucket = { cidr: `${host}/32`, port: targets.bucket?.[1] ?? 0 };
  const deployment = {
    ...{ namespace: "owner", image: "broker", trust: "", policy: "", key: "", tlsCert: "", tlsKey: "" },
    serviceType: "ClusterIP" as const,
    ...{ storage: "1Gi", allowFrom: [`${stranger}/32`] },
  };
  return [
    ...exposureObjects({ namespace: "runs", host, port, addresses: [], also: [bucket] }),
    ...networkPolicies([], {
      namespace: "kubeflow",
      reach: { egress: [{ cidr: `${host}/32`, port }], apiServer },
    }),
    ...brokerObjects(deployment),
  ].filter(({ kind }) => kind === "NetworkPolicy");
}

it("network policies let pods reach what they name, and nothing else", async () => {
  const made = policies(await address("elsewhere", "probe"));
  const all = Object.keys(targets);
  await says({ confidential: all, task: all, stranger: all, broker: all });
  await applyObjects(client, made);
  const outside = ["broker", "bucket", "another service", "the internet", "the API server"];
  await says({
    confidential: ["broker", "bucket"],
    task: ["broker", "the API server", "Kubeflow's store", "Kubeflow's webhook"],
    // Not subject to any, and yet kept out by those of the others.
    stranger: [...outside, "neighbour", "Kubeflow's webhook", "stranger", "the deployed broker"],
    broker: [],
  });
  for (const { apiVersion, kind, metadata } of made)
    await client.delete({ apiVersion, kind, name: `${metadata.name}`, namespace: `${metadata.namespace}` });
  await says({ confidential: all, task: all, stranger: all, broker: all });
}, 180_000);
