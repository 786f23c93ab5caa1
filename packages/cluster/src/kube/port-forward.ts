/**
 * A port of a pod on this machine's loopback, through the API server.
 * Source: Kubernetes, `v4.channel.k8s.io` of pods/portforward: every message starts with its channel, data is channel 0
 * and errors are channel 1; the first message of each channel is the port in two bytes.
 */
import { createServer, type Server, type Socket } from "node:net";
import { SealflowError } from "@sealflow/core";
import type { KubeClient } from "./client.js";
import { resourcePath } from "./discovery.js";
import type { KubeObject } from "./objects.js";

/** A forwarded port. */
export interface PortForward {
  /** On 127.0.0.1. */
  readonly localPort: number;
  /** Why the last connection failed, where it did: its own end is told no more than that it was cut. */
  readonly failure: SealflowError | undefined;
  close(): Promise<void>;
}

/** What is forwarded. */
export interface ForwardTarget {
  readonly namespace: string;
  /** A pod, or the service in front of pods. */
  readonly pod?: string;
  readonly service?: string;
  /** Port of the pod, or of the service. */
  readonly port: number;
  /** Default: any that is free. */
  readonly localPort?: number;
}

/**
 * Listens on loopback and carries each connection to the pod. Where a service's pod is gone, the next one goes to another.
 *
 * @throws SealflowError `CLUSTER_FORWARD_FAILED`
 */
export async function forwardPort(client: KubeClient, target: ForwardTarget): Promise<PortForward> {
  const pods = new Pods(client, target);
  await pods.current();
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    carry(client, pods, socket).catch((error: unknown) => {
      pods.fail(error);
      socket.destroy();
    });
  });
  const localPort = await listening(server, target.localPort ?? 0);
  return {
    localPort,
    get failure() {
      return pods.failure;
    },
    close: () => {
      for (const socket of sockets) socket.destroy();
      return new Promise((done) => server.close(() => done()));
    },
  };
}

interface PodPort {
  readonly namespace: string;
  readonly pod: string;
  readonly port: number;
}

/** The pod that connections go to, looked up again after it failed. */
class Pods {
  private readonly client: KubeClient;
  private readonly target: ForwardTarget;
  private found: Promise<PodPort> | undefined;
  failure: SealflowError | undefined;

  constructor(client: KubeClient, target: ForwardTarget) {
    this.client = client;
    this.target = target;
  }

  current(): Promise<PodPort> {
    const found = this.found ?? podOf(this.client, this.target);
    this.found = found;
    found.catch((error: unknown) => this.fail(error));
    return found;
  }

  /** A connection did not come about, or was cut by the other side. */
  fail(error: unknown): void {
    this.found = undefined;
    const message = error instanceof Error ? error.message : String(error);
    this.failure = error instanceof SealflowError ? error : failed(message, error);
  }
}

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", (cause) => reject(failed(`port ${port} of 127.0.0.1: ${cause.message}`, cause)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

async function carry(client: KubeClient, pods: Pods, socket: Socket): Promise<void> {
  // Data that comes before the tunnel stands waits in the socket.
  socket.pause();
  const pod = await pods.current();
  const { WebSocket } = await import("ws");
  const { authorization, tls } = await client.transport.connection();
  const tunnel = new WebSocket(addressOf(client, pod), ["v4.channel.k8s.io"], {
    ...tls,
    headers: { ...(authorization === undefined ? {} : { authorization }) },
  });
  const fail = (reason: string, cause?: unknown) => {
    pods.fail(failed(`${pod.namespace}/${pod.pod}:${pod.port}: ${reason}`, cause));
    socket.destroy();
  };
  const greeted = new Set<number>();
  tunnel.on("message", (message: Buffer) => {
    const channel = message[0] ?? 0;
    if (!greeted.has(channel)) greeted.add(channel);
    else if (channel !== 0) fail(message.subarray(1).toString("utf8"));
    else {
      pods.failure = undefined;
      socket.write(message.subarray(1));
    }
  });
  tunnel.on("close", () => socket.end());
  tunnel.on("error", (cause: Error) => fail(cause.message, cause));
  tunnel.on("open", () => {
    socket.on("data", (chunk: Buffer) => tunnel.send(Buffer.concat([Buffer.of(0), chunk])));
    socket.on("end", () => tunnel.close());
    socket.resume();
  });
  socket.on("close", () => tunnel.terminate());
}

function addressOf(client: KubeClient, { namespace, pod, port }: PodPort): string {
  const path = resourcePath({ apiVersion: "v1", plural: "pods", namespaced: true }, { namespace, name: pod });
  return `${client.context.server.replace(/^http/, "ws")}${path}/portforward?ports=${port}`;
}

async function podOf(client: KubeClient, target: ForwardTarget): Promise<PodPort> {
  const { namespace, pod, service, port } = target;
  if (pod !== undefined) return { namespace, pod, port };
  const found = await client.get<ServiceObject>({
    apiVersion: "v1",
    kind: "Service",
    name: service ?? "",
    namespace,
  });
  const labelSelector = Object.entries(found.spec?.selector ?? {})
    .map(([name, value]) => `${name}=${value}`)
    .join(",");
  const pods = await client.list<PodObject>({ apiVersion: "v1", kind: "Pod" }, { namespace, labelSelector });
  const running = pods.items.filter(
    ({ status, metadata }) => status?.phase === "Running" && metadata.deletionTimestamp === undefined,
  );
  const chosen = running.find(isReady) ?? running[0];
  if (chosen === undefined) throw failed(`service ${namespace}/${service}: expected a running pod, got none`);
  const targetPort = found.spec?.ports?.find((each) => each.port === port)?.targetPort ?? port;
  return { namespace, pod: chosen.metadata.name ?? "", port: portNumber(chosen, targetPort) };
}

function isReady({ status }: PodObject): boolean {
  return status?.conditions?.some(({ type, status: is }) => type === "Ready" && is === "True") === true;
}

/** Named ports of services are names of container ports. */
function portNumber(pod: PodObject, port: number | string): number {
  if (typeof port === "number") return port;
  const ports = (pod.spec?.containers ?? []).flatMap((container) => container.ports ?? []);
  const named = ports.find(({ name }) => name === port);
  if (named !== undefined) return named.containerPort;
  throw failed(`pod ${pod.metadata.name}: expected a port named ${port}, got none`);
}

interface ServiceObject extends KubeObject {
  readonly spec?: {
    readonly selector?: Readonly<Record<string, string>>;
    readonly ports?: readonly { readonly port: number; readonly targetPort?: number | string }[];
  };
}

interface PodObject extends KubeObject {
  readonly spec?: {
    readonly containers?: readonly {
      readonly ports?: readonly { readonly name?: string; readonly containerPort: number }[];
    }[];
  };
  readonly status?: {
    readonly phase?: string;
    readonly conditions?: readonly { readonly type: string; readonly status: string }[];
  };
}

function failed(message: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_FORWARD_FAILED",
    message: `port-forward: ${message}`,
    hint: "Check that the pod runs and listens there, and that you may create pods/portforward.",
    ...(cause === undefined ? {} : { cause }),
  });
}
