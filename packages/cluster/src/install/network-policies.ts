/** Who may speak with whom in the namespaces of Kubeflow and its users. Needs a cluster whose network enforces policies. */
import { isJsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";

/** Label of the pods that Kubeflow Pipelines makes for tasks. Source: backend/src/v2/compiler/argocompiler. */
export const taskPods = { "pipelines.kubeflow.org/v2_component": "true" };

/** Services that a task's launcher speaks with. */
const servicesOfTasks = [
  { app: "ml-pipeline" },
  { component: "metadata-grpc-server" },
  { app: "seaweedfs" },
  { app: "minio" },
  { app: "cache-server" },
];

/** A destination. */
export interface Destination {
  readonly cidr: string;
  readonly port: number;
}

/** Addresses that policies name. */
export interface Reach {
  /** What pods of tasks may reach besides Kubeflow itself. */
  readonly egress: readonly Destination[];
  /** Empty where its addresses are not known. */
  readonly apiServer: readonly Destination[];
}

/** Where the API server is when nobody knows better: anywhere, on its usual ports. */
const anyApiServer: readonly Destination[] = [443, 6443].map((port) => ({ cidr: "0.0.0.0/0", port }));

/**
 * The policies that an installation lacks. Nobody outside Kubeflow's namespace reaches in, unless the manifests say already who
 * does: policies add up, and a second one would only allow more. Pods of tasks reach what their launcher needs, there and in
 * the namespace of every user whom the manifests name.
 */
export function networkPolicies(
  objects: readonly KubeObject[],
  { namespace, reach }: { readonly namespace: string; readonly reach: Reach },
): KubeObject[] {
  const users = objects.filter(({ kind }) => kind === "Profile").map(({ metadata }) => metadata.name ?? "");
  return [
    ...(isolates(objects, namespace) ? [] : [sameNamespaceOnly(namespace)]),
    ...[namespace, ...users].map((each) => taskEgress(each, { services: namespace, ...reach })),
  ];
}

/** Whether a policy of the manifests selects all pods of the namespace for what comes in. */
function isolates(objects: readonly KubeObject[], namespace: string): boolean {
  return objects.some(({ kind, metadata, spec }) => {
    if (kind !== "NetworkPolicy" || metadata.namespace !== namespace || !isJsonObject(spec)) return false;
    const { podSelector, policyTypes } = spec;
    const all = isJsonObject(podSelector) && Object.keys(podSelector).length === 0;
    return all && Array.isArray(policyTypes) && policyTypes.includes("Ingress");
  });
}

function sameNamespaceOnly(namespace: string): KubeObject {
  return policy(namespace, "sealflow-same-namespace-only", "pods of other namespaces have no business here", {
    podSelector: {},
    policyTypes: ["Ingress"],
    ingress: [
      { from: [{ podSelector: {} }, { namespaceSelector: named("istio-system") }] },
      // The API server calls webhooks from outside of every namespace.
      { ports: [8443, 443].map((port) => ({ port, protocol: "TCP" })) },
    ],
  });
}

function taskEgress(
  namespace: string,
  { services, egress, apiServer }: Reach & { readonly services: string },
): KubeObject {
  const elsewhere = namespace === services ? {} : { namespaceSelector: named(services) };
  const servers = apiServer.length === 0 ? anyApiServer : apiServer;
  return policy(namespace, "sealflow-task-egress", "pods of tasks reach what they need and nothing else", {
    podSelector: { matchLabels: taskPods },
    policyTypes: ["Egress"],
    egress: [
      { to: servicesOfTasks.map((matchLabels) => ({ podSelector: { matchLabels }, ...elsewhere })) },
      {
        ports: ["UDP", "TCP"].map((protocol) => ({ port: 53, protocol })),
        to: [{ namespaceSelector: named("kube-system") }],
      },
      ...[...servers, ...egress].map(({ cidr, port }) => ({
        to: [{ ipBlock: { cidr } }],
        ports: [{ port, protocol: "TCP" }],
      })),
    ],
  });
}

function named(namespace: string): object {
  return { matchLabels: { "kubernetes.io/metadata.name": namespace } };
}

function policy(namespace: string, name: string, why: string, spec: object): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace, annotations: { "sealflow.dev/why": why } },
    spec,
  };
}
