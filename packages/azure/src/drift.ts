/** How what is there has moved away from the configuration. */
import type { JsonObject } from "@sealflow/core";
import { sameName, textAt } from "./model/path.js";
import type { Resource } from "./model/resource.js";
import type { LiveState } from "./plan/live.js";
import { failedState, ownerOf } from "./plan/make.js";
import { foreignPools, poolNameOf } from "./plan/pools.js";
import type { Plan, PropertyChange } from "./plan/types.js";
import type { DeploymentContext } from "./resources/context.js";

/** One resource that is not as configured. */
export interface DriftedResource {
  readonly address: string;
  readonly id: string;
  readonly kind: "missing" | "changed" | "failed" | "unexpected" | "foreign";
  /** `before` is what is there, `after` what the configuration says. */
  readonly properties: readonly PropertyChange[];
  readonly reason?: string;
}

/** What has drifted. */
export interface DriftReport {
  readonly deployment: string;
  readonly drifted: readonly DriftedResource[];
}

/** Drift from a plan, which knows what differs, and the live state, which knows what nobody asked for. */
export function driftOf(
  context: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
  plan: Plan,
): DriftReport {
  const fromPlan = plan.changes.flatMap((change): DriftedResource[] => {
    const { address, id, action, properties, reason } = change;
    const why = reason === undefined ? {} : { reason };
    if (action === "create") return [{ address, id, kind: "missing", properties: [] }];
    if (action === "delete") return [{ address, id, kind: "unexpected", properties: [], ...why }];
    if (action !== "update" && action !== "replace") return [];
    const found = live.found.get(address);
    const kind = found !== undefined && properties.length === 0 && failedState(found) ? "failed" : "changed";
    return [{ address, id, kind, properties, ...why }];
  });
  return { deployment: plan.deployment, drifted: [...fromPlan, ...foreign(context, resources, live, plan)] };
}

function foreign(
  { config }: DeploymentContext,
  resources: readonly Resource[],
  live: LiveState,
  plan: Plan,
): DriftedResource[] {
  const known = new Set(plan.changes.map(({ id }) => id.toLowerCase()));
  const others = config.resourceGroup.attach
    ? []
    : live.inGroup.filter(
        (found) =>
          !known.has((textAt(found, "id") ?? "").toLowerCase()) && ownerOf(found) !== plan.deployment,
      );
  return [
    ...others.map((found) => unexpected(textAt(found, "type") ?? "resource", found)),
    ...foreignPools(config, resources, live.pools).map((pool) =>
      unexpected(`pool/${poolNameOf(pool)}`, pool),
    ),
  ];
}

function unexpected(address: string, found: JsonObject): DriftedResource {
  const name = textAt(found, "name");
  const shown =
    name === undefined || sameName(address.split("/").at(-1), name) ? address : `${address}/${name}`;
  return {
    address: shown,
    id: textAt(found, "id") ?? "",
    kind: "foreign",
    properties: [],
    reason: "nobody here asked for it",
  };
}
