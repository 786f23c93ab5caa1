/** A context, opened: an address that answers and the credentials for it. */
import type { Fetch } from "@sealflow/core";
import { type ClientOptions, MetadataClient } from "@sealflow/kfp";
import { connect, type KubeClient } from "../kube/client.js";
import { forwardPort } from "../kube/port-forward.js";
import type { ClusterContext } from "./contexts.js";
import { dexSession } from "./dex.js";
import { metadataPlace } from "./metadata-place.js";
import { readSecret } from "./secret-source.js";

/** An open context. */
export interface Session {
  readonly client: ClientOptions;
  readonly namespace: string | undefined;
  /** The Kubernetes API, where the context goes through it. */
  readonly kube: KubeClient | undefined;
  /** Kubeflow's ML Metadata; the way to it is opened when it is first asked for. @throws SealflowError `CLUSTER_…` */
  metadata(): Promise<MetadataClient>;
  close(): Promise<void>;
}

type Environment = Readonly<Partial<Record<string, string>>>;

/**
 * Opens a context: forwards a port where it goes through Kubernetes, logs in where it has a session.
 *
 * @throws SealflowError `CLUSTER_…`
 */
export async function openSession(
  context: ClusterContext,
  environment: Environment,
  fetch: Fetch = globalThis.fetch,
): Promise<Session> {
  const reached = await reach(context, environment);
  try {
    const client = await authenticated(context, { baseUrl: reached.baseUrl, environment, fetch });
    return new OpenSession(context, reached, client);
  } catch (error) {
    await reached.close();
    throw error;
  }
}

class OpenSession implements Session {
  readonly client: ClientOptions;
  readonly namespace: string | undefined;
  readonly kube: KubeClient | undefined;
  private readonly context: ClusterContext;
  private readonly reached: Reached;
  private door: Promise<MetadataDoor> | undefined;

  constructor(context: ClusterContext, reached: Reached, client: ClientOptions) {
    this.context = context;
    this.reached = reached;
    this.client = client;
    this.namespace = context.namespace;
    this.kube = reached.kube;
  }

  async metadata(): Promise<MetadataClient> {
    const opening = this.door ?? openMetadata(this.context, this.reached.kube, this.client);
    this.door = opening;
    // A way that could not be opened is tried anew when it is asked for again.
    opening.catch(() => {
      if (this.door === opening) this.door = undefined;
    });
    return (await opening).client;
  }

  async close(): Promise<void> {
    const door = await this.door?.catch(() => undefined);
    await door?.close();
    await this.reached.close();
  }
}

interface MetadataDoor {
  readonly client: MetadataClient;
  readonly close: () => Promise<void>;
}

async function openMetadata(
  context: ClusterContext,
  kube: KubeClient | undefined,
  client: ClientOptions,
): Promise<MetadataDoor> {
  const place = metadataPlace(context, client, kube);
  if ("options" in place) return { client: new MetadataClient(place.options), close: async () => {} };
  const forward = await forwardPort(place.kube, place.target);
  const baseUrl = `http://127.0.0.1:${forward.localPort}`;
  return { client: new MetadataClient({ baseUrl }), close: () => forward.close() };
}

interface Reached {
  readonly baseUrl: string;
  readonly kube: KubeClient | undefined;
  readonly close: () => Promise<void>;
}

async function reach({ endpoint, kubernetes }: ClusterContext, environment: Environment): Promise<Reached> {
  if (kubernetes === undefined) return { baseUrl: endpoint ?? "", kube: undefined, close: async () => {} };
  const { context, kubeconfig, service, serviceNamespace, port, path = "" } = kubernetes;
  const choice = {
    ...(context === undefined ? {} : { context }),
    ...(kubeconfig === undefined ? {} : { kubeconfig }),
  };
  const kube = connect(choice, environment);
  const forward = await forwardPort(kube, { namespace: serviceNamespace, service, port });
  const close = async () => {
    await forward.close();
    kube.transport.close();
  };
  return { baseUrl: `http://127.0.0.1:${forward.localPort}${path}`, kube, close };
}
interface Place {
  readonly baseUrl: string;
  readonly environment: Environment;
  readonly fetch: Fetch;
}

async function authenticated({ auth }: ClusterContext, place: Place): Promise<ClientOptions> {
  const { baseUrl, environment, fetch } = place;
  if (auth.kind === "none") return { baseUrl, fetch };
  if (auth.kind === "bearer") {
    // Read each time: tokens of service accounts are short-lived and renewed in their file.
    const token = async () =>
      readSecret("bearer token", { file: auth.tokenFile, variable: auth.tokenEnv }, environment);
    return { baseUrl, fetch, token };
  }
  const password = readSecret(
    "password",
    { file: auth.passwordFile, variable: auth.passwordEnv },
    environment,
  );
  const cookie = await dexSession({ endpoint: baseUrl, username: auth.username, password, fetch });
  const withCookie: Fetch = (input, init) =>
    fetch(input, {
      ...init,
      headers: { ...(init?.headers as Record<string, string> | undefined), Cookie: cookie },
    });
  return { baseUrl, fetch: withCookie };
}
