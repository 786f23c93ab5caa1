/**
 * Stands for the controllers of a distribution whose images can't be had: webhooks that allow everything and convert by name, the
 * certificates that cert-manager would put into their configurations, and namespaces of users.
 */
import { execFileSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer } from "node:https";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { KubeClient, KubeObject } from "../../src/index.js";

interface ServiceRef {
  readonly name: string;
  readonly namespace: string;
  readonly port?: number;
}

/** A running stand-in. */
export interface Controllers {
  /** Questions that webhooks were asked, by path. */
  readonly asked: ReadonlyMap<string, number>;
  /** Looks at the cluster once: what has come since gets its certificates, endpoints and namespaces. */
  look(): Promise<void>;
  stop(): void;
}

/** Starts them on an address that the API server reaches. */
export async function startControllers(client: KubeClient, host: string): Promise<Controllers> {
  const { key, cert, ca } = certificates(await namespacesOf(client));
  const asked = new Map<string, number>();
  const server = createServer({ key, cert }, async (request, response) => {
    let body = "";
    for await (const part of request) body += part;
    const path = request.url?.split("?")[0] ?? "";
    asked.set(path, (asked.get(path) ?? 0) + 1);
    response
      .writeHead(200, { "content-type": "application/json" })
      .end(JSON.stringify(answerTo(JSON.parse(body))));
  });
  await new Promise<void>((resolve) => server.listen(0, host, resolve));
  const { port } = server.address() as AddressInfo;
  const reached = new Set<string>();
  const look = async () => {
    const services = [...(await trustWebhooks(client, ca)), ...(await trustConversions(client, ca))];
    for (const each of services) {
      const name = `${each.namespace}/${each.name}`;
      if (!reached.has(name) && (await lead(client, each, { host, port }))) reached.add(name);
    }
    await makeUsers(client);
  };
  const stop = () => {
    server.closeAllConnections();
    server.close();
  };
  return { asked, look, stop };
}

async function namespacesOf(client: KubeClient): Promise<string[]> {
  const { items } = await client.list({ apiVersion: "v1", kind: "Namespace" });
  return items.map(({ metadata }) => metadata.name ?? "");
}

function answerTo(review: JsonObject): JsonObject {
  const { apiVersion = "", kind = "", request } = review;
  const { uid = "", objects = [], desiredAPIVersion = "" } = isJsonObject(request) ? request : {};
  if (kind !== "ConversionReview") return { apiVersion, kind, response: { uid, allowed: true } };
  const converted = (Array.isArray(objects) ? objects : []).map((each) => ({
    ...(each as JsonObject),
    apiVersion: desiredAPIVersion,
  }));
  return {
    ...{ apiVersion, kind },
    response: { uid, convertedObjects: converted, result: { status: "Success" } },
  };
}

/** An authority, and a certificate of it for every service of the namespaces. */
function certificates(namespaces: readonly string[]): { key: string; cert: string; ca: string } {
  const directory = mkdtempSync(join(tmpdir(), "sealflow-controllers-"));
  const at = (name: string) => join(directory, name);
  const openssl = (text: string, ...more: string[]) =>
    execFileSync("openssl", [...text.split(" "), ...more], { stdio: "ignore" });
  const made = "-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes";
  try {
    openssl(`req -x509 ${made} -days 1 -subj /CN=authority`, "-keyout", at("ca.key"), "-out", at("ca.crt"));
    openssl(`req ${made} -subj /CN=webhooks`, "-keyout", at("key"), "-out", at("request"));
    writeFileSync(at("names"), `subjectAltName=${namespaces.map((each) => `DNS:*.${each}.svc`).join(",")}`);
    const authority = ["-CA", at("ca.crt"), "-CAkey", at("ca.key"), "-CAcreateserial"];
    openssl(
      "x509 -req -days 1",
      ...authority,
      "-in",
      at("request"),
      "-extfile",
      at("names"),
      "-out",
      at("cert"),
    );
    const text = (name: string) => readFileSync(at(name), "utf8");
    return { key: text("key"), cert: text("cert"), ca: Buffer.from(text("ca.crt")).toString("base64") };
  } finally {
    rmSync(directory, { recursive: true, force: true });
  }
}

const injector = { manager: "cert-manager-cainjector", force: true };

/** Puts the authority into all webhooks; a validating one of Istio's is closed, too, as its controller does. */
async function trustWebhooks(client: KubeClient, caBundle: string): Promise<ServiceRef[]> {
  const services: ServiceRef[] = [];
  for (const kind of ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration"]) {
    const { items } = await client.list<KubeObject>({ apiVersion: "admissionregistration.k8s.io/v1", kind });
    for (const { apiVersion, metadata, webhooks } of items) {
      const all = (webhooks ?? []) as Webhook[];
      services.push(
        ...all.flatMap(({ clientConfig }) => (clientConfig.service ? [clientConfig.service] : [])),
      );
      if (all.every(({ clientConfig }) => clientConfig.caBundle === caBundle)) continue;
      const own = all.map(({ name }) => ({
        ...{ name, clientConfig: { caBundle } },
        ...(kind.startsWith("V") && /istio/.test(name) ? { failurePolicy: "Fail" } : {}),
      }));
      await client.apply(
        { apiVersion, kind, metadata: { name: metadata.name ?? "" }, webhooks: own },
        injector,
      );
    }
  }
  return services;
}

interface Webhook {
  readonly name: string;
  readonly clientConfig: { readonly caBundle?: string; readonly service?: ServiceRef };
}

async function trustConversions(client: KubeClient, caBundle: string): Promise<ServiceRef[]> {
  const services: ServiceRef[] = [];
  const kind = { apiVersion: "apiextensions.k8s.io/v1", kind: "CustomResourceDefinition" };
  const { items } = await client.list<KubeObject & { spec: { conversion?: Conversion } }>(kind);
  for (const { metadata, spec } of items) {
    const config = spec.conversion?.webhook?.clientConfig;
    if (config?.service === undefined) continue;
    services.push(config.service);
    if (config.caBundle === caBundle) continue;
    const conversion = { strategy: "Webhook", webhook: { clientConfig: { caBundle } } };
    await client.apply({ ...kind, metadata: { name: metadata.name ?? "" }, spec: { conversion } }, injector);
  }
  return services;
}

interface Conversion {
  readonly webhook?: { readonly clientConfig?: Webhook["clientConfig"] };
}

/** Leads a service to the stand-in; false while it is not there. */
async function lead(
  client: KubeClient,
  { name, namespace, port = 443 }: ServiceRef,
  to: { readonly host: string; readonly port: number },
): Promise<boolean> {
  const ref = { apiVersion: "v1", kind: "Service", name, namespace };
  const service = await client.find<KubeObject & { spec: { ports: { port: number; name?: string }[] } }>(ref);
  const found = service?.spec.ports.find((each) => each.port === port);
  if (found === undefined) return false;
  const labels = { "kubernetes.io/service-name": name };
  const named = found.name === undefined ? {} : { name: found.name };
  await client.apply({
    ...{ apiVersion: "discovery.k8s.io/v1", kind: "EndpointSlice", addressType: "IPv4" },
    metadata: { name: `${name}-stand-in`, namespace, labels },
    endpoints: [{ addresses: [to.host], conditions: { ready: true } }],
    ports: [{ ...named, port: to.port, protocol: "TCP" }],
  });
  return true;
}

async function makeUsers(client: KubeClient): Promise<void> {
  const kind = { apiVersion: "kubeflow.org/v1beta1", kind: "Profile" };
  const { items } = await client.list<KubeObject>(kind).catch(() => ({ items: [] }));
  const labels = { "app.kubernetes.io/part-of": "kubeflow-profile" };
  for (const { metadata } of items)
    await client.apply({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: metadata.name ?? "", labels },
    });
}
