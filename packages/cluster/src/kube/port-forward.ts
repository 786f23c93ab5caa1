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
 * Listens on loopback and carries each connection to the pod.
 *
 * @throws SealflowError `CLUSTER_FORWARD_FAILED`
 */
export async function forwardPort(client: KubeClient, target: ForwardTarget): Promise<PortForward> {
  const resolved = await podOf(client, target);
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on("close", () => sockets.delete(socket));
    socket.on("error", () => socket.destroy());
    carry(client, resolved, socket).catch((error: unknown) => {
      socket.destroy(error instanceof Error ? error : undefined);
    });
  });
  const localPort = await listening(server, target.localPort ?? 0);
  return {
    localPort,
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

function listening(server: Server, port: number): Promise<number> {
  return new Promise((resolve, reject) => {
    server.on("error", (cause) => reject(failed(`port ${port} of 127.0.0.1: ${cause.message}`, cause)));
    server.listen(port, "127.0.0.1", () => {
      const address = server.address();
      resolve(typeof address === "object" && address !== null ? address.port : port);
    });
  });
}

async function carry(client: KubeClient, { namespace, pod, port }: PodPort, socket: Socket): Promise<void> {
  // Data that comes before the tunnel stands waits in the socket.
  socket.pause();
  const { WebSocket } = await import("ws");
  const { authorization, tls } = await client.transport.connection();
  const path = resourcePath({ apiVersion: "v1", plural: "pods", namespaced: true }, { namespace, name: pod });
  const url = `${client.context.server.replace(/^http/, "ws")}${path}/portforward?ports=${port}`;
  const tunnel = new WebSocket(url, ["v4.channel.k8s.io"], {
    ...tls,
    headers: { ...(authorization === undefined ? {} : { authorization }) },
  });
  const greeted = new Set<number>();
  tunnel.on("message", (message: Buffer) => {
    const channel = message[0] ?? 0;
    if (!greeted.has(channel)) greeted.add(channel);
    else if (channel === 0) socket.write(message.subarray(1));
    else socket.destroy(failed(`${namespace}/${pod}:${port}: ${message.subarray(1).toString("utf8")}`));
  });
  tunnel.on("close", () => socket.end());
  tunnel.on("error", (cause: Error) => socket.destroy(cause));
  tunnel.on("open", () => {
    socket.on("data", (chunk: Buffer) => tunnel.send(Buffer.concat([Buffer.of(0), chunk])));
    socket.on("end", () => tunnel.close());
    socket.resume();
  });
  socket.on("close", () => tunnel.terminate());
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
  const ready = pods.items.find(
    ({ status, metadata }) => status?.phase === "Running" && metadata.deletionTimestamp === undefined,
  );
  if (ready === undefined) throw failed(`service ${namespace}/${service}: expected a running pod, got none`);
  const targetPort = found.spec?.ports?.find((each) => each.port === port)?.targetPort ?? port;
  return { namespace, pod: ready.metadata.name ?? "", port: portNumber(ready, targetPort) };
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
  readonly status?: { readonly phase?: string };
}

function failed(message: string, cause?: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_FORWARD_FAILED",
    message: `port-forward: ${message}`,
    hint: "Check that the pod runs and listens there, and that you may create pods/portforward.",
    ...(cause === undefined ? {} : { cause }),
  });
}
