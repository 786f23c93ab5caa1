import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { keyFlag, required } from "./broker-serve.js";
import { durationMs, jsonFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { type KeyFlagValues, keyFlags } from "./keys.js";
import { lazy } from "./lazy.js";

/** Flags of everything that is said to a cluster of a broker. */
export interface BrokerPlaceFlags {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly namespace?: string;
  readonly json: boolean;
}

/** Flags of `broker deploy apply`. */
export interface BrokerDeployFlags extends BrokerPlaceFlags, KeyFlagValues {
  readonly image: string;
  readonly key?: string;
  readonly trust: string;
  readonly policy: string;
  readonly tlsCert: string;
  readonly tlsKey: string;
  readonly storage: string;
  readonly storageClass?: string;
  readonly serviceType: "ClusterIP" | "NodePort" | "LoadBalancer";
  readonly allowFrom?: readonly string[];
  readonly pullSecret?: string;
  readonly dryRun: boolean;
  readonly timeout: number;
}

/** Flags of `broker deploy remove`. */
export interface BrokerRemoveFlags extends BrokerPlaceFlags {
  readonly deleteRecords: boolean;
  readonly yes: boolean;
}

/** Flags of `broker expose`. */
export interface BrokerExposeFlags extends BrokerPlaceFlags {
  readonly broker: string;
  readonly address?: readonly string[];
  readonly allowEgress?: readonly string[];
  readonly pin?: string;
  readonly dryRun: boolean;
}

/** Flags of `broker tunnel`. */
export interface BrokerTunnelFlags extends BrokerPlaceFlags {
  readonly broker: string;
  readonly image: string;
}

/** Flags of `broker image`. */
export interface BrokerImageFlags {
  readonly base: string;
  readonly to: string;
  readonly json: boolean;
}

const place = {
  context: textFlag("name", "Context of the kubeconfig (default: the current one)"),
  kubeconfig: textFlag("file", "Which kubeconfig (default: KUBECONFIG, else ~/.kube/config)"),
  json: jsonFlag,
} as const;
const ownNamespace = textFlag("name", "Namespace of the broker (default: sealflow-broker)");
const dryRun = switchFlag("Print the objects as YAML and apply nothing");

const apply = buildCommand<BrokerDeployFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-deploy.js")).deploy),
  parameters: {
    flags: {
      ...place,
      namespace: ownNamespace,
      image: required("image", "Image of the broker by digest, from `broker image`"),
      key: keyFlag,
      trust: required("file", "Trust file of the deployment, from `broker init`"),
      policy: required("file", "Signed trust policy, from `policy sign`"),
      tlsCert: required(
        "file",
        "Certificate chain of the broker, PEM; its own is enough where pods pin its key",
      ),
      tlsKey: required("file", "Its private key, PEM"),
      storage: { ...required("size", "Size of the volume with the records (default: 1Gi)"), default: "1Gi" },
      storageClass: textFlag("name", "Storage class of that volume (default: the cluster's)"),
      serviceType: {
        kind: "enum",
        values: ["ClusterIP", "NodePort", "LoadBalancer"],
        default: "ClusterIP",
        brief: "How it is reached: from the cluster (default), or from outside",
      },
      allowFrom: textsFlag("cidr", "Addresses that may connect (default: all that reach it)"),
      pullSecret: textFlag("name", "Secret of the namespace that the image is pulled with"),
      dryRun,
      timeout: {
        kind: "parsed",
        parse: durationMs,
        default: "5m",
        placeholder: "duration",
        brief: "How long it may take to be ready (default: 5m)",
      },
      ...keyFlags,
    },
  },
  docs: {
    brief: "Deploy the broker into a cluster of the data owner's, or bring it up to date",
    fullDescription:
      "Applies namespace, key, certificate, policy, volume, network policy and the broker's pod, and waits until it serves. May be repeated; a changed policy restarts the pod. Whoever administers that cluster can read the broker's key: it must be the data owner's, not the cluster of the runs.",
  },
});

const status = buildCommand<BrokerPlaceFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-deploy.js")).status),
  parameters: { flags: { ...place, namespace: ownNamespace } },
  docs: { brief: "Show whether the deployed broker is healthy" },
});

const remove = buildCommand<BrokerRemoveFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-deploy.js")).remove),
  parameters: {
    flags: {
      ...place,
      namespace: ownNamespace,
      deleteRecords: switchFlag(
        "Delete the records as well: no run of this broker can be bundled after that",
      ),
      yes: switchFlag("Do not ask"),
    },
  },
  docs: { brief: "Remove the deployed broker; its records and its key stay unless asked for" },
});

/** `broker deploy …`. */
export const deployRoutes = buildRouteMap<string, CliContext>({
  routes: { apply, status, remove },
  defaultCommand: "apply",
  docs: { brief: "Deploy the broker into a cluster of the data owner's" },
});

/** `broker expose`. */
export const expose = buildCommand<BrokerExposeFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-expose.js")).expose),
  parameters: {
    flags: {
      ...place,
      namespace: textFlag("name", "Namespace of the runs (default: kubeflow)"),
      broker: required("url", "Address of the broker, as the cluster's network reaches it"),
      pin: textFlag("hex", "SHA-256 of the key of its certificate, when it can't be asked from here"),
      address: textsFlag(
        "ip",
        "The broker's addresses, where its name has none here; for the network policy",
      ),
      allowEgress: textsFlag(
        "cidr:port",
        "Where confidential pods go besides, for example their artifact store",
      ),
      dryRun,
    },
  },
  docs: {
    brief: "Let confidential pods of a cluster reach a broker outside, by one address and port",
    fullDescription:
      "Applies a service that stands for the broker and the egress rule of confidential pods, and prints what `run --on` and `contexts add` need: the address in the cluster and the pin of the broker's certificate.",
  },
});

/** `broker tunnel`. */
export const tunnel = buildCommand<BrokerTunnelFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-tunnel.js")).tunnel),
  parameters: {
    flags: {
      ...place,
      namespace: textFlag("name", "Namespace of the runs (default: kubeflow)"),
      broker: required("url", "The broker, as this machine reaches it, for example https://127.0.0.1:8443"),
      image: required("image", "Image with Python 3.11 or newer for the far end, by digest"),
      json: {
        kind: "boolean",
        default: false,
        withNegated: false,
        brief: "Print one JSON object with address and pin when the tunnel is open",
      },
    },
  },
  docs: {
    brief: "Let pods of a cluster reach a broker on this machine, for trying out",
    fullDescription:
      "Starts a small pod in the cluster that takes connections of pods, and fetches them through the Kubernetes API's port-forward. TLS ends in the pods and in the broker, which they know by its pin: the tunnel sees ciphertext. Ctrl-C closes it and removes the pod; runs need it as long as they go on.",
  },
});

/** `broker image`. */
export const image = buildCommand<BrokerImageFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/broker-image.js")).image),
  parameters: {
    flags: {
      base: required("image", "Image with Node.js 20 or newer for Linux on x86-64 (glibc), by digest"),
      to: required("image", "HOST/NAME to push to, or HOST/NAME:TAG"),
      json: jsonFlag,
    },
  },
  docs: {
    brief: "Build the image of the broker without a container engine, and push it",
    fullDescription:
      "Puts this version's broker in one layer on top of an image with Node.js, straight through the registry's API. The same version on the same base has the same digest.",
  },
});
