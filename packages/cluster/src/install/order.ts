/** Dependency order: what others stand on comes first, and what intercepts others comes last. */
import type { KubeObject } from "../kube/objects.js";

/** A step of an installation. */
export interface Phase {
  readonly name: string;
  readonly objects: readonly KubeObject[];
}

const phases: readonly (readonly [string, readonly string[]])[] = [
  ["namespaces", ["Namespace"]],
  ["definitions", ["CustomResourceDefinition"]],
  [
    "accounts and settings",
    [
      "PriorityClass",
      "StorageClass",
      "ServiceAccount",
      "ClusterRole",
      "Role",
      "ClusterRoleBinding",
      "RoleBinding",
      "ConfigMap",
      "Secret",
      "NetworkPolicy",
      "ResourceQuota",
      "LimitRange",
    ],
  ],
  ["storage and services", ["PersistentVolume", "PersistentVolumeClaim", "Service"]],
  [
    "workloads",
    [
      "Deployment",
      "StatefulSet",
      "DaemonSet",
      "Job",
      "CronJob",
      "HorizontalPodAutoscaler",
      "PodDisruptionBudget",
    ],
  ],
  ["webhooks", ["MutatingWebhookConfiguration", "ValidatingWebhookConfiguration", "APIService"]],
];

/** Everything else: objects of kinds that the definitions made. Their webhooks must answer by then. */
const last = "custom objects";

/** The objects in phases; empty phases are left out, and within one the given order stays. */
export function inPhases(objects: readonly KubeObject[]): Phase[] {
  const known = new Map(phases.flatMap(([name, kinds]) => kinds.map((kind) => [kind, name] as const)));
  const names = [...phases.map(([name]) => name), last];
  return names.flatMap((name) => {
    const own = objects.filter(
      (object) => (isBuiltIn(object) ? (known.get(object.kind) ?? last) : last) === name,
    );
    return own.length === 0 ? [] : [{ name, objects: own }];
  });
}

function isBuiltIn({ apiVersion }: KubeObject): boolean {
  const [group = "", version] = apiVersion.split("/");
  return version === undefined || !group.includes(".") || /\.k8s\.io$/.test(group);
}
