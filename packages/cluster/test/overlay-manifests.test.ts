import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { shared } from "../../../test-support/shared.js";
import {
  type Credentials,
  checkDigest,
  inPhases,
  type KubeObject,
  objectsDigest,
  overlayManifests,
  parseObjects,
  readManifests,
  releases,
} from "../src/index.js";

const paths = ["kfp-2.17.0-cluster-scoped.yaml", "kfp-2.17.0.yaml"].map((name) => shared("kubeflow", name));
const known = paths.filter((path) => path !== undefined);
const credentials: Credentials = {
  databasePassword: "db-secret",
  storeAccessKey: "key",
  storeSecretKey: "store-secret",
  katibPassword: "katib-secret",
  oidcSecret: "oidc-secret",
  cookieSecret: "0123456789abcdef0123456789abcdef",
};

function object(kind: string, name: string, more: object = {}, apiVersion = "v1"): KubeObject {
  return { apiVersion, kind, metadata: { name, namespace: "istio-system" }, ...more };
}

describe("the manifests of Kubeflow Pipelines", () => {
  it.skipIf(known.length < 2)("are those of the pinned release, whoever rendered them", async () => {
    const objects = await readManifests(known);
    expect(objectsDigest(objects)).toBe(releases.pipelines.digest);
    expect(objectsDigest([...objects].reverse())).toBe(releases.pipelines.digest);
    expect(() => checkDigest(objects.slice(1), releases.pipelines.digest ?? "")).toThrow(
      /expected objects with sha256/,
    );
  });

  it.skipIf(known.length < 2)(
    "lose every published credential, and nothing else is touched without being told",
    async () => {
      const objects = await readManifests(known);
      const {
        objects: changed,
        changes,
        unpinned,
      } = overlayManifests(objects, {
        credentials,
        egress: [{ cidr: "203.0.113.7/32", port: 8443 }],
      });
      const text = JSON.stringify(changed);
      for (const published of ["minio123", "MYSQL_ALLOW_EMPTY_PASSWORD", btoa("minio123")])
        expect(text).not.toContain(published);
      const before = new Map(
        objects.map((each) => [JSON.stringify([each.kind, each.metadata.name]), JSON.stringify(each)]),
      );
      const told = new Set(changes.map((each) => each.object));
      for (const each of changed) {
        const same = before.get(JSON.stringify([each.kind, each.metadata.name])) === JSON.stringify(each);
        expect([each.metadata.name, same]).toEqual([
          each.metadata.name,
          !told.has(`${each.kind} kubeflow/${each.metadata.name}`),
        ]);
      }
      expect(unpinned).toHaveLength(15);
      expect(
        JSON.stringify(changed.find(({ metadata }) => metadata.name === "sealflow-task-egress")),
      ).toContain("203.0.113.7/32");
    },
  );

  it.skipIf(known.length < 2)(
    "name images by digest, in a registry of the site if there is one",
    async () => {
      const objects = await readManifests(known);
      const digest = `sha256:${"ab".repeat(32)}`;
      const images = Object.fromEntries(
        overlayManifests(objects, { credentials }).unpinned.map((image) => [image, digest]),
      );
      const pinned = overlayManifests(objects, { credentials, images, registry: "registry.site:5000" });
      expect(pinned.unpinned).toEqual([]);
      const used = [...JSON.stringify(pinned.objects).matchAll(/"image":"([^"]+)"/g)].map(
        ([, image]) => image,
      );
      expect(used).toContain(`registry.site:5000/docker.io/library/mysql:8.4@${digest}`);
      expect(
        used.filter((image) => !image?.startsWith("registry.site:5000/") || !image.endsWith(digest)),
      ).toEqual([]);
    },
  );
});

it("takes images from where they are kept, not from the staging registry that removes them", () => {
  const staged = "us-central1-docker.pkg.dev/k8s-staging-images/jobset/jobset:v0.10.1";
  const deployment = object(
    "Deployment",
    "jobset",
    { spec: { template: { spec: { containers: [{ name: "manager", image: staged }] } } } },
    "apps/v1",
  );
  const { objects, unpinned } = overlayManifests([deployment], { credentials });
  expect(JSON.stringify(objects)).toContain('"image":"registry.k8s.io/jobset/jobset:v0.10.1"');
  expect(unpinned).toEqual(["registry.k8s.io/jobset/jobset:v0.10.1"]);
});

describe("the overlay of the full distribution", () => {
  const gateway = object(
    "Gateway",
    "kubeflow-gateway",
    { spec: { selector: { istio: "ingressgateway" }, servers: [] } },
    "networking.istio.io/v1",
  );
  const service = object("Service", "istio-ingressgateway", { spec: { type: "ClusterIP" } });
  const webhook = object(
    "MutatingWebhookConfiguration",
    "istio-sidecar-injector",
    {},
    "admissionregistration.k8s.io/v1",
  );
  const dex = object("Secret", "dex-passwords", { data: { DEX_USER_PASSWORD: btoa("default") } });
  const all = [gateway, service, webhook, dex];
  const named = (objects: readonly KubeObject[], name: string) =>
    objects.find(({ metadata }) => metadata.name === name);

  it("sets the password and AKS's annotation, and exposes nothing by itself", () => {
    const { objects } = overlayManifests(all, { credentials, dexPasswordHash: "$2b$12$hash" });
    expect(named(objects, "dex-passwords")?.data).toEqual({ DEX_USER_PASSWORD: btoa("$2b$12$hash") });
    expect(named(objects, "istio-sidecar-injector")?.metadata.annotations).toEqual({
      "admissions.enforcer/disabled": "true",
    });
    expect(named(objects, "istio-ingressgateway")).toEqual(service);
    expect(named(objects, "kubeflow-gateway")).toEqual(gateway);
  });

  it("makes a load balancer only with TLS, whose certificate an issuer may make", () => {
    expect(
      named(overlayManifests(all, { credentials, loadBalancer: true }).objects, "istio-ingressgateway"),
    ).toEqual(service);
    const tls = { secret: "gateway-tls", issuer: "letsencrypt", hosts: ["kubeflow.example", "203.0.113.9"] };
    const { objects } = overlayManifests(all, { credentials, loadBalancer: true, tls });
    expect(named(objects, "istio-ingressgateway")?.spec).toMatchObject({ type: "LoadBalancer" });
    expect(named(objects, "gateway-tls")?.spec).toMatchObject({
      dnsNames: ["kubeflow.example"],
      ipAddresses: ["203.0.113.9"],
    });
    const servers = (named(objects, "kubeflow-gateway")?.spec as { servers: { tls: object }[] } | undefined)
      ?.servers;
    expect(servers?.map(({ tls: each }) => each)).toEqual([
      { httpsRedirect: true },
      { mode: "SIMPLE", credentialName: "gateway-tls" },
    ]);
  });
});

it("orders namespaces, definitions, accounts, storage, injection, workloads, webhooks, and custom objects at the end", () => {
  const intercepting = (resource: string) => ({ webhooks: [{ rules: [{ resources: [resource] }] }] });
  const objects = [
    object("Issuer", "i", {}, "cert-manager.io/v1"),
    object("ValidatingWebhookConfiguration", "w", {}, "admissionregistration.k8s.io/v1"),
    object("MutatingWebhookConfiguration", "m", intercepting("issuers"), "admissionregistration.k8s.io/v1"),
    object("Deployment", "d", {}, "apps/v1"),
    object("MutatingWebhookConfiguration", "istio", intercepting("pods"), "admissionregistration.k8s.io/v1"),
    object("Service", "s"),
    object("Role", "r", {}, "rbac.authorization.k8s.io/v1"),
    object("CustomResourceDefinition", "c", {}, "apiextensions.k8s.io/v1"),
    object("Namespace", "n"),
    object("Service", "knative", {}, "serving.knative.dev/v1"),
  ];
  expect(
    inPhases(objects).map(({ name, objects: own }) => [
      name,
      own.map(({ metadata }) => metadata.name).join(" "),
    ]),
  ).toEqual([
    ["namespaces", "n"],
    ["definitions", "c"],
    ["accounts and settings", "r"],
    ["storage and services", "s"],
    ["injection into pods", "istio"],
    ["workloads", "d"],
    ["webhooks", "w m"],
    ["custom objects", "i knative"],
  ]);
});

it("replaces the published credentials of the full distribution: database, login, session cookies", () => {
  const secret = (name: string, data: Record<string, string>) => object("Secret", name, { data });
  const published = btoa("pUBnBOY80SnXgjibTYM9ZWNY2xY7NGQok");
  const { objects } = overlayManifests(
    [
      secret("katib-mysql-secrets", { MYSQL_ROOT_PASSWORD: btoa("test") }),
      secret("dex-oidc-client", { OIDC_CLIENT_ID: btoa("id"), OIDC_CLIENT_SECRET: published }),
      secret("oauth2-proxy-h675gf55ht", {
        ...{ "client-id": btoa("id"), "client-secret": published },
        "cookie-secret": btoa("7d16fee92f8d11b8940b081b3f8b8acb"),
      }),
      secret("oauth2-proxy-h675gf55ht-own", { "client-secret": btoa("theirs") }),
    ],
    { credentials },
  );
  expect(objects.map(({ data }) => data)).toEqual([
    { MYSQL_ROOT_PASSWORD: btoa("katib-secret") },
    { OIDC_CLIENT_ID: btoa("id"), OIDC_CLIENT_SECRET: btoa("oidc-secret") },
    {
      ...{ "client-id": btoa("id"), "client-secret": btoa("oidc-secret") },
      "cookie-secret": btoa(credentials.cookieSecret),
    },
    { "client-secret": btoa("theirs") },
  ]);
});

it.skipIf(!hasKustomize())(
  "names what a kustomization is made of that can't be had, and the way without it",
  async () => {
    const directory = mkdtempSync(join(tmpdir(), "sealflow-kustomize-"));
    try {
      const remote = "https://kustomize.invalid/team/base?ref=v1";
      writeFileSync(join(directory, "kustomization.yaml"), `resources: ["${remote}"]\n`);
      await expect(readManifests([directory])).rejects.toMatchObject({
        code: "CLUSTER_KUSTOMIZE_FAILED",
        message: expect.stringContaining(`expected ${remote}, which it is made of`),
        hint: expect.stringContaining("--manifests kubeflow.yaml"),
      });
      writeFileSync(join(directory, "kustomization.yaml"), "resources: [missing.yaml]\n");
      await expect(readManifests([directory])).rejects.toThrow(/missing\.yaml/);
    } finally {
      rmSync(directory, { recursive: true, force: true });
    }
  },
  60_000,
);

function hasKustomize(): boolean {
  return ["kustomize", "kubectl"].some((program) => {
    try {
      return execFileSync("which", [program], { stdio: "pipe" }).length > 0;
    } catch {
      return false;
    }
  });
}

it("refuses YAML that is broken, or no Kubernetes object", () => {
  expect(() => parseObjects("a: [", "broken.yaml")).toThrow(/broken\.yaml/);
  expect(() => parseObjects("a: 1", "other.yaml")).toThrow(/apiVersion and kind/);
  expect(parseObjects("---\n# nothing\n---\n", "empty.yaml")).toEqual([]);
});
