/**
 * A way from pods to a broker on a machine that nobody reaches, for trying out: a pod in the cluster takes their connections,
 * and this machine fetches them through the Kubernetes API's port-forward. TLS ends in the pods and in the broker.
 */
import { readFileSync } from "node:fs";
import { type Socket, connect as tcpConnect } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isJsonObject, SealflowError } from "@sealflow/core";
import { applyObjects } from "../install/apply.js";
import { reasonOfPod } from "../install/status.js";
import type { KubeClient } from "../kube/client.js";
import { type KubeObject, refOf } from "../kube/objects.js";
import { forwardPort } from "../kube/port-forward.js";
import { CONFIDENTIAL_LABEL } from "../overlay/options.js";
import { brokerPort } from "./objects.js";

/** What a tunnel joins. */
export interface TunnelOptions {
  readonly client: KubeClient;
  /** Namespace of the runs. */
  readonly namespace: string;
  /** Image with Python 3.11 or newer, by digest. */
  readonly image: string;
  /** Directory with the Python package `sealflow`. */
  readonly pythonSources: string;
  /** The broker, as this machine reaches it. */
  readonly host: string;
  readonly port: number;
}

/** An open tunnel. */
export interface Tunnel {
  /** `https://NAME.NAMESPACE.svc:PORT` */
  readonly url: string;
  /** Address of its pod, for clusters without a name service. */
  readonly podIp: string;
  /** Closes it and removes what was made for it. */
  close(): Promise<void>;
}

const name = "sealflow-broker-tunnel";
const heldPort = 8444;
/** Connections that wait at the far end: as many pods may come at the same moment. */
const HELD = 8;
const READY_MS = 180_000;

/**
 * Opens a tunnel.
 *
 * @throws SealflowError `CLUSTER_TUNNEL_POD` when its pod does not run, `CLUSTER_…` of the API
 */
export async function openTunnel(options: TunnelOptions): Promise<Tunnel> {
  const { client, namespace } = options;
  const objects = tunnelObjects(options);
  const remove = async () => {
    for (const object of objects.toReversed())
      await client.delete(refOf(object), { graceSeconds: 0 }).catch(() => false);
  };
  try {
    await applyObjects(client, objects);
    const podIp = await running(client, namespace);
    await listening(client, namespace);
    const forward = await forwardPort(client, { namespace, pod: name, port: heldPort });
    const ends = new HeldEnds(forward.localPort, options);
    ends.open();
    return {
      url: `https://${name}.${namespace}.svc:${brokerPort}`,
      podIp,
      close: async () => {
        ends.close();
        await forward.close();
        await remove();
      },
    };
  } catch (error) {
    await remove();
    throw error;
  }
}

function tunnelObjects({ namespace, image, pythonSources }: TunnelOptions): readonly KubeObject[] {
  const labels = { "app.kubernetes.io/name": name, "app.kubernetes.io/managed-by": "sealflow" };
  const metadata = { name, namespace, labels };
  const program = readFileSync(join(pythonSources, "sealflow", "relay.py"), "utf8");
  return [
    { apiVersion: "v1", kind: "ConfigMap", metadata, data: { "relay.py": program } },
    {
      ...{ apiVersion: "v1", kind: "Service", metadata },
      spec: {
        selector: { "app.kubernetes.io/name": name },
        ports: [{ name: "https", port: brokerPort, targetPort: brokerPort, protocol: "TCP" }],
      },
    },
    {
      ...{ apiVersion: "networking.k8s.io/v1", kind: "NetworkPolicy", metadata },
      spec: {
        podSelector: { matchLabels: CONFIDENTIAL_LABEL },
        policyTypes: ["Egress"],
        egress: [
          {
            to: [{ podSelector: { matchLabels: { "app.kubernetes.io/name": name } } }],
            ports: [{ port: brokerPort, protocol: "TCP" }],
          },
        ],
      },
    },
    { apiVersion: "v1", kind: "Pod", metadata, spec: podSpec(image) },
  ];
}

function podSpec(image: string) {
  return {
    ...{ restartPolicy: "Always", automountServiceAccountToken: false, enableServiceLinks: false },
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: 65532, runAsGroup: 65532 },
      seccompProfile: { type: "RuntimeDefault" },
    },
    // It carries ciphertext and needs no enclave: wherever there is room.
    tolerations: [{ operator: "Exists" }],
    containers: [
      {
        ...{ name: "relay", image },
        command: ["python3", "-I", "-B", "/relay/relay.py", String(brokerPort), String(heldPort)],
        ports: [{ containerPort: brokerPort, protocol: "TCP" }],
        resources: { requests: { cpu: "10m", memory: "32Mi" }, limits: { memory: "128Mi" } },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: [{ name: "relay", mountPath: "/relay", readOnly: true }],
      },
    ],
    volumes: [{ name: "relay", configMap: { name } }],
  };
}

async function running(client: KubeClient, namespace: string): Promise<string> {
  const end = Date.now() + READY_MS;
  for (;;) {
    const pod = await client.get({ apiVersion: "v1", kind: "Pod", name, namespace });
    const status = isJsonObject(pod.status) ? pod.status : {};
    if (status.phase === "Running" && typeof status.podIP === "string") return status.podIP;
    if (Date.now() > end) {
      throw new SealflowError({
        code: "CLUSTER_TUNNEL_POD",
        message: `pod ${namespace}/${name}: expected it to run, got ${reasonOfPod(pod) ?? String(status.phase)}`,
      });
    }
    await sleep(300);
  }
}

/** A pod runs a moment before the program in it listens: that says so in its output. */
async function listening(client: KubeClient, namespace: string): Promise<void> {
  const signal = AbortSignal.timeout(READY_MS);
  for await (const said of client.logs({ namespace, name }, { follow: true, signal }))
    if (said.includes("listening")) return;
}

/** Connections to the far end that wait for pods; each one that starts is joined to the broker and replaced. */
class HeldEnds {
  private readonly localPort: number;
  private readonly broker: Pick<TunnelOptions, "host" | "port">;
  private readonly sockets = new Set<Socket>();
  private closed = false;

  constructor(localPort: number, broker: Pick<TunnelOptions, "host" | "port">) {
    this.localPort = localPort;
    this.broker = broker;
  }

  open(): void {
    for (let number = 0; number < HELD; number++) this.hold();
  }

  close(): void {
    this.closed = true;
    for (const socket of this.sockets) socket.destroy();
  }

  private hold(delayMs = 0): void {
    if (this.closed) return;
    const held = this.kept(tcpConnect({ host: "127.0.0.1", port: this.localPort }));
    let started = false;
    held.once("data", (first) => {
      started = true;
      held.pause();
      this.hold();
      this.join(held, first.subarray(1));
    });
    held.once("close", () => {
      if (!started) setTimeout(() => this.hold(Math.min(5000, 2 * delayMs + 200)), delayMs + 200).unref();
    });
  }

  private join(held: Socket, rest: Uint8Array): void {
    const broker = this.kept(tcpConnect(this.broker));
    broker.once("connect", () => {
      if (rest.length > 0) broker.write(rest);
      held.pipe(broker);
      broker.pipe(held);
    });
    broker.once("close", () => held.destroy());
    held.once("close", () => broker.destroy());
  }

  private kept(socket: Socket): Socket {
    this.sockets.add(socket);
    socket.once("close", () => this.sockets.delete(socket));
    // Its close says the same.
    socket.on("error", () => {});
    return socket;
  }
}
