/** Whether a cluster can carry an installation: every finding with what mends it. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { KubeClient } from "../kube/client.js";
import type { KubeObject } from "../kube/objects.js";
import { quantity } from "../kube/quantity.js";
import { type Profile, releases } from "./manifests.js";

/** One thing that was looked at. */
export interface Check {
  readonly check: string;
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
  /** How to mend it; absent when all is well. */
  readonly mend?: string;
}

/** What an installation asks of the nodes together. Sources: requests of the rendered manifests, and the READMEs' advice. */
const needs: Readonly<
  Record<Profile, { readonly cpu: number; readonly memoryGiB: number; readonly storageGiB: number }>
> = {
  pipelines: { cpu: 0.7, memoryGiB: 3.1, storageGiB: 40 },
  kubeflow: { cpu: 4.4, memoryGiB: 12.1, storageGiB: 65 },
};

/** Looks at everything, also when something fails. */
export async function preflight(client: KubeClient, profile: Profile): Promise<Check[]> {
  const { items: nodes } = await client.list({ apiVersion: "v1", kind: "Node" });
  return [
    versionCheck(await client.version(), profile),
    ...resourceChecks(nodes, profile),
    ...sgxChecks(nodes),
    await storageCheck(client, profile),
    ...(await permissionChecks(client)),
  ];
}

function versionCheck(version: string, profile: Profile): Check {
  const { from, to } = releases[profile].kubernetes;
  const number = minorOf(version);
  const fits = number >= minorOf(from) && number <= minorOf(to);
  const check = {
    check: "Kubernetes version",
    detail: `${version}; Kubeflow ${releases[profile].version} runs on ${from} to ${to}`,
  };
  if (fits) return { ...check, state: "ok" };
  if (number > minorOf(to))
    return { ...check, state: "warning", mend: "This version has not been tried. Expect to be the first." };
  return { ...check, state: "failed", mend: "Upgrade the cluster: `az aks upgrade`." };
}

function minorOf(version: string): number {
  const [, major = "0", minor = "0"] = /v?(\d+)\.(\d+)/.exec(version) ?? [];
  return Number(major) * 1000 + Number(minor);
}

function allocatable(node: KubeObject): JsonObject {
  const status = isJsonObject(node.status) ? node.status : {};
  return isJsonObject(status.allocatable) ? status.allocatable : {};
}

function sum(nodes: readonly KubeObject[], resource: string): number {
  return nodes.reduce(
    (total, node) => total + (quantity(String(allocatable(node)[resource] ?? "0")) ?? 0),
    0,
  );
}

function resourceChecks(nodes: readonly KubeObject[], profile: Profile): Check[] {
  const { cpu, memoryGiB } = needs[profile];
  const [cpus, gib] = [sum(nodes, "cpu"), sum(nodes, "memory") / 2 ** 30];
  const compare = (check: string, has: number, wants: number, unit: string): Check => {
    const detail = `${has.toFixed(1)} ${unit} allocatable on ${nodes.length} nodes, ${wants} requested by Kubeflow`;
    if (has >= wants) return { check, state: "ok", detail };
    return {
      check,
      state: "failed",
      detail,
      mend: "Add nodes, or choose larger ones: `sealflow cloud plan` shows the pools.",
    };
  };
  return [compare("processors", cpus, cpu, "cores"), compare("memory", gib, memoryGiB, "GiB")];
}

/** Nodes of the confidential pool, their device plugin, and their enclave page cache. */
function sgxChecks(nodes: readonly KubeObject[]): Check[] {
  const pool = nodes.filter(({ metadata }) => metadata.labels?.intelvm === "sgx");
  if (pool.length === 0) {
    const detail = `none of ${nodes.length} nodes has the label intelvm=sgx`;
    const mend = "Confidential runs need some: add the pool with `sealflow cloud apply`, or label the nodes.";
    return [{ check: "SGX nodes", state: "warning", detail, mend }];
  }
  const epc = sum(pool, "sgx.intel.com/epc");
  const found: Check = {
    check: "SGX nodes",
    state: "ok",
    detail: `${pool.length} with the label intelvm=sgx`,
  };
  if (epc > 0)
    return [
      found,
      {
        check: "SGX device plugin",
        state: "ok",
        detail: `${(epc / 2 ** 20).toFixed(0)} MiB of EPC allocatable`,
      },
    ];
  const mend = "Enable the add-on: `az aks enable-addons --addons confcom --enable-sgxquotehelper`.";
  return [
    found,
    { check: "SGX device plugin", state: "failed", detail: "sgx.intel.com/epc is not allocatable", mend },
  ];
}

async function storageCheck(client: KubeClient, profile: Profile): Promise<Check> {
  const { items } = await client.list({ apiVersion: "storage.k8s.io/v1", kind: "StorageClass" });
  const standard = items.find(
    ({ metadata }) => metadata.annotations?.["storageclass.kubernetes.io/is-default-class"] === "true",
  );
  const check = "storage class";
  if (standard !== undefined)
    return {
      check,
      state: "ok",
      detail: `${standard.metadata.name} is the default; ${needs[profile].storageGiB} GiB are claimed`,
    };
  const names = items.map(({ metadata }) => metadata.name).join(", ") || "none";
  const mend =
    "Mark one: kubectl annotate storageclass NAME storageclass.kubernetes.io/is-default-class=true";
  return { check, state: "failed", detail: `no default among ${names}`, mend };
}

const permissions = [
  { verb: "create", resource: "namespaces" },
  { verb: "create", group: "apiextensions.k8s.io", resource: "customresourcedefinitions" },
  { verb: "create", group: "rbac.authorization.k8s.io", resource: "clusterroles" },
  { verb: "bind", group: "rbac.authorization.k8s.io", resource: "clusterroles" },
  { verb: "create", group: "admissionregistration.k8s.io", resource: "mutatingwebhookconfigurations" },
  { verb: "create", group: "apps", resource: "deployments", namespace: "kubeflow" },
  { verb: "create", resource: "secrets", namespace: "kubeflow" },
];

async function permissionChecks(client: KubeClient): Promise<Check[]> {
  const missing: string[] = [];
  for (const { verb, ...resource } of permissions) {
    if (!(await client.may(verb, resource))) missing.push(`${verb} ${resource.resource}`);
  }
  const check = "permissions";
  if (missing.length === 0) return [{ check, state: "ok", detail: "all that installing needs" }];
  const mend = "Ask for the role cluster-admin, or on AKS for Azure Kubernetes Service RBAC Cluster Admin.";
  return [{ check, state: "failed", detail: `missing: ${missing.join(", ")}`, mend }];
}
