/** Dependency order: what others stand on comes first, and what intercepts others comes last. */
import { isJsonObject } from "@sealflow/core";
import type { KubeObject } from "../kube/objects.js";

/** A step of an installation. */
export interface Phase {
  readonly name: string;
  readonly objects: readonly KubeObject[];
}

/**
 * Webhooks that change pods, as Istio's, which puts its proxy into them: a pod that was made before them stays without.
 * Until the webhook answers, the pods of a workload are refused and made again.
 */
const SIDECARS = "injection into pods";

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
  [SIDECARS, []],
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
const custom = "custom objects";

/** What goes into the namespace of a user: Kubeflow makes that when the user's profile is there. */
const last = "in namespaces of users";

/** The objects in phases; empty phases are left out, and within one the given order stays. */
export function inPhases(objects: readonly KubeObject[]): Phase[] {
  const known = new Map(phases.flatMap(([name, kinds]) => kinds.map((kind) => [kind, name] as const)));
  const names = [...phases.map(([name]) => name), custom, last];
  const users = new Set(
    objects.filter(({ kind }) => kind === "Profile").map(({ metadata }) => metadata.name),
  );
  const phaseOf = (object: KubeObject) =>
    users.has(object.metadata.namespace) ? last : phaseOfKind(object, known);
  return names.flatMap((name) => {
    const own = objects.filter((object) => phaseOf(object) === name);
    return own.length === 0 ? [] : [{ name, objects: own }];
  });
}

function phaseOfKind(object: KubeObject, known: ReadonlyMap<string, string>): string {
  if (!isBuiltIn(object)) return custom;
  return changesPods(object) ? SIDECARS : (known.get(object.kind) ?? custom);
}

function changesPods({ kind, webhooks }: KubeObject): boolean {
  if (kind !== "MutatingWebhookConfiguration" || !Array.isArray(webhooks)) return false;
  const rules = webhooks.flatMap((each) =>
    isJsonObject(each) && Array.isArray(each.rules) ? each.rules : [],
  );
  return rules.some(
    (rule) => isJsonObject(rule) && Array.isArray(rule.resources) && rule.resources.includes("pods"),
  );
}

function isBuiltIn({ apiVersion }: KubeObject): boolean {
  const [group = "", version] = apiVersion.split("/");
  return version === undefined || !group.includes(".") || /\.k8s\.io$/.test(group);
}
