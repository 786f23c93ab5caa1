/** Where pods reach the API server: behind the service `kubernetes`, as network policies see it. */
import { isJsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import type { Destination } from "./network-policies.js";

/** Addresses of the API server; empty where the cluster does not tell. */
export async function apiServerAddresses(client: KubeClient): Promise<Destination[]> {
  const { items } = await client.list(
    { apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice" },
    { namespace: "default", labelSelector: "kubernetes.io/service-name=kubernetes" },
  );
  return items.flatMap(({ endpoints, ports, addressType }) => {
    const bits = addressType === "IPv6" ? 128 : 32;
    const numbers = objects(ports).flatMap(({ port }) => (typeof port === "number" ? [port] : []));
    const addresses = objects(endpoints).flatMap((each) =>
      Array.isArray(each.addresses) ? each.addresses.map(String) : [],
    );
    return addresses.flatMap((address) => numbers.map((port) => ({ cidr: `${address}/${bits}`, port })));
  });
}

function objects(value: unknown) {
  return Array.isArray(value) ? value.filter(isJsonObject) : [];
}
