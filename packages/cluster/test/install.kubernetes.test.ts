import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { startCluster, type TestCluster } from "../../../test-support/kubernetes/cluster.js";
import { shared } from "../../../test-support/shared.js";
import { cli } from "../../cli/test/support/fake-context.js";
import {
  apiServerAddresses,
  applyObjects,
  connect,
  type KubeClient,
  parseObjects,
  releases,
} from "../src/index.js";

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

const files = ["kfp-2.17.0-cluster-scoped.yaml", "kfp-2.17.0.yaml"].map(
  (name) => shared("kubeflow", name) ?? "",
);
const sealflow = (...args: string[]) =>
  cli(["cluster", ...args, "--kubeconfig", cluster.kubeconfig], {
    cwd: cluster.directory,
    env: process.env as Record<string, string>,
    now: Date.now,
  });
const manifests = files.flatMap((file) => ["--manifests", file]);
const secret = async (name: string) =>
  (await client.get({ apiVersion: "v1", kind: "Secret", name, namespace: "kubeflow" })).data;

describe.skipIf(files.includes(""))("installing Kubeflow Pipelines", () => {
  it("says before what the cluster lacks, each with its mend", async () => {
    const { exitCode, stdout } = await sealflow("preflight");
    expect(exitCode).toBe(1);
    expect(stdout).toMatch(/ok +Kubernetes version: v1\.34\.\d+; Kubeflow 2\.17\.0 runs on/);
    expect(stdout).toMatch(/failed +storage class: no default among none\n +hint: Mark one/);
    expect(stdout).toMatch(/ok +permissions/);
    const refused = await sealflow("install", ...manifests);
    expect(refused).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("CLUSTER_PREFLIGHT_FAILED"),
    });
  });

  it("applies everything in order, and a second time changes nothing", async () => {
    const install = ["install", ...manifests, "--skip-preflight", "--timeout", "0s", "--json"];
    const first = await sealflow(...install);
    expect(first.stderr).toMatch(/namespaces \(1\)[\s\S]*definitions \(11\)[\s\S]*workloads \(14\)/);
    expect(JSON.parse(first.stdout)).toMatchObject({
      counts: { created: 90, changed: 0, unchanged: 0 },
      digest: releases.pipelines.digest,
    });
    const credentials = [await secret("mysql-secret"), await secret("mlpipeline-minio-artifact")];
    const second = JSON.parse((await sealflow(...install)).stdout);
    expect(second).toMatchObject({ counts: { created: 0, changed: 0, unchanged: 90 }, removed: [] });
    expect([await secret("mysql-secret"), await secret("mlpipeline-minio-artifact")]).toEqual(credentials);
    expect(Buffer.from(String((credentials[0] as { password: string }).password), "base64")).toHaveLength(32);
  });

  it("lets pods of tasks reach the API server where it is", async () => {
    const metadata = {
      name: "kubernetes",
      namespace: "default",
      labels: { "kubernetes.io/service-name": "kubernetes" },
    };
    const endpoints = [{ addresses: ["203.0.113.4"] }];
    await client.apply({
      ...{
        apiVersion: "discovery.k8s.io/v1",
        kind: "EndpointSlice",
        metadata,
        addressType: "IPv4",
        endpoints,
      },
      ports: [{ name: "https", port: 443, protocol: "TCP" }],
    });
    expect(await apiServerAddresses(client)).toEqual([{ cidr: "203.0.113.4/32", port: 443 }]);
    await sealflow("install", ...manifests, "--skip-preflight", "--timeout", "0s");
    const name = "sealflow-task-egress";
    const policy = await client.get({
      apiVersion: "networking.k8s.io/v1",
      kind: "NetworkPolicy",
      name,
      namespace: "kubeflow",
    });
    expect(JSON.stringify(policy.spec)).toContain('{"ipBlock":{"cidr":"203.0.113.4/32"}}');
  });

  it("shows health, and differences field by field", async () => {
    const status = await sealflow("status");
    expect(status.exitCode).toBe(1);
    expect(status.stdout).toMatch(/Kubeflow 2\.17\.0 \(pipelines\)\n/);
    expect(status.stdout).toMatch(/progressing +Deployment kubeflow\/ml-pipeline +0\/1 ready/);
    expect((await sealflow("diff", ...manifests, "--detailed-exitcode")).exitCode).toBe(0);
    await client.patch(
      { apiVersion: "apps/v1", kind: "Deployment", name: "ml-pipeline-ui", namespace: "kubeflow" },
      { metadata: { labels: { app: "renamed" } } },
    );
    const diff = await sealflow("diff", ...manifests, "--detailed-exitcode");
    expect(diff.exitCode).toBe(3);
    expect(diff.stdout).toMatch(
      /conflict +Deployment kubeflow\/ml-pipeline-ui: Apply failed.*\n +metadata\.labels\.app: "renamed" → "ml-pipeline-ui"\n1 of 90 objects differ/,
    );
  });

  it("does not take over what another program owns, unless told to", async () => {
    const ours = parseObjects(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: pipeline-install-config, namespace: kubeflow}, data: {appName: theirs}}",
      "x",
    );
    for (const object of ours) await client.apply(object, { manager: "another", force: true });
    const refused = await sealflow("install", ...manifests, "--skip-preflight", "--timeout", "0s");
    expect(refused.exitCode).toBe(1);
    expect(refused.stderr).toMatch(/ConfigMap kubeflow\/pipeline-install-config: .*conflict/);
    expect(refused.stderr).toContain("--force-conflicts");
    const status = await sealflow("status");
    expect(status.stdout).toContain("not wholly installed");
    const taken = await sealflow(
      "install",
      ...manifests,
      "--skip-preflight",
      "--timeout",
      "0s",
      "--force-conflicts",
      "--json",
    );
    expect(JSON.parse(taken.stdout).counts).toMatchObject({ created: 0 });
  });

  it("names the permission or the quota that is missing, and the object", async () => {
    const quota =
      "{apiVersion: v1, kind: ResourceQuota, metadata: {name: q, namespace: default}, spec: {hard: {configmaps: '0'}}}";
    await applyObjects(client, parseObjects(quota, "x"));
    const settings = parseObjects(
      "{apiVersion: v1, kind: ConfigMap, metadata: {name: more, namespace: default}}",
      "x",
    );
    let refusal: unknown;
    // The quota's controller needs a moment to count.
    for (let tries = 0; tries < 50 && refusal === undefined; tries++) {
      refusal = await applyObjects(client, settings).then(
        () => undefined,
        (error: unknown) => error,
      );
      if (refusal === undefined)
        await client.delete({ apiVersion: "v1", kind: "ConfigMap", name: "more", namespace: "default" });
      await new Promise((resolve) => setTimeout(resolve, 100));
    }
    expect(refusal).toMatchObject({
      code: "CLUSTER_REQUEST_REFUSED",
      message: expect.stringMatching(/ConfigMap default\/more: .*exceeded quota/),
      hint: expect.stringContaining("quota"),
    });
  });

  it("changes nothing where controllers have completed what was applied, whichever way they write", async () => {
    const kind = { apiVersion: "admissionregistration.k8s.io/v1", kind: "ValidatingWebhookConfiguration" };
    const webhook = (name: string, clientConfig: object) => ({
      ...{ name: `${name}.sealflow.dev`, clientConfig, sideEffects: "None", admissionReviewVersions: ["v1"] },
      rules: [{ apiGroups: ["none"], apiVersions: ["v1"], operations: ["CREATE"], resources: ["none"] }],
    });
    const service = { name: "nobody", namespace: "default" };
    const ours = ["forced", "written", "with-placeholder"].map((name) => ({
      ...{ ...kind, metadata: { name } },
      webhooks: [webhook(name, { service, ...(name === "with-placeholder" ? { caBundle: "Cg==" } : {}) })],
    }));
    const caBundle = Buffer.from(readFileSync(join(cluster.directory, "pki", "ca.crt"))).toString("base64");
    expect(await applyObjects(client, ours)).toMatchObject({ created: 3 });
    for (const { metadata } of ours) {
      const completed = { ...kind, metadata, webhooks: [webhook(metadata.name, { service, caBundle })] };
      if (metadata.name === "written")
        await client.patch({ ...kind, name: metadata.name }, { webhooks: completed.webhooks });
      else {
        const webhooks = [{ name: `${metadata.name}.sealflow.dev`, clientConfig: { caBundle } }];
        await client.apply({ ...kind, metadata, webhooks }, { manager: "injector", force: true });
      }
    }
    const events: string[] = [];
    const counts = await applyObjects(client, ours, {
      onEvent: (event) => {
        if (event.type === "applied" && event.outcome !== "unchanged") events.push(event.object);
      },
    });
    expect(events).toEqual([]);
    expect(counts).toEqual({ created: 0, changed: 0, unchanged: 3 });
    for (const { metadata } of ours) {
      const { webhooks } = await client.get({ ...kind, name: metadata.name });
      expect(webhooks).toMatchObject([{ clientConfig: { caBundle } }]);
      await client.delete({ ...kind, name: metadata.name });
    }
  });

  it("removes what it made, and keeps data unless told otherwise", async () => {
    expect(await sealflow("uninstall")).toMatchObject({
      exitCode: 2,
      stderr: expect.stringContaining("--yes"),
    });
    const { stdout } = await sealflow("uninstall", "--yes", "--json");
    const { removed, kept } = JSON.parse(stdout);
    expect(removed).toContain("Deployment kubeflow/mysql");
    expect(kept).toEqual(
      expect.arrayContaining(["PersistentVolumeClaim kubeflow/mysql-pv-claim", "Namespace kubeflow"]),
    );
    expect(kept).toHaveLength(16);
    expect(
      await client.find({ apiVersion: "v1", kind: "ConfigMap", name: "kfp-launcher", namespace: "kubeflow" }),
    ).toBeUndefined();
    await sealflow("uninstall", "--yes", "--delete-data");
    expect(await sealflow("status")).toMatchObject({
      exitCode: 1,
      stderr: expect.stringContaining("CLUSTER_NOT_INSTALLED"),
    });
  });
});
