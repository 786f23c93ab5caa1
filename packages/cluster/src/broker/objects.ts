/**
 * The objects of a broker in a cluster of the data owner's: one pod with its records on a volume, its keys and certificate in
 * secrets, and nobody let in but by the port that it serves.
 */
import { createHash } from "node:crypto";
import type { JsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";

/** What is deployed. */
export interface BrokerDeployment {
  readonly namespace: string;
  /** By digest: what `sealflow broker image` pushed. */
  readonly image: string;
  /** Texts of files. */
  readonly trust: string;
  readonly policy: string;
  /** The broker's key, as `sealflow keys new` wrote it, and the passphrase that opens it. */
  readonly key: string;
  readonly passphrase?: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  /** Size of the volume with the records. */
  readonly storage: string;
  readonly storageClass?: string;
  readonly serviceType: "ClusterIP" | "NodePort" | "LoadBalancer";
  /** CIDRs that may connect. Empty: anybody. */
  readonly allowFrom: readonly string[];
  readonly pullSecret?: string;
}

/** Name of all objects of a broker, and label of its pods. */
export const brokerName = "sealflow-broker";

/** Port of the broker in its pod and of its service. */
export const brokerPort = 8443;

const labels = { "app.kubernetes.io/name": brokerName, "app.kubernetes.io/managed-by": "sealflow" };
const selector = { "app.kubernetes.io/name": brokerName };
const places = {
  mountedKeys: "/etc/sealflow/keys",
  /** In memory. */
  keys: "/run/sealflow/keys",
  passphrase: "/etc/sealflow/passphrase",
  tls: "/etc/sealflow/tls",
  settings: "/etc/sealflow/settings",
  records: "/var/lib/sealflow",
} as const;
const user = 65532;

/** All objects, in any order. */
export function brokerObjects(deployment: BrokerDeployment): readonly KubeObject[] {
  const { namespace } = deployment;
  const named = (apiVersion: string, kind: string, rest: JsonObject, name = brokerName): KubeObject => ({
    ...{ apiVersion, kind, metadata: { name, namespace, labels } },
    ...rest,
  });
  const { key, passphrase, trust, policy } = deployment;
  return [
    { apiVersion: "v1", kind: "Namespace", metadata: namespaceOf(namespace) },
    named("v1", "ConfigMap", { data: { "trust.yaml": trust, "policy.signed": policy } }),
    named("v1", "Secret", secret({ "broker.json": key }), `${brokerName}-key`),
    ...(passphrase === undefined
      ? []
      : [named("v1", "Secret", secret({ passphrase }), `${brokerName}-passphrase`)]),
    named("v1", "Secret", tlsSecret(deployment), `${brokerName}-tls`),
    named("v1", "Service", {
      spec: {
        ...{ type: deployment.serviceType, selector },
        ports: [{ name: "https", port: brokerPort, targetPort: "https", protocol: "TCP" }],
      },
    }),
    named("networking.k8s.io/v1", "NetworkPolicy", { spec: networkPolicy(deployment) }),
    named("apps/v1", "StatefulSet", { spec: statefulSet(deployment) }),
  ];
}

function namespaceOf(name: string) {
  return { name, labels: { ...labels, "pod-security.kubernetes.io/enforce": "restricted" } };
}

function secret(texts: Readonly<Record<string, string>>): JsonObject {
  const data = Object.entries(texts).map(([name, text]) => [name, Buffer.from(text).toString("base64")]);
  return { type: "Opaque", data: Object.fromEntries(data) };
}

function tlsSecret({ tlsCert, tlsKey }: BrokerDeployment): JsonObject {
  const { data } = secret({ "tls.crt": tlsCert, "tls.key": tlsKey });
  return { type: "kubernetes.io/tls", data: data as JsonObject };
}

/** The broker calls nobody, since no egress is listed: tasks bring evidence and collateral along. */
function networkPolicy({ allowFrom }: BrokerDeployment): JsonObject {
  const from = allowFrom.map((cidr) => ({ ipBlock: { cidr } }));
  return {
    podSelector: { matchLabels: selector },
    policyTypes: ["Ingress", "Egress"],
    ingress: [{ ports: [{ port: brokerPort, protocol: "TCP" }], ...(from.length === 0 ? {} : { from }) }],
  };
}

function statefulSet(deployment: BrokerDeployment): JsonObject {
  const { storage, storageClass } = deployment;
  return {
    // Two brokers over one log would each sign their own history.
    replicas: 1,
    serviceName: brokerName,
    selector: { matchLabels: selector },
    template: {
      metadata: { labels, annotations: { "sealflow.dev/settings": settingsDigest(deployment) } },
      spec: podSpec(deployment),
    },
    volumeClaimTemplates: [
      // Whole, as the API server completes it: a list like this is compared as one value.
      {
        ...{ apiVersion: "v1", kind: "PersistentVolumeClaim", metadata: { name: "records", labels } },
        status: { phase: "Pending" },
        spec: {
          volumeMode: "Filesystem",
          accessModes: ["ReadWriteOnce"],
          ...(storageClass === undefined ? {} : { storageClassName: storageClass }),
          resources: { requests: { storage } },
        },
      },
    ],
  };
}

/** Settings are read at the start: another digest starts the pod anew. */
function settingsDigest({ trust, policy, key, tlsCert }: BrokerDeployment): string {
  const text = JSON.stringify([trust, policy, key, tlsCert]);
  return createHash("sha256").update(text).digest("hex").slice(0, 32);
}

function podSpec({ image, passphrase, pullSecret }: BrokerDeployment): JsonObject {
  const probe = { httpGet: { path: "/v1/broker", port: "https", scheme: "HTTPS" } };
  const mounts = [
    { name: "records", mountPath: places.records },
    { name: "settings", mountPath: places.settings, readOnly: true },
    { name: "key", mountPath: places.mountedKeys, readOnly: true },
    { name: "memory", mountPath: "/run/sealflow" },
    { name: "tls", mountPath: places.tls, readOnly: true },
    ...(passphrase === undefined
      ? []
      : [{ name: "passphrase", mountPath: places.passphrase, readOnly: true }]),
  ];
  const secrets = {
    key: "key",
    tls: "tls",
    ...(passphrase === undefined ? {} : { passphrase: "passphrase" }),
  };
  return {
    automountServiceAccountToken: false,
    enableServiceLinks: false,
    terminationGracePeriodSeconds: 30,
    ...(pullSecret === undefined ? {} : { imagePullSecrets: [{ name: pullSecret }] }),
    securityContext: {
      ...{ runAsNonRoot: true, runAsUser: user, runAsGroup: user, fsGroup: user },
      seccompProfile: { type: "RuntimeDefault" },
    },
    containers: [
      {
        ...{ name: "broker", image, command: ["node", "/opt/sealflow/broker/main.mjs"] },
        args: brokerArguments(passphrase !== undefined),
        env: [
          { name: "SEALFLOW_KEYS", value: places.keys },
          { name: "SEALFLOW_MOUNTED_KEYS", value: places.mountedKeys },
        ],
        workingDir: places.records,
        ports: [{ name: "https", containerPort: brokerPort, protocol: "TCP" }],
        readinessProbe: { ...probe, periodSeconds: 5 },
        livenessProbe: { ...probe, initialDelaySeconds: 30, periodSeconds: 20, failureThreshold: 5 },
        resources: { requests: { cpu: "100m", memory: "128Mi" }, limits: { memory: "1Gi" } },
        securityContext: {
          ...{ allowPrivilegeEscalation: false, readOnlyRootFilesystem: true },
          capabilities: { drop: ["ALL"] },
        },
        volumeMounts: mounts,
      },
    ],
    volumes: [
      { name: "settings", configMap: { name: brokerName } },
      { name: "memory", emptyDir: { medium: "Memory", sizeLimit: "1Mi" } },
      ...Object.entries(secrets).map(([name, suffix]) => ({
        name,
        secret: { secretName: `${brokerName}-${suffix}`, defaultMode: 0o440 },
      })),
    ],
  };
}

function brokerArguments(withPassphrase: boolean): string[] {
  return [
    ...["--trust", `${places.settings}/trust.yaml`, "--policy", `${places.settings}/policy.signed`],
    ...["--key", "broker"],
    ...(withPassphrase ? ["--passphrase-file", `${places.passphrase}/passphrase`] : []),
    ...["--directory", `${places.records}/broker`, "--checkpoint-file", `${places.records}/checkpoint.json`],
    ...["--host", "0.0.0.0", "--port", String(brokerPort)],
    ...["--tls-cert", `${places.tls}/tls.crt`, "--tls-key", `${places.tls}/tls.key`],
  ];
}
