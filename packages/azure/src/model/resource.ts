/** Desired resources, as tables of properties: bodies, differences and templates are all made from them. */
import { isJsonObject, type JsonObject, type JsonValue } from "@sealflow/core";

/** Kinds of resources that a deployment is made of. */
export type ResourceKind =
  | "group"
  | "registry"
  | "cluster"
  | "pool"
  | "role"
  | "vault"
  | "key"
  | "attestation"
  | "attestation-policy"
  | "identity"
  | "federation";

/**
 * How desired and live values are compared.
 *
 * - `exact`: deep equality.
 * - `caseless`: text without regard to case.
 * - `set`: lists without order or case.
 * - `include`: the live object has at least these members.
 * - `labels`: deep equality, but for labels that AKS itself sets (`kubernetes.azure.com/…`).
 * - `region`: without regard to case and spaces.
 * - `version`: `1.35` equals any `1.35.x`; empty text is the service's choice and equals anything.
 */
export type Comparison = "exact" | "caseless" | "set" | "include" | "labels" | "region" | "version";

/** One property that the configuration decides. */
export interface Property {
  /** Dotted path in the request's body. */
  readonly path: string;
  /** What it shall be; undefined when it shall not be there. May be a `Reference`. */
  readonly value: JsonValue | undefined;
  /** What the service means by leaving it out of an answer: its default. */
  readonly absent?: JsonValue;
  readonly compare?: Comparison;
  /**
   * What a difference asks for: an update (default), a replacement of the resource, or nothing, for what matters only
   * when it is made.
   */
  readonly change?: "update" | "replace" | "never";
  /** Why a difference can't be an update. */
  readonly reason?: string;
}

/** What a resource shall be. */
export interface Resource {
  /** Its name inside the deployment, for example `pool/intelsgx`. */
  readonly address: string;
  readonly kind: ResourceKind;
  /** Path in the resource manager. That of a role assignment ends in a name that may be known late: see `role`. */
  readonly id: string;
  readonly apiVersion: string;
  readonly properties: readonly Property[];
  /** Addresses that must be there first. */
  readonly dependsOn: readonly string[];
  /** Used as it is: never changed, tagged or deleted. */
  readonly attached: boolean;
  /** Holds what can't be made again: replacing or deleting it needs leave by name. */
  readonly precious: boolean;
  /** May be deleted and made again when an immutable property changes. */
  readonly replaceable: boolean;
  /** Path in the live object that tells its version, for conditional requests. */
  readonly etag?: string;
  readonly role?: RoleOf;
  /** Address of the resource whose creation makes this one too. */
  readonly madeWith?: string;
}

/** Whom a role assignment gives what, where. */
export interface RoleOf {
  readonly scope: string;
  readonly roleDefinitionId: string;
  readonly principal: JsonValue;
}

/** A value that is known once another resource is there. */
export interface Reference extends JsonObject {
  readonly $ref: string;
  readonly path: string;
}

/** Refers to a value of another resource. */
export function referenceTo(address: string, path: string): Reference {
  return { $ref: address, path };
}

/** True for references. */
export function isReference(value: unknown): value is Reference {
  return isJsonObject(value) && typeof value.$ref === "string" && typeof value.path === "string";
}

/** The ownership tag: its value is the deployment's name. */
export const ownershipTag = "sealflow-deployment";

/** On node pools: the name that the configuration knows the pool by, whatever a rotation has called it. */
export const poolTag = "sealflow-pool";
