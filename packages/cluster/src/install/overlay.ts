/**
 * What is changed in the manifests as they come, each change with a reason: passwords of one's own, images by digest,
 * network policies, the gateway's exposure. Pure: secrets come in from outside.
 */
import { isJsonObject } from "@sealflow/core";
import { describeObject, type KubeObject } from "../kube/objects.js";
import { type Destination, networkPolicies } from "./network-policies.js";

/** Credentials that are generated, or were at the first installation. */
export interface Credentials {
  readonly databasePassword: string;
  readonly storeAccessKey: string;
  readonly storeSecretKey: string;
  /** Of Katib's database. Only in the full distribution, as the next ones. */
  readonly katibPassword: string;
  /** What the gateway's proxy proves itself with to Dex. */
  readonly oidcSecret: string;
  /** What the proxy keys session cookies with: 32 characters. Whoever knows it makes himself a session. */
  readonly cookieSecret: string;
}

/** Settings of the overlay. */
export interface ManifestOverlayOptions {
  readonly credentials: Credentials;
  /** Digests by image reference, for example `{"mysql:8.4": "sha256:…"}`. */
  readonly images?: Readonly<Record<string, string>>;
  /** A registry that holds copies of all images; their own registry becomes part of the path. */
  readonly registry?: string;
  /** Addresses (CIDR, port) that pipeline pods may reach besides Kubeflow itself: the broker, a data source. */
  readonly egress?: readonly Destination[];
  /** Addresses of the API server. Default: any, on its usual ports. */
  readonly apiServer?: readonly Destination[];
  /** bcrypt hash of the password of Dex's first user. Only for the full distribution. */
  readonly dexPasswordHash?: string;
  /** Makes the gateway a load balancer. Refused without TLS. Default: false. */
  readonly loadBalancer?: boolean;
  /** TLS at the gateway: a secret in the gateway's namespace, or an issuer of cert-manager that makes it. */
  readonly tls?: { readonly secret: string; readonly issuer?: string; readonly hosts: readonly string[] };
}

/** A change to one object. */
export interface Change {
  readonly object: string;
  readonly change: string;
  readonly why: string;
}

/** The objects as they are installed, and what was changed. */
export interface Overlaid {
  readonly objects: readonly KubeObject[];
  readonly changes: readonly Change[];
  /** Images that are still named by tag. */
  readonly unpinned: readonly string[];
}

type Step = (object: KubeObject, tell: (change: string, why: string) => void) => KubeObject;

/** Applies the overlay. */
export function overlayManifests(objects: readonly KubeObject[], options: ManifestOverlayOptions): Overlaid {
  const changes: Change[] = [];
  const unpinned = new Set<string>();
  const steps = [
    credentialsStep(options),
    databaseStep(),
    imagesStep(options, unpinned),
    enforcerStep(),
    dexStep(options),
    gatewayStep(options),
  ];
  const changed = objects.map((object) =>
    steps.reduce(
      (each, step) =>
        step(each, (change, why) => changes.push({ object: describeObject(object), change, why })),
      object,
    ),
  );
  const added = [...policiesOf(objects, options), ...certificate(options)];
  for (const object of added)
    changes.push({
      object: describeObject(object),
      change: "added",
      why: String(object.metadata.annotations?.["sealflow.dev/why"] ?? "asked for"),
    });
  return { objects: [...changed, ...added], changes, unpinned: [...unpinned].sort() };
}

function policiesOf(
  objects: readonly KubeObject[],
  { egress = [], apiServer = [] }: ManifestOverlayOptions,
): KubeObject[] {
  const namespace = "kubeflow";
  const works = objects.some(
    ({ kind, metadata }) => kind === "Deployment" && metadata.namespace === namespace,
  );
  return works ? networkPolicies(objects, { namespace, reach: { egress, apiServer } }) : [];
}

const base64 = (text: string) => Buffer.from(text).toString("base64");

function credentialsStep({ credentials }: ManifestOverlayOptions): Step {
  const { databasePassword, storeAccessKey, storeSecretKey, katibPassword, oidcSecret, cookieSecret } =
    credentials;
  const known: Readonly<Record<string, Record<string, string>>> = {
    "mysql-secret": { username: base64("root"), password: base64(databasePassword) },
    "mlpipeline-minio-artifact": { accesskey: base64(storeAccessKey), secretkey: base64(storeSecretKey) },
    "katib-mysql-secrets": { MYSQL_ROOT_PASSWORD: base64(katibPassword) },
    "dex-oidc-client": { OIDC_CLIENT_SECRET: base64(oidcSecret) },
    // The rest of the name is a hash of what the manifests had in it.
    "oauth2-proxy": { "client-secret": base64(oidcSecret), "cookie-secret": base64(cookieSecret) },
  };
  return (object, tell) => {
    const name = (object.metadata.name ?? "").replace(/^(oauth2-proxy)-[a-z0-9]{10}$/, "$1");
    const data = object.kind === "Secret" ? known[name] : undefined;
    if (data === undefined) return object;
    tell("generated credentials", "the manifests' own are empty or known to everybody");
    return { ...object, data: { ...(isJsonObject(object.data) ? object.data : {}), ...data } };
  };
}

/** MySQL without a password is what the manifests start. */
function databaseStep(): Step {
  return (object, tell) => {
    if (object.kind !== "Deployment" || object.metadata.name !== "mysql") return object;
    tell("MYSQL_ROOT_PASSWORD from mysql-secret", "the database accepts no empty password");
    return mapContainers(object, (container) => {
      const env = Array.isArray(container.env) ? container.env : [];
      const kept = env.filter((each) => isJsonObject(each) && each.name !== "MYSQL_ALLOW_EMPTY_PASSWORD");
      const secretKeyRef = { name: "mysql-secret", key: "password" };
      return { ...container, env: [...kept, { name: "MYSQL_ROOT_PASSWORD", valueFrom: { secretKeyRef } }] };
    });
  };
}

function imagesStep({ images = {}, registry }: ManifestOverlayOptions, unpinned: Set<string>): Step {
  return (object, tell) =>
    mapContainers(object, (container) => {
      const { image: named } = container;
      if (typeof named !== "string") return container;
      const image = released(named);
      if (image !== named) tell(`${named} → ${image}`, "images leave the staging registry after 90 days");
      const digest = images[image];
      if (digest === undefined && !image.includes("@sha256:")) unpinned.add(image);
      const located = registry === undefined ? image : `${registry}/${fullName(image)}`;
      const pinned = digest === undefined ? located : `${located}@${digest}`;
      if (pinned !== image)
        tell(
          `${image} → ${pinned}`,
          digest === undefined ? "images come from the given registry" : "images are named by digest",
        );
      if (pinned === named) return container;
      return { ...container, image: pinned };
    });
}

/**
 * Where the project Kubernetes keeps the image for good. Source: kubernetes/k8s.io, registry.k8s.io: what is promoted from the
 * staging registry keeps its name.
 */
function released(image: string): string {
  return image.replace(/^us-central1-docker\.pkg\.dev\/k8s-staging-images\//, "registry.k8s.io/");
}

/** `mysql:8.4` is `docker.io/library/mysql:8.4`. */
function fullName(image: string): string {
  const [first = "", ...rest] = image.split("/");
  if (rest.length > 0 && /[.:]|^localhost$/.test(first)) return image;
  return rest.length === 0 ? `docker.io/library/${image}` : `docker.io/${image}`;
}

/** AKS changes webhooks that would reach into its own namespaces, unless they say that they mean it. */
function enforcerStep(): Step {
  return (object, tell) => {
    if (object.kind !== "MutatingWebhookConfiguration" || !/istio/.test(object.metadata.name ?? ""))
      return object;
    tell(
      "admissions.enforcer/disabled",
      "AKS's admission enforcer and Istio undo each other's change otherwise",
    );
    const annotations = { ...object.metadata.annotations, "admissions.enforcer/disabled": "true" };
    return { ...object, metadata: { ...object.metadata, annotations } };
  };
}

function dexStep({ dexPasswordHash }: ManifestOverlayOptions): Step {
  return (object, tell) => {
    if (object.kind !== "Secret" || object.metadata.name !== "dex-passwords" || dexPasswordHash === undefined)
      return object;
    tell("password of the first user", "the manifests' own is known to everybody");
    return { ...object, data: { DEX_USER_PASSWORD: base64(dexPasswordHash) } };
  };
}

function gatewayStep({ loadBalancer = false, tls }: ManifestOverlayOptions): Step {
  return (object, tell) => {
    const { kind, metadata } = object;
    if (kind === "Service" && metadata.name === "istio-ingressgateway" && loadBalancer && tls !== undefined) {
      tell("type LoadBalancer", "asked for, and TLS is on");
      return { ...object, spec: { ...(object.spec as object), type: "LoadBalancer" } };
    }
    if (kind === "Gateway" && metadata.name === "kubeflow-gateway" && tls !== undefined) {
      tell("HTTPS, and HTTP only redirects", "asked for");
      return { ...object, spec: { ...(object.spec as object), servers: servers(tls) } };
    }
    return object;
  };
}

function servers({ secret, hosts }: NonNullable<ManifestOverlayOptions["tls"]>): object[] {
  const names = hosts.length === 0 ? ["*"] : [...hosts];
  return [
    { hosts: names, port: { name: "http", number: 80, protocol: "HTTP" }, tls: { httpsRedirect: true } },
    {
      hosts: names,
      port: { name: "https", number: 443, protocol: "HTTPS" },
      tls: { mode: "SIMPLE", credentialName: secret },
    },
  ];
}

function certificate({ tls }: ManifestOverlayOptions): KubeObject[] {
  if (tls?.issuer === undefined) return [];
  const addresses = tls.hosts.filter((host) => /^[\d.]+$|:/.test(host));
  const names = tls.hosts.filter((host) => !addresses.includes(host));
  return [
    {
      apiVersion: "cert-manager.io/v1",
      kind: "Certificate",
      metadata: {
        name: tls.secret,
        namespace: "istio-system",
        annotations: { "sealflow.dev/why": "TLS at the gateway" },
      },
      spec: {
        secretName: tls.secret,
        issuerRef: { kind: "ClusterIssuer", name: tls.issuer },
        ...(names.length === 0 ? {} : { dnsNames: names }),
        ...(addresses.length === 0 ? {} : { ipAddresses: addresses }),
      },
    },
  ];
}

type Container = Readonly<Record<string, unknown>>;

/** All containers of a workload's pods. */
function mapContainers(object: KubeObject, change: (container: Container) => Container): KubeObject {
  const spec = object.spec as { template?: { spec?: Record<string, unknown> } } | undefined;
  const pod = spec?.template?.spec;
  if (pod === undefined) return object;
  const mapped = Object.fromEntries(
    ["initContainers", "containers"].flatMap((field) => {
      const list = pod[field];
      return Array.isArray(list) ? [[field, list.map((each) => change(each as Container))]] : [];
    }),
  );
  return { ...object, spec: { ...spec, template: { ...spec?.template, spec: { ...pod, ...mapped } } } };
}
