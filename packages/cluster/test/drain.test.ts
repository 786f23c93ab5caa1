/** Emptying nodes, against a small API server that keeps pods, budgets and grace periods. */
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, expect, test } from "vitest";
import { connect, drainNodes } from "../src/kube/index.js";

interface Pod {
  name: string;
  node: string;
  owner?: string;
  mirror?: boolean;
  phase?: string;
  /** Evictions that its budget refuses. */
  refusals?: number;
  /** Looks that it survives after its eviction. */
  grace?: number;
  terminating?: boolean;
}

const cleanups: (() => void)[] = [];
afterEach(() => {
  for (const cleanup of cleanups.splice(0)) cleanup();
});

async function cluster(pods: Pod[]) {
  const log: string[] = [];
  const kinds = [
    { name: "nodes", kind: "Node", namespaced: false, verbs: ["get", "list", "patch"] },
    { name: "pods", kind: "Pod", namespaced: true, verbs: ["get", "list"] },
  ];
  const server = createServer((request, response) => {
    const url = new URL(request.url ?? "/", "http://x");
    const answer = (status: number, body: unknown) =>
      response.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));
    if (url.pathname === "/api/v1")
      return answer(200, { kind: "APIResourceList", groupVersion: "v1", resources: kinds });
    if (url.pathname === "/api/v1/nodes") {
      log.push(`list ${url.searchParams.get("labelSelector")}`);
      return answer(200, {
        kind: "NodeList",
        items: [{ metadata: { name: "n1" } }, { metadata: { name: "n2" } }],
      });
    }
    if (request.method === "PATCH") {
      log.push(`cordon ${url.pathname.split("/").at(-1)}`);
      return answer(200, {});
    }
    if (url.pathname === "/api/v1/pods") {
      const node = url.searchParams.get("fieldSelector")?.split("=")[1];
      for (const pod of pods) if (pod.terminating) pod.grace = (pod.grace ?? 0) - 0.5;
      for (const pod of [...pods])
        if (pod.terminating && (pod.grace ?? 0) <= 0) pods.splice(pods.indexOf(pod), 1);
      const items = pods
        .filter((pod) => pod.node === node)
        .map((pod) => ({
          metadata: {
            name: pod.name,
            namespace: "work",
            ...(pod.owner === undefined ? {} : { ownerReferences: [{ kind: pod.owner, controller: true }] }),
            ...(pod.mirror ? { annotations: { "kubernetes.io/config.mirror": "x" } } : {}),
            ...(pod.terminating ? { deletionTimestamp: "2026-11-24T00:00:00Z" } : {}),
          },
          status: { phase: pod.phase ?? "Running" },
        }));
      return answer(200, { kind: "PodList", items });
    }
    const name = /\/pods\/([^/]+)\/eviction$/.exec(url.pathname)?.[1];
    const pod = pods.find((each) => each.name === name);
    if (pod === undefined) return answer(404, { kind: "Status", code: 404, message: "not found" });
    log.push(`evict ${name}`);
    if ((pod.refusals ?? 0) > 0) {
      pod.refusals = (pod.refusals ?? 0) - 1;
      return answer(429, { kind: "Status", code: 429, reason: "TooManyRequests", message: "budget" });
    }
    pod.terminating = true;
    return answer(201, { kind: "Status", status: "Success" });
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const directory = mkdtempSync(join(tmpdir(), "sealflow-drain-"));
  const kubeconfig = join(directory, "config");
  writeFileSync(
    kubeconfig,
    JSON.stringify({
      apiVersion: "v1",
      kind: "Config",
      clusters: [
        { name: "c", cluster: { server: `http://127.0.0.1:${(server.address() as AddressInfo).port}` } },
      ],
      users: [{ name: "u", user: { token: "t" } }],
      contexts: [{ name: "c", context: { cluster: "c", user: "u" } }],
      "current-context": "c",
    }),
  );
  cleanups.push(() => {
    server.close();
    server.closeAllConnections();
    rmSync(directory, { recursive: true });
  });
  return { client: connect({ kubeconfig }, {}), log, pods };
}

test("nodes are cordoned first, budgets are waited for, and what belongs to the node stays", async () => {
  const { client, log, pods } = await cluster([
    { name: "a", node: "n1" },
    { name: "guarded", node: "n2", refusals: 2, grace: 1 },
    { name: "daemon", node: "n1", owner: "DaemonSet" },
    { name: "static", node: "n1", mirror: true },
    { name: "done", node: "n2", phase: "Succeeded" },
  ]);
  const remaining: number[] = [];
  await drainNodes(client, "kubernetes.azure.com/agentpool=old", {
    pollMs: 5,
    onProgress: (left) => remaining.push(left.length),
  });
  expect(log.slice(0, 3)).toEqual(["list kubernetes.azure.com/agentpool=old", "cordon n1", "cordon n2"]);
  expect(log.filter((line) => line === "evict guarded")).toHaveLength(3);
  expect(pods.map(({ name }) => name)).toEqual(["daemon", "static", "done"]);
  expect(remaining).toEqual([2, 1, 0]);
});

test("a pod that stays ends the drain with its name", async () => {
  const { client } = await cluster([{ name: "stuck", node: "n1", refusals: 1000 }]);
  const ended = drainNodes(client, "x=y", { pollMs: 5, timeoutMs: 40 });
  await expect(ended).rejects.toMatchObject({
    code: "CLUSTER_DRAIN_TIMEOUT",
    data: { pods: ["work/stuck"] },
  });
});
