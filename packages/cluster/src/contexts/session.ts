/** A context, opened: an address that answers and the credentials for it. */
import type { Fetch } from "@sealflow/core";
import { type ClientOptions, MetadataClient } from "@sealflow/kfp";
import { connect, type KubeClient } from "../kube/client.js";
import { forwardPort, type PortForward } from "../kube/port-forward.js";
import type { ClusterContext } from "./contexts.js";
import { dexSession } from "./dex.js";
import { metadataPlace, type Place, pagesPlace } from "./places.js";
import { readSecret } from "./secret-source.js";

/** An open context. */
export interface Session {
  readonly client: ClientOptions;
  readonly namespace: string | undefined;
  /** The Kubernetes API, where the context goes through it. */
  readonly kube: KubeClient | undefined;
  /** Kubeflow's ML Metadata; the way to it is opened when it is first asked for. @throws SealflowError `CLUSTER_…` */
  metadata(): Promise<MetadataClient>;
  /** The server of Kubeflow's pages, opened likewise. @throws SealflowError `CLUSTER_…` */
  pages(): Promise<ClientOptions>;
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
  const reached = await reach(context, environment, fetch);
  const { kube } = reached;
  try {
    const client = await authenticated(context, { ...reached, environment });
    const opened = { client, kube };
    const metadata = new Door(() => metadataPlace(context, opened), fetch);
    const pages = new Door(() => pagesPlace(context, opened), fetch);
    return {
      ...opened,
      namespace: context.namespace,
      metadata: async () => new MetadataClient(await metadata.open()),
      pages: () => pages.open(),
      close: async () => {
        await Promise.all([metadata.close(), pages.close()]);
        await reached.close();
      },
    };
  } catch (error) {
    await reached.close();
    throw error;
  }
}

/** A way to a place, opened once, when it is first gone. */
class Door {
  private readonly place: () => Place;
  private readonly fetch: Fetch;
  private opening: Promise<{ readonly options: ClientOptions; readonly forward?: PortForward }> | undefined;

  constructor(place: () => Place, fetch: Fetch) {
    this.place = place;
    this.fetch = fetch;
  }

  async open(): Promise<ClientOptions> {
    const opening = this.opening ?? this.through();
    this.opening = opening;
    // A way that could not be opened is tried anew when it is asked for again.
    opening.catch(() => {
      if (this.opening === opening) this.opening = undefined;
    });
    return (await opening).options;
  }

  async close(): Promise<void> {
    const opened = await this.opening?.catch(() => undefined);
    await opened?.forward?.close();
  }

  private async through() {
    const place = this.place();
    if ("options" in place) return place;
    const forward = await forwardPort(place.kube, place.target);
    return { options: { baseUrl: originOf(forward), fetch: telling(forward, this.fetch) }, forward };
  }
}

interface Reached {
  readonly baseUrl: string;
  readonly fetch: Fetch;
  readonly kube: KubeClient | undefined;
  readonly close: () => Promise<void>;
}

async function reach(
  { endpoint, kubernetes }: ClusterContext,
  environment: Environment,
  fetch: Fetch,
): Promise<Reached> {
  if (kubernetes === undefined)
    return { baseUrl: endpoint ?? "", fetch, kube: undefined, close: async () => {} };
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
  return { baseUrl: `${originOf(forward)}${path}`, fetch: telling(forward, fetch), kube, close };
}

function originOf({ localPort }: PortForward): string {
  return `http://127.0.0.1:${localPort}`;
}

/** Says why a forwarded port was cut, which the connection itself does not tell. */
function telling(forward: PortForward, fetch: Fetch): Fetch {
  return async (input, init) => {
    try {
      return await fetch(input, init);
    } catch (cause) {
      throw init?.signal?.aborted === true ? cause : (forward.failure ?? cause);
    }
  };
}

interface Credentials {
  readonly baseUrl: string;
  readonly environment: Environment;
  readonly fetch: Fetch;
}

async function authenticated({ auth }: ClusterContext, place: Credentials): Promise<ClientOptions> {
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
