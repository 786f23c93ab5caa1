/** What will be done, and why. */
import type { Digest, JsonObject, JsonValue } from "@sealflow/core";
import type { ResourceKind } from "../model/resource.js";

/** What happens to a resource. */
export type Action = "create" | "update" | "replace" | "delete" | "unchanged" | "attached";

/** A property that changes. */
export interface PropertyChange {
  readonly path: string;
  /** Left out where there was nothing. */
  readonly before?: JsonValue;
  /** Left out where there will be nothing. */
  readonly after?: JsonValue;
  /** What this property asks for. */
  readonly change: "update" | "replace";
}

/** What happens to one resource. */
export interface Change {
  readonly address: string;
  readonly kind: ResourceKind;
  readonly id: string;
  readonly apiVersion: string;
  readonly action: Action;
  /** Why it is more than a creation or an update. */
  readonly reason?: string;
  readonly properties: readonly PropertyChange[];
  readonly dependsOn: readonly string[];
  /** Replacing or deleting it needs leave by name. */
  readonly precious: boolean;
  /** Set when the replacement can't be done in place of the user: it would take more with it than its own. */
  readonly blocked?: boolean;
  /** Version of the live object, when the service tells one. */
  readonly etag?: string;
  /** Digest of what was read of the live object; left out when it was not there. */
  readonly fingerprint?: Digest;
  /** What the PUT is, where there is one. */
  readonly write?: "create" | "update";
  /** Body of the PUT; references to other resources are `{"$ref": ADDRESS, "path": …}`. */
  readonly body?: JsonObject;
  /** Pools that go when their successor is ready. */
  readonly retires?: readonly RetiredPool[];
}

/** A node pool that is emptied and deleted. */
export interface RetiredPool {
  readonly name: string;
  readonly id: string;
}

/** A whole plan. */
export interface Plan {
  readonly version: 1;
  readonly deployment: string;
  readonly subscription: string;
  /** Digest of the configuration that it was made from. */
  readonly configuration: Digest;
  readonly changes: readonly Change[];
  /** What a reader should know besides. */
  readonly notices: readonly string[];
}

/** Changes that write something. */
export function pendingChanges(plan: Plan): Change[] {
  return plan.changes.filter(({ action }) => action !== "unchanged" && action !== "attached");
}
