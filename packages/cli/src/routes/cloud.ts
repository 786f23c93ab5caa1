import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import { choiceFlag, jsonFlag, switchFlag, textFlag, textsFlag } from "./flags.js";
import { lazy } from "./lazy.js";

/** Flags of every command on a deployment. */
export interface CloudFlags {
  readonly config?: string;
  readonly store?: string;
  readonly attach?: readonly string[];
  readonly verbose: boolean;
  readonly json: boolean;
}

/** Flags of `cloud init`. */
export interface CloudInitFlags {
  readonly format?: "ts" | "yaml";
  readonly location?: string;
  readonly confidential?: "sgx" | "sev-snp" | "none";
  readonly resourceGroup?: string;
  readonly registry?: string;
  readonly cluster?: string;
  readonly subscription?: string;
  readonly force: boolean;
}

/** Flags of `cloud plan`. */
export interface CloudPlanFlags extends CloudFlags {
  readonly detailedExitcode: boolean;
  readonly output?: string;
}

/** Flags of `cloud drift`. */
export interface CloudDriftFlags extends CloudFlags {
  readonly detailedExitcode: boolean;
}

/** Flags of `cloud apply`. */
export interface CloudApplyFlags extends CloudFlags {
  readonly plan?: string;
  readonly yes: boolean;
  readonly allow?: readonly string[];
  readonly drain: boolean;
}

/** Flags of `cloud destroy`. */
export interface CloudDestroyFlags extends CloudFlags {
  readonly yes: boolean;
  readonly foreign?: "refuse" | "keep" | "delete";
}

/** Flags of `cloud credentials`. */
export interface CloudCredentialsFlags extends CloudFlags {
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly admin: boolean;
}

/** Flags of `cloud export`. */
export interface CloudExportFlags {
  readonly config?: string;
  readonly store?: string;
  readonly attach?: readonly string[];
  readonly arm: boolean;
  readonly output?: string;
}

const place = {
  config: textFlag("file", "Configuration (default: the nearest sealflow.config.ts, .js, .yaml)"),
  store: textFlag(
    "dir",
    "Where the journal of operations is kept (SEALFLOW_STORE; default: .sealflow of the project)",
  ),
  attach: textsFlag("what", "Use an existing group or registry as it is: group, registry; may be repeated"),
};
const common = { ...place, verbose: switchFlag("Show every request on standard error"), json: jsonFlag };
const yes = switchFlag("Do not ask");
const detailedExitcode = switchFlag("End with 3 when there are differences");
const load = () => import("../commands/cloud/index.js");

const init = buildCommand<CloudInitFlags, [], CliContext>({
  loader: lazy(async () => (await import("../commands/cloud/init.js")).cloudInit),
  parameters: {
    flags: {
      format: choiceFlag(["ts", "yaml"], "TypeScript (default) or YAML"),
      location: textFlag("region", "Azure region (default: eastus)"),
      confidential: choiceFlag(["sgx", "sev-snp", "none"], "What protects the pool (default: sgx)"),
      resourceGroup: textFlag("name", "Resource group (default: intel-aks-kubeflow)"),
      registry: textFlag("name", "Registry, unique in all of Azure (default: from the group's name)"),
      cluster: textFlag("name", "Cluster (default: intel-aks)"),
      subscription: textFlag("id", "Subscription to write into the file"),
      force: switchFlag("Overwrite a configuration that is there"),
    },
  },
  docs: { brief: "Write a commented configuration of the reference architecture" },
});

const preflight = buildCommand<CloudFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudPreflight),
  parameters: { flags: common },
  docs: { brief: "Check login, permissions, sizes, quota, versions and names before anything is made" },
});

const plan = buildCommand<CloudPlanFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudPlan),
  parameters: {
    flags: { ...common, detailedExitcode, output: textFlag("file", "Save the plan for apply --plan") },
    aliases: { o: "output" },
  },
  docs: { brief: "Show what apply would do; writes nothing to the cloud" },
});

const apply = buildCommand<CloudApplyFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudApply),
  parameters: {
    flags: {
      ...common,
      plan: textFlag("file", "Carry out this saved plan; refused when it is stale"),
      yes,
      drain: {
        kind: "boolean",
        default: true,
        brief: "Empty the nodes of a pool through the Kubernetes API before the pool is deleted",
      },
      allow: textsFlag(
        "address",
        "Let this cluster, registry or vault be replaced or deleted; may be repeated",
      ),
    },
    aliases: { y: "yes" },
  },
  docs: { brief: "Make what is there like the configuration; goes on where an interrupted apply ended" },
});

const drift = buildCommand<CloudDriftFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudDrift),
  parameters: { flags: { ...common, detailedExitcode } },
  docs: { brief: "Show how what is there differs from the configuration" },
});

const cost = buildCommand<CloudFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudCost),
  parameters: { flags: common },
  docs: { brief: "Add up list prices of the configuration" },
});

const status = buildCommand<CloudFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudStatus),
  parameters: { flags: common },
  docs: { brief: "Show every resource's state, and operations in flight" },
});

const credentials = buildCommand<CloudCredentialsFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudCredentials),
  parameters: {
    flags: {
      ...common,
      kubeconfig: textFlag(
        "file",
        "File to merge into, or - for standard output (KUBECONFIG; default: ~/.kube/config)",
      ),
      context: textFlag("name", "Name of the context (default: as Azure names it)"),
      admin: switchFlag("The cluster's local administrator instead of the user"),
    },
  },
  docs: { brief: "Merge the cluster's credentials into the kubeconfig" },
});

const stop = buildCommand<CloudFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudStop),
  parameters: { flags: common },
  docs: { brief: "Switch the cluster's machines off; disks and data stay" },
});

const start = buildCommand<CloudFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudStart),
  parameters: { flags: common },
  docs: { brief: "Switch a stopped cluster on" },
});

const destroy = buildCommand<CloudDestroyFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudDestroy),
  parameters: {
    flags: {
      ...common,
      yes,
      foreign: choiceFlag(["refuse", "keep", "delete"], "Resources of others in the group (default: refuse)"),
    },
    aliases: { y: "yes" },
  },
  docs: { brief: "List and delete what carries this deployment's tag" },
});

const exportTemplate = buildCommand<CloudExportFlags, [], CliContext>({
  loader: lazy(async () => (await load()).cloudExport),
  parameters: {
    flags: {
      ...place,
      arm: switchFlag("ARM template of subscription scope (the only form yet)"),
      output: textFlag("file", "Where to write it (default: standard output)"),
    },
    aliases: { o: "output" },
  },
  docs: { brief: "Write the same resources as a template for Azure's own tools" },
});

export const cloudRoutes = buildRouteMap<string, CliContext>({
  routes: {
    init,
    preflight,
    plan,
    apply,
    drift,
    cost,
    status,
    credentials,
    stop,
    start,
    destroy,
    export: exportTemplate,
  },
  docs: { brief: "Make, change and remove the Azure architecture" },
});
