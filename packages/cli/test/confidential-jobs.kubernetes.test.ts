/**
 * Confidential runs as Jobs of a real cluster: a real kubelet pulls the measured image by digest from a real registry, artifacts
 * are ciphertext in a real S3-compatible store, and pods reach the broker outside the cluster over TLS with its pin.
 */
import { readFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { afterAll, beforeAll, describe, expect, it, vi } from "vitest";
import { makeSgxNode, startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { registryProgram, startRegistry, type TestRegistry } from "../../../test-support/registry.js";
import { type StoreServer, s3Server } from "../../../test-support/stores/servers.js";
import {
  connect,
  type KubeClient,
  type KubeObject,
  openArtifactStore,
  pinnedFetch,
} from "../../cluster/src/index.js";
import { ConfidentialWorld, must, runArguments, secrets } from "./support/confidential-world.js";

const program = registryProgram();

describe.skipIf(program === undefined)("a confidential run as Jobs", () => {
  let world: ConfidentialWorld;
  let registry: TestRegistry;
  let cluster: TestCluster;
  let client: KubeClient;
  let objects: StoreServer;

  beforeAll(async () => {
    const registryPort = 20_000 + (process.pid % 20_000);
    cluster = await startCluster({ registryPort });
    client = connect({ kubeconfig: cluster.kubeconfig }, {});
    await makeSgxNode(client, cluster.nodeName, "64Mi");
    registry = await startRegistry(program ?? "", cluster.hostIp, registryPort);
    // The registry stands in a network that the test made, without TLS.
    const real = globalThis.fetch;
    const secure = `https://${registry.host}/`;
    const plain = `http://${registry.host}/`;
    vi.stubGlobal("fetch", (url: string | URL | Request, init?: RequestInit) =>
      real(url instanceof Request ? url : String(url).replace(secure, plain), init),
    );
    objects = await s3Server(cluster.hostIp);
    world = new ConfidentialWorld({ host: cluster.hostIp, registry: registry.host });
    world.environment = { ...objects.environment, KUBECONFIG: cluster.kubeconfig };
    await world.open();
  }, 300_000);
  afterAll(async () => {
    await world?.close();
    client?.transport.close();
    await objects?.stop();
    await registry?.stop();
    await cluster?.stop();
    vi.unstubAllGlobals();
  });

  const run = (settings = world.settings()) => {
    const where = ["--on", "k8s:test", "--namespace", "default", "--artifacts", objects.uri];
    const pool = ["--taint", "sgx=true:NoSchedule"];
    const what = [...where, ...pool, ...settings, ...runArguments];
    return world.near("run", "pipeline.ts", "--sealed", "--json", ...what);
  };
  const store = () =>
    openArtifactStore(objects.uri, { environment: objects.environment, fetch, now: Date.now });

  it("ends with outputs that its bundle proves, and leaves ciphertext in the store", async () => {
    const outcome = await run();
    expect(outcome, outcome.stderr).toMatchObject({ exitCode: 0 });
    const summary = JSON.parse(outcome.stdout);
    expect(summary).toMatchObject({
      state: "SUCCEEDED",
      outputs: { rows: 3, accuracy: 0.875 },
      sealed: { enclaves: "simulated" },
    });
    const keys = (await store().list("")).filter((key) => !key.endsWith("result.json"));
    expect(keys.length).toBeGreaterThan(2);
    for (const key of keys) {
      const text = Buffer.from((await store().get(key)) ?? "").toString("latin1");
      expect(text.startsWith("SEALFLOW"), key).toBe(true);
      for (const secret of secrets) expect(text).not.toContain(secret);
    }
    expect(await must(world.near("runs", "logs", summary.runId, "load"))).toContain(secrets[0]);
    await must(world.near("bundle", summary.runId, "-o", "jobs.bundle"));
    const verified = JSON.parse(await must(world.near("verify", "jobs.bundle", "--json")));
    expect(verified).toMatchObject({ verdict: "trusted", run: { state: "SUCCEEDED", simulated: true } });
  }, 240_000);

  it("goes on where a pod died behind its commit: nothing runs twice, and nothing is lost", async () => {
    const proxy = await killingProxy("load");
    const failed = await run(world.settings(proxy.url));
    const { runId, state } = JSON.parse(failed.stdout);
    expect([state, proxy.killed()]).toEqual(["FAILED", 1]);
    const again = ["--on", "k8s:test", "--namespace", "default", "--artifacts", objects.uri, "--json"];
    const retried = await world.near("retry", runId, ...again);
    await proxy.stop();
    expect(retried, retried.stderr).toMatchObject({ exitCode: 0 });
    expect(JSON.parse(retried.stdout)).toMatchObject({ state: "SUCCEEDED", outputs: { rows: 3 } });
    const direct = ["--broker", world.broker, "--broker-pin", world.brokerPin];
    await must(world.near("bundle", runId, "-o", "died.bundle", ...direct));
    const { run: proven } = JSON.parse(await must(world.near("verify", "died.bundle", "--json")));
    expect(proven.tasks.find(({ path }: { path: string }) => path === "load")).toMatchObject({ attempts: 1 });
  }, 240_000);

  /** The broker behind somebody who removes a task's pod when its commit is answered, before the answer comes. */
  async function killingProxy(path: string) {
    const onwards = pinnedFetch(world.brokerPin);
    let killed = 0;
    const server = createServer(
      { key: readFileSync(world.path("broker.key")), cert: readFileSync(world.path("broker.crt")) },
      async (request, response) => {
        let body = "";
        for await (const part of request) body += part;
        const { method = "GET", url = "" } = request;
        const headers = { "content-type": "application/json" };
        const answer = await onwards(`${world.broker}${url}`, { method, headers, ...(body && { body }) });
        if (killed === 0 && url.endsWith("/commits") && JSON.parse(body).path === path) {
          killed += 1;
          await removePod(path);
          response.destroy();
          return;
        }
        response.writeHead(answer.status, headers).end(Buffer.from(await answer.arrayBuffer()));
      },
    );
    await new Promise<void>((resolve) => server.listen(0, cluster.hostIp, resolve));
    const { port } = server.address() as AddressInfo;
    const stop = async () => {
      server.closeAllConnections();
      server.close();
    };
    return { url: `https://${cluster.hostIp}:${port}`, killed: () => killed, stop };
  }

  async function removePod(path: string): Promise<void> {
    const kind = { apiVersion: "v1", kind: "Pod" };
    const { items } = await client.list<KubeObject>(kind, { namespace: "default" });
    for (const { metadata } of items) {
      if (metadata.annotations?.["sealflow.dev/path"] !== path) continue;
      await client.delete({ ...kind, name: metadata.name ?? "", namespace: "default" }, { graceSeconds: 0 });
    }
  }
});
