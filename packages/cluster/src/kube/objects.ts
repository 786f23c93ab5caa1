/** Kubernetes objects, as far as everything here speaks of them. Source: Kubernetes API conventions. */
import type { JsonObject } from "@sealflow/core";

/** `metav1.OwnerReference`. */
export interface OwnerReference {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  readonly uid: string;
  readonly controller?: boolean;
  readonly blockOwnerDeletion?: boolean;
}

/** `metav1.ObjectMeta`, the fields that are read or written. */
export interface ObjectMeta {
  readonly name?: string;
  readonly generateName?: string;
  readonly namespace?: string;
  readonly uid?: string;
  readonly resourceVersion?: string;
  readonly generation?: number;
  readonly creationTimestamp?: string;
  readonly deletionTimestamp?: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
  readonly ownerReferences?: readonly OwnerReference[];
  readonly finalizers?: readonly string[];
  readonly managedFields?: readonly {
    readonly manager?: string;
    readonly operation?: string;
    readonly time?: string;
  }[];
}

/** Any object: what every kind has, and the rest as JSON. */
export interface KubeObject {
  readonly apiVersion: string;
  readonly kind: string;
  readonly metadata: ObjectMeta;
  readonly [field: string]: unknown;
}

/** Names one object. */
export interface ObjectRef {
  readonly apiVersion: string;
  readonly kind: string;
  readonly name: string;
  /** Absent for kinds that are not namespaced. */
  readonly namespace?: string;
}

/** A page of a list, or the whole of it. */
export interface KubeList<T extends KubeObject = KubeObject> {
  readonly items: readonly T[];
  /** Where a watch goes on from. */
  readonly resourceVersion: string;
}

/** A change that a watch tells. */
export interface WatchEvent<T extends KubeObject = KubeObject> {
  readonly type: "ADDED" | "MODIFIED" | "DELETED";
  readonly object: T;
}

/** `metav1.Status`, the body of every refusal. */
export interface KubeStatus {
  readonly code?: number;
  readonly reason?: string;
  readonly message?: string;
  readonly details?: JsonObject;
}

/** `kind namespace/name`, for people. */
export function describeObject(object: {
  readonly kind: string;
  readonly metadata?: ObjectMeta;
  readonly name?: string;
  readonly namespace?: string;
}): string {
  const name = object.metadata?.name ?? object.name ?? "?";
  const namespace = object.metadata?.namespace ?? object.namespace;
  return `${object.kind} ${namespace === undefined ? "" : `${namespace}/`}${name}`;
}

/** The reference of an object. */
export function refOf(object: KubeObject): ObjectRef {
  const { name = "", namespace } = object.metadata;
  return {
    apiVersion: object.apiVersion,
    kind: object.kind,
    name,
    ...(namespace === undefined ? {} : { namespace }),
  };
}
