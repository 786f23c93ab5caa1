import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { connect, type KubeClient, type KubeObject, type WatchEvent } from "../src/kube/index.js";

let cluster: TestCluster;
let client: KubeClient;
beforeAll(async () => {
  cluster = await startCluster({ node: false });
  client = connect({ kubeconfig: cluster.kubeconfig }, {});
});
afterAll(async () => {
  client?.transport.close();
  await cluster?.stop();
});

const configMap = (name: string, data: Record<string, string>, namespace = "default") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  metadata: { name, namespace },
  data,
});
const ref = (name: string, namespace = "default") => ({
  apiVersion: "v1",
  kind: "ConfigMap",
  name,
  namespace,
});

describe("the Kubernetes client", () => {
  it("makes, finds, changes, lists page by page and removes objects", async () => {
    expect(await client.version()).toMatch(/^v1\.34\./);
    expect(await client.find(ref("none"))).toBeUndefined();
    await client.create(configMap("made", { a: "1" }));
    expect(await client.patch(ref("made"), { data: { b: "2" } })).toMatchObject({ data: { a: "1", b: "2" } });
    for (let number = 0; number < 3; number++)
      await client.apply(configMap(`each-${number}`, { n: String(number) }));
    const { items } = await client.list({ apiVersion: "v1", kind: "ConfigMap" }, { namespace: "default" });
    expect(items.map(({ metadata }) => metadata.name)).toEqual(
      expect.arrayContaining(["each-0", "each-1", "each-2", "made"]),
    );
    expect(items[0]).toMatchObject({ apiVersion: "v1", kind: "ConfigMap" });
    expect(await client.delete(ref("made"))).toBe(true);
    expect(await client.delete(ref("made"))).toBe(false);
  });

  it("applies the same state twice without a change, and does not take fields of others unless told to", async () => {
    const first = await client.apply(configMap("owned", { a: "1" }));
    const second = await client.apply(configMap("owned", { a: "1" }));
    expect(second.metadata.resourceVersion).toBe(first.metadata.resourceVersion);
    await client.apply(configMap("owned", { a: "theirs" }), { manager: "another", force: true });
    const conflict = await client.apply(configMap("owned", { a: "ours" })).catch((error: unknown) => error);
    expect(conflict).toMatchObject({
      code: "CLUSTER_REQUEST_REFUSED",
      data: { status: 409, reason: "Conflict" },
      hint: expect.stringContaining("--force-conflicts"),
    });
    expect(await client.apply(configMap("owned", { a: "ours" }), { force: true })).toMatchObject({
      data: { a: "ours" },
    });
  });

  it("finds kinds that are made on the way", async () => {
    const kind = { apiVersion: "test.sealflow.dev/v1", kind: "Thing" };
    const thing = { ...kind, metadata: { name: "one", namespace: "default" }, spec: { size: 1 } };
    await expect(client.apply(thing)).rejects.toMatchObject({ code: "CLUSTER_KIND_UNKNOWN" });
    await client.apply(definition());
    for (let tries = 0; tries < 50; tries++) {
      const made = await client.apply(thing).catch(() => undefined);
      if (made !== undefined) break;
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(await client.get({ ...kind, name: "one", namespace: "default" })).toMatchObject({
      spec: { size: 1 },
    });
    await expect(client.apply({ ...thing, spec: { size: 200 } })).rejects.toMatchObject({
      message: expect.stringContaining("size is at most 100"),
      data: { status: 422, reason: "Invalid" },
    });
  });

  it("watches from what is there, in order, until it is told to stop", async () => {
    const stop = new AbortController();
    const events: string[] = [];
    await client.apply(configMap("watched-1", {}));
    for await (const event of client.watch(
      { apiVersion: "v1", kind: "ConfigMap" },
      { namespace: "default", fieldSelector: "metadata.name=watched-1", signal: stop.signal },
    ) as AsyncGenerator<WatchEvent<KubeObject & { data?: object }>>) {
      events.push(`${event.type} ${JSON.stringify(event.object.data ?? {})}`);
      if (event.type === "ADDED") await client.apply(configMap("watched-1", { a: "2" }));
      if (event.type === "MODIFIED") await client.delete(ref("watched-1"));
      if (event.type === "DELETED") stop.abort();
    }
    expect(events).toEqual(["ADDED {}", 'MODIFIED {"a":"2"}', 'DELETED {"a":"2"}']);
  });

  it("asks as a service account: by token, by a file that is renewed, and by a program", async () => {
    await client.apply({
      apiVersion: "v1",
      kind: "ServiceAccount",
      metadata: { name: "guest", namespace: "default" },
    });
    const token = await tokenOf("guest");
    const config = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    const as = (user: object, env: Record<string, string> = {}) => {
      const file = join(cluster.directory, "guest.conf");
      writeFileSync(file, JSON.stringify({ ...config, users: [{ name: "admin", user }] }));
      return connect({ kubeconfig: file }, { PATH: process.env.PATH ?? "", ...env });
    };
    writeFileSync(join(cluster.directory, "token"), `${token}\n`);
    const program = join(cluster.directory, "give.sh");
    writeFileSync(
      program,
      '#!/bin/sh\ntest -n "$KUBERNETES_EXEC_INFO" || exit 1\nprintf \'{"kind":"ExecCredential","apiVersion":"client.authentication.k8s.io/v1","status":{"token":"%s"}}\' "$GUEST"\n',
      { mode: 0o755 },
    );
    const exec = {
      apiVersion: "client.authentication.k8s.io/v1",
      command: program,
      env: [{ name: "GUEST", value: token }],
    };
    for (const user of [{ token }, { tokenFile: "token" }, { exec }]) {
      const guest = as(user);
      await expect(
        guest.list({ apiVersion: "v1", kind: "Secret" }, { namespace: "default" }),
      ).rejects.toMatchObject({
        code: "CLUSTER_REQUEST_REFUSED",
        message: expect.stringContaining("system:serviceaccount:default:guest"),
        data: { status: 403, reason: "Forbidden" },
      });
      expect(await guest.may("create", { group: "batch", resource: "jobs", namespace: "default" })).toBe(
        false,
      );
      guest.transport.close();
    }
    expect(await client.may("create", { group: "batch", resource: "jobs", namespace: "default" })).toBe(true);
    const stranger = as({ token: "nonsense" });
    await expect(
      stranger.version().then(() => stranger.list({ apiVersion: "v1", kind: "Pod" })),
    ).rejects.toMatchObject({ data: { status: 401 } });
    await expect(as({ exec: { command: "sealflow-no-such-program" } }).version()).rejects.toMatchObject({
      code: "CLUSTER_CREDENTIALS_FAILED",
      message: expect.stringContaining("not installed"),
    });
  });

  it("does not speak with a server that the authority does not vouch for", async () => {
    const config = JSON.parse(readFileSync(cluster.kubeconfig, "utf8"));
    const file = join(cluster.directory, "other.conf");
    const { "certificate-authority-data": _, ...rest } = config.clusters[0].cluster;
    writeFileSync(file, JSON.stringify({ ...config, clusters: [{ name: "test", cluster: rest }] }));
    await expect(connect({ kubeconfig: file }, {}).version()).rejects.toMatchObject({
      code: "CLUSTER_UNREACHABLE",
      hint: expect.stringContaining("certificate authority"),
    });
  });
});

async function tokenOf(name: string): Promise<string> {
  const answer = JSON.parse(
    await client.transport.text({
      method: "POST",
      path: `/api/v1/namespaces/default/serviceaccounts/${name}/token`,
      body: JSON.stringify({
        apiVersion: "authentication.k8s.io/v1",
        kind: "TokenRequest",
        spec: { expirationSeconds: 3600 },
      }),
      headers: { "content-type": "application/json" },
    }),
  );
  return answer.status.token;
}

function definition(): KubeObject {
  const spec = {
    type: "object",
    properties: { size: { type: "integer" } },
    "x-kubernetes-validations": [{ rule: "self.size <= 100", message: "size is at most 100" }],
  };
  return {
    apiVersion: "apiextensions.k8s.io/v1",
    kind: "CustomResourceDefinition",
    metadata: { name: "things.test.sealflow.dev" },
    spec: {
      group: "test.sealflow.dev",
      scope: "Namespaced",
      names: { plural: "things", kind: "Thing" },
      versions: [
        {
          name: "v1",
          served: true,
          storage: true,
          schema: { openAPIV3Schema: { type: "object", properties: { spec } } },
        },
      ],
    },
  };
}
