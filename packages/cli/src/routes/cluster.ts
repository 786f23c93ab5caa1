import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { durationMs, jsonFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of every command on a cluster. */
export interface ClusterFlags {
  readonly context?: string;
  readonly kubeconfig?: string;
  readonly json: boolean;
}

/** Flags of commands that know what is to be installed. */
export interface ManifestFlags extends ClusterFlags {
  readonly profile: "pipelines" | "kubeflow";
  readonly manifests?: readonly string[];
  readonly mirror?: string;
  readonly digest?: string;
  readonly images?: string;
  readonly registry?: string;
  readonly allowEgress?: readonly string[];
  readonly passwordFile?: string;
  readonly loadBalancer: boolean;
  readonly tlsSecret?: string;
  readonly tlsIssuer?: string;
  readonly tlsHost?: readonly string[];
}

/** Flags of `cluster install`. */
export interface InstallFlags extends ManifestFlags {
  readonly plan: boolean;
  readonly output?: string;
  readonly forceConflicts: boolean;
  readonly skipPreflight: boolean;
  readonly timeout: number;
}

/** Flags of `cluster diff`. */
export interface ClusterDiffFlags extends ManifestFlags {
  readonly detailedExitcode: boolean;
}

/** Flags of `cluster uninstall`. */
export interface UninstallFlags extends ClusterFlags {
  readonly deleteData: boolean;
  readonly yes: boolean;
}

/** Flags of `cluster preflight`. */
export interface PreflightFlags extends ClusterFlags {
  readonly profile: "pipelines" | "kubeflow";
}

const common = {
  context: textFlag("name", "Context of the kubeconfig (default: the current one)"),
  kubeconfig: textFlag("file", "Which kubeconfig (default: KUBECONFIG, else ~/.kube/config)"),
  json: jsonFlag,
} as const;

const profile = {
  kind: "enum",
  values: ["pipelines", "kubeflow"],
  default: "pipelines",
  brief: "Kubeflow Pipelines alone (default), or the full distribution",
} as const;

const manifests = {
  ...common,
  profile,
  manifests: textsFlag("path", "Files, or directories with a kustomization, instead of the pinned release"),
  mirror: textFlag("url", "A copy of the release's archive"),
  digest: textFlag("sha256:…", "What the rendered manifests must be (default: the pinned release's)"),
  images: textFlag("file", "JSON with the digest of each image, by its name with tag"),
  registry: textFlag("host", "Registry with copies of all images, for sites without a way out"),
  allowEgress: textsFlag(
    "cidr:port",
    "What pods of tasks may reach besides Kubeflow itself, such as the broker",
  ),
  passwordFile: textFlag("file", "Password of Kubeflow's first user (default: generated, shown once)"),
  loadBalancer: switchFlag("Give the gateway a public address; needs TLS (default: port-forward)"),
  tlsSecret: textFlag("name", "Secret with the gateway's certificate, in istio-system"),
  tlsIssuer: textFlag("name", "ClusterIssuer of cert-manager that makes that secret"),
  tlsHost: textsFlag("name", "Host name or address in the certificate"),
} as const;

const install = buildCommand<InstallFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cluster.js")).installCluster),
  parameters: {
    flags: {
      ...manifests,
      plan: switchFlag(
        "Print what would be changed in the manifests and their digest; ask the cluster nothing",
      ),
      output: textFlag("file", "With --plan: write the objects as they would be applied"),
      forceConflicts: switchFlag("Take fields over that other programs own"),
      skipPreflight: switchFlag("Install although preflight fails"),
      timeout: {
        kind: "parsed",
        parse: durationMs,
        default: "15m",
        placeholder: "duration",
        brief: "How long to wait for health; 0s does not wait",
      },
    },
  },
  docs: {
    brief:
      "Install Kubeflow: rendered, changed where it is unsafe, applied in order, watched until it is healthy",
    fullDescription:
      "Install Kubeflow, or bring an installation up to date. May be repeated, and continues what was broken off. Credentials are generated once and kept; nothing is exposed unless asked for.",
  },
});

const status = buildCommand<ClusterFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cluster.js")).clusterStatus),
  parameters: { flags: common },
  docs: { brief: "Show the health of what was installed" },
});

const uninstall = buildCommand<UninstallFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cluster.js")).uninstallCluster),
  parameters: {
    flags: {
      ...common,
      deleteData: switchFlag(
        "Remove volumes, secrets, namespaces and definitions too, with everything in them",
      ),
      yes: switchFlag("Do it; without, only what would be removed is listed"),
    },
  },
  docs: { brief: "Remove what was installed; data stay unless --delete-data" },
});

const diff = buildCommand<ClusterDiffFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cluster.js")).diffCluster),
  parameters: {
    flags: { ...manifests, detailedExitcode: switchFlag("Exit code 3 when there are differences") },
  },
  docs: { brief: "Compare the cluster with what would be installed, field by field" },
});

const preflight = buildCommand<PreflightFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cluster.js")).preflightCluster),
  parameters: { flags: { ...common, profile } },
  docs: { brief: "Check whether a cluster can carry Kubeflow and confidential runs" },
});

export const clusterRoutes = buildRouteMap<string, CliContext>({
  routes: { preflight, install, status, diff, uninstall },
  docs: { brief: "Install Kubeflow on a cluster, compare, check and remove it" },
});
