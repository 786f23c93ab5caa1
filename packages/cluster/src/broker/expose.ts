/** What a cluster of runs needs so that its confidential pods reach a broker elsewhere, and nothing else by that way. */
import { isIP } from "node:net";
import { SealflowError } from "@sealflow/core";
import type { Destination } from "../install/network-policies.js";
import type { KubeObject } from "../kube/objects.js";
import { CONFIDENTIAL_LABEL } from "../overlay/options.js";

/** How a broker is made known to a cluster. */
export interface BrokerExposure {
  /** Namespace of the runs. */
  readonly namespace: string;
  /** Where the broker is: an IP address or a name, and its port. */
  readonly host: string;
  readonly port: number;
  /** Addresses for the network policy where the host is a name. */
  readonly addresses: readonly string[];
  /** Where confidential pods go besides: the store of their artifacts, for example. */
  readonly also: readonly Destination[];
}

/** Name of the objects in the namespace of the runs. */
export const exposureName = "sealflow-broker-outside";

/** Name under which pods of the namespace reach the broker, and its port there. */
export function exposedAddress({ namespace, port }: Pick<BrokerExposure, "namespace" | "port">): string {
  return `https://${exposureName}.${namespace}.svc:${port}`;
}

/**
 * A service that stands for the broker, and the egress rule of confidential pods: the broker's address and port.
 *
 * @throws SealflowError `CLUSTER_BROKER_ADDRESS` for a name without addresses: network policies know addresses only
 */
export function exposureObjects(exposure: BrokerExposure): readonly KubeObject[] {
  const { namespace, host, port, also } = exposure;
  const addresses = isIP(host) === 0 ? exposure.addresses : [host];
  if (addresses.length === 0) {
    throw new SealflowError({
      code: "CLUSTER_BROKER_ADDRESS",
      message: `broker ${host}: expected at least one address for the network policy, got none`,
      hint: "give the broker's addresses with --address",
    });
  }
  const labels = { "app.kubernetes.io/managed-by": "sealflow" };
  const metadata = { name: exposureName, namespace, labels };
  return [
    ...(isIP(host) === 0
      ? [{ apiVersion: "v1", kind: "Service", metadata, spec: { type: "ExternalName", externalName: host } }]
      : addressed(metadata, { host, port })),
    {
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      metadata: {
        ...metadata,
        annotations: { "sealflow.dev/why": "confidential pods reach the data owner's broker" },
      },
      spec: {
        podSelector: { matchLabels: CONFIDENTIAL_LABEL },
        policyTypes: ["Egress"],
        egress: [
          nameService,
          ...also.map(({ cidr, port: other }) => ({
            to: [{ ipBlock: { cidr } }],
            ports: [{ port: other, protocol: "TCP" }],
          })),
          {
            to: addresses.map((address) => ({
              ipBlock: { cidr: `${address}/${isIP(address) === 6 ? 128 : 32}` },
            })),
            ports: [{ port, protocol: "TCP" }],
          },
        ],
      },
    },
  ];
}

const nameService = {
  ports: [
    { port: 53, protocol: "UDP" },
    { port: 53, protocol: "TCP" },
  ],
  to: [{ namespaceSelector: { matchLabels: { "kubernetes.io/metadata.name": "kube-system" } } }],
};

/** A service without pods, whose endpoint is an address outside. */
function addressed(
  metadata: { readonly name: string; readonly namespace: string; readonly labels: Record<string, string> },
  { host, port }: Pick<BrokerExposure, "host" | "port">,
): readonly KubeObject[] {
  const { name, namespace, labels } = metadata;
  return [
    {
      ...{ apiVersion: "v1", kind: "Service", metadata },
      spec: { ports: [{ name: "https", port, targetPort: port, protocol: "TCP" }] },
    },
    {
      ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
      metadata: { name, namespace, labels: { ...labels, "kubernetes.io/service-name": name } },
      addressType: isIP(host) === 6 ? "IPv6" : "IPv4",
      ports: [{ name: "https", port, protocol: "TCP" }],
      endpoints: [{ addresses: [host], conditions: { ready: true } }],
    },
  ];
}
