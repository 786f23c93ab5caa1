import { expect, it } from "vitest";
import type { ClusterContext } from "../../src/contexts/contexts.js";
import { metadataPlace, pagesPlace } from "../../src/contexts/places.js";
import type { KubeClient } from "../../src/kube/client.js";

const kube = {} as KubeClient;
const through = { service: "ml-pipeline", serviceNamespace: "pipelines", port: 8888 };
const token = async () => "secret";

function placeOf(
  context: Omit<ClusterContext, "auth">,
  baseUrl: string,
  connected?: KubeClient,
  of = metadataPlace,
) {
  return of({ ...context, auth: { kind: "none" } }, { client: { baseUrl, token }, kube: connected });
}

it("is Kubeflow's own proxy beside the API in a cluster, without credentials", () => {
  expect(placeOf({ kubernetes: through }, "http://127.0.0.1:1234", kube)).toEqual({
    kube,
    target: { namespace: "pipelines", service: "metadata-envoy-service", port: 9090 },
  });
});

it("is beside the API behind the same gateway, with its credentials", () => {
  const gateway = {
    service: "istio-ingressgateway",
    serviceNamespace: "istio-system",
    port: 80,
    path: "/pipeline",
  };
  for (const [context, baseUrl] of [
    [{ endpoint: "https://kubeflow.example/pipeline" }, "https://kubeflow.example/pipeline"],
    [{ kubernetes: gateway }, "http://127.0.0.1:1234/pipeline"],
  ] as const) {
    expect(placeOf(context, baseUrl, "kubernetes" in context ? kube : undefined)).toEqual({
      options: { baseUrl: new URL(baseUrl).origin, token },
    });
  }
});

it("is what the context names, and credentials go to no other address than theirs", () => {
  const endpoint = "https://kubeflow.example/pipeline";
  expect(placeOf({ endpoint, metadata: { endpoint: "http://127.0.0.1:9090" } }, endpoint)).toEqual({
    options: { baseUrl: "http://127.0.0.1:9090" },
  });
  expect(placeOf({ endpoint, metadata: { endpoint: "https://kubeflow.example/store" } }, endpoint)).toEqual({
    options: { baseUrl: "https://kubeflow.example/store", token },
  });
  const own = { service: "envoy", serviceNamespace: "data", port: 80 };
  expect(placeOf({ kubernetes: through, metadata: { kubernetes: own } }, "http://127.0.0.1:1", kube)).toEqual(
    {
      kube,
      target: { namespace: "data", service: "envoy", port: 80 },
    },
  );
});

it("has Kubeflow's pages where the API is, and their own service where that is reached directly", () => {
  const endpoint = "https://kubeflow.example/pipeline";
  expect(placeOf({ endpoint }, endpoint, undefined, pagesPlace)).toEqual({
    options: { baseUrl: endpoint, token },
  });
  expect(placeOf({ kubernetes: through }, "http://127.0.0.1:1", kube, pagesPlace)).toEqual({
    kube,
    target: { namespace: "pipelines", service: "ml-pipeline-ui", port: 80 },
  });
});
