/** Which path a kind has. Source: Kubernetes API discovery, `APIResourceList`. */
import { isJsonObject, SealflowError } from "@sealflow/core";
import { isNotFound } from "./errors.js";
import type { ObjectRef } from "./objects.js";
import type { KubeTransport } from "./transport.js";

/** A kind as the server knows it. */
export interface Resource {
  readonly apiVersion: string;
  readonly kind: string;
  /** As in paths, for example `deployments`. */
  readonly plural: string;
  readonly namespaced: boolean;
  readonly verbs: readonly string[];
}

/** Kinds that are asked for most often, so that no discovery is needed for them. */
const known: readonly Resource[] = [
  of("v1", "Namespace", "namespaces", false),
  of("v1", "Node", "nodes", false),
  of("v1", "Pod", "pods"),
  of("v1", "Secret", "secrets"),
  of("v1", "ConfigMap", "configmaps"),
  of("v1", "Service", "services"),
  of("v1", "ServiceAccount", "serviceaccounts"),
  of("v1", "PersistentVolumeClaim", "persistentvolumeclaims"),
  of("v1", "Event", "events"),
  of("v1", "ResourceQuota", "resourcequotas"),
  of("batch/v1", "Job", "jobs"),
  of("apps/v1", "Deployment", "deployments"),
  of("apps/v1", "StatefulSet", "statefulsets"),
  of("apps/v1", "DaemonSet", "daemonsets"),
  of("storage.k8s.io/v1", "StorageClass", "storageclasses", false),
  of("apiextensions.k8s.io/v1", "CustomResourceDefinition", "customresourcedefinitions", false),
];

function of(apiVersion: string, kind: string, plural: string, namespaced = true): Resource {
  return { apiVersion, kind, plural, namespaced, verbs: [] };
}

/** Looks kinds up, each API group once. */
export class Discovery {
  private readonly transport: KubeTransport;
  private readonly groups = new Map<string, Promise<readonly Resource[]>>();

  constructor(transport: KubeTransport) {
    this.transport = transport;
  }

  /**
   * The resource of a kind.
   *
   * @throws SealflowError `CLUSTER_KIND_UNKNOWN`
   */
  async resource(apiVersion: string, kind: string): Promise<Resource> {
    const fixed = known.find((each) => each.apiVersion === apiVersion && each.kind === kind);
    if (fixed !== undefined) return fixed;
    const found = (await this.group(apiVersion)).find((each) => each.kind === kind);
    if (found !== undefined) return found;
    // Asked again next time: its definition may be on its way.
    this.groups.delete(apiVersion);
    throw new SealflowError({
      code: "CLUSTER_KIND_UNKNOWN",
      message: `${apiVersion} ${kind}: expected a kind that the cluster knows, got none`,
      hint: "The custom resource definition is missing or not established yet.",
    });
  }

  private group(apiVersion: string): Promise<readonly Resource[]> {
    const present = this.groups.get(apiVersion);
    if (present !== undefined) return present;
    const asked = this.ask(apiVersion);
    this.groups.set(apiVersion, asked);
    asked.catch(() => this.groups.delete(apiVersion));
    return asked;
  }

  private async ask(apiVersion: string): Promise<readonly Resource[]> {
    try {
      const list: unknown = JSON.parse(
        await this.transport.text({ method: "GET", path: groupPath(apiVersion) }),
      );
      const resources = isJsonObject(list) && Array.isArray(list.resources) ? list.resources : [];
      return resources.filter(isJsonObject).flatMap((each) => {
        const { name, kind, namespaced, verbs } = each;
        if (typeof name !== "string" || typeof kind !== "string" || name.includes("/")) return [];
        const able = Array.isArray(verbs) ? verbs.map(String) : [];
        return [{ apiVersion, kind, plural: name, namespaced: namespaced === true, verbs: able }];
      });
    } catch (error) {
      if (isNotFound(error)) return [];
      throw error;
    }
  }
}

/** `/api/v1` or `/apis/GROUP/VERSION`. */
export function groupPath(apiVersion: string): string {
  return apiVersion.includes("/") ? `/apis/${apiVersion}` : `/api/${apiVersion}`;
}

/** Path of a collection, or of one object of it. */
export function resourcePath(
  resource: Pick<Resource, "apiVersion" | "plural" | "namespaced">,
  where: Partial<Pick<ObjectRef, "name" | "namespace">>,
): string {
  const inNamespace = resource.namespaced && where.namespace !== undefined;
  return [
    groupPath(resource.apiVersion),
    ...(inNamespace ? ["namespaces", encodeURIComponent(where.namespace ?? "")] : []),
    resource.plural,
    ...(where.name === undefined ? [] : [encodeURIComponent(where.name)]),
  ].join("/");
}
