/** Who may speak with whom in Kubeflow's namespace. Needs a cluster whose network enforces policies. */
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

/** Where the API server is when nobody knows better: anywhere, on its usual ports. */
const anyApiServer: readonly Destination[] = [443, 6443].map((port) => ({ cidr: "0.0.0.0/0", port }));

/**
 * Nobody outside the namespace reaches in; pods of tasks reach what their launcher needs, name service, the API server (where
 * Argo and the launcher report and read their settings), and the given addresses.
 *
 * @param apiServer Empty where its addresses are not known.
 */
export function networkPolicies(
  namespace: string,
  {
    egress,
    apiServer,
  }: { readonly egress: readonly Destination[]; readonly apiServer: readonly Destination[] },
): KubeObject[] {
  const servers = apiServer.length === 0 ? anyApiServer : apiServer;
  return [
    policy(namespace, "sealflow-same-namespace-only", "pods of other namespaces have no business here", {
      podSelector: {},
      policyTypes: ["Ingress"],
      ingress: [
        {
          from: [
            { podSelector: {} },
            { namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "istio-system" } } },
          ],
        },
        // The API server calls webhooks from outside of every namespace.
        { ports: [{ port: 8443 }, { port: 443 }] },
      ],
    }),
    policy(namespace, "sealflow-task-egress", "pods of tasks reach what they need and nothing else", {
      podSelector: { matchLabels: taskPods },
      policyTypes: ["Egress"],
      egress: [
        { to: servicesOfTasks.map((matchLabels) => ({ podSelector: { matchLabels } })) },
        {
          ports: [
            { port: 53, protocol: "UDP" },
            { port: 53, protocol: "TCP" },
          ],
          to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
        },
        ...[...servers, ...egress].map(({ cidr, port }) => ({
          to: [{ ipBlock: { cidr } }],
          ports: [{ port, protocol: "TCP" }],
        })),
      ],
    }),
  ];
}

function policy(namespace: string, name: string, why: string, spec: object): KubeObject {
  return {
    apiVersion: "networking.k8s.io/v1",
    kind: "NetworkPolicy",
    metadata: { name, namespace, annotations: { "sealflow.dev/why": why } },
    spec,
  };
}
