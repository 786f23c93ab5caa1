/** What Kubeflow has beside its API, where it answers in a context, and with which credentials. */
import type { ClientOptions } from "@sealflow/kfp";
import type { KubeClient } from "../kube/client.js";
import type { ForwardTarget } from "../kube/port-forward.js";
import type { ClusterContext } from "./contexts.js";

/** An address, or a service behind the Kubernetes API. */
export type Place =
  | { readonly options: ClientOptions }
  | { readonly kube: KubeClient; readonly target: ForwardTarget };

/** How a context was opened. */
export interface Opened {
  readonly client: ClientOptions;
  readonly kube: KubeClient | undefined;
}

/** The proxy that Kubeflow puts in front of ML Metadata for its own pages. Source: kubeflow/pipelines, manifests. */
const ENVOY = { service: "metadata-envoy-service", port: 9090 };

/** The server of Kubeflow's pages, which hands out artifacts. Source: as above. */
const PAGES = { service: "ml-pipeline-ui", port: 80 };

/**
 * ML Metadata: the place that the context names, else the usual one: beside Kubeflow Pipelines' own service in a cluster, or
 * behind the same gateway. Credentials go to the gateway that they are for, and to no other address.
 */
export function metadataPlace({ kubernetes, metadata }: ClusterContext, { client, kube }: Opened): Place {
  const { origin } = new URL(client.baseUrl);
  if (metadata?.endpoint !== undefined) {
    const own = new URL(metadata.endpoint).origin === origin;
    return { options: own ? { ...client, baseUrl: metadata.endpoint } : { baseUrl: metadata.endpoint } };
  }
  // Behind a gateway ML Metadata has a path of its own, beside that of the API.
  const gateway = kubernetes === undefined || kubernetes.path !== undefined;
  if (kube === undefined || (gateway && metadata === undefined))
    return { options: { ...client, baseUrl: origin } };
  const { service, serviceNamespace, port } = {
    ...{ serviceNamespace: kubernetes?.serviceNamespace ?? "kubeflow", ...ENVOY },
    ...metadata?.kubernetes,
  };
  return { kube, target: { namespace: serviceNamespace, service, port } };
}

/** The pages: where the API is, behind a gateway; a service of their own where the API's is reached directly. */
export function pagesPlace({ kubernetes }: ClusterContext, { client, kube }: Opened): Place {
  if (kube === undefined || kubernetes === undefined || kubernetes.path !== undefined)
    return { options: client };
  return { kube, target: { namespace: kubernetes.serviceNamespace, ...PAGES } };
}
