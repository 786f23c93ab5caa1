/** Which live pools stand for a pool of the configuration, and how one is replaced without losing its work. */
import type { JsonObject } from "@sealflow/core";
import { type CloudConfig, deploymentName } from "../config/schema.js";
import { differences } from "../model/diff.js";
import { sameName, textAt } from "../model/path.js";
import { ownershipTag, poolTag, type Resource } from "../model/resource.js";

/** The live pool that serves, the ones that have to go, and the name of a successor. */
export interface PoolMatch {
  readonly current: JsonObject | undefined;
  readonly surplus: readonly JsonObject[];
  /** Set when no live pool can become what is asked for. */
  readonly successor: string | undefined;
}

const maximumNameLength = 12;

/**
 * Matches by name and by tag: a pool that a rotation has made carries another name and the tag `sealflow-pool`. During
 * an interrupted rotation two match; the one that fits is kept.
 */
export function matchPool(resource: Resource, pools: readonly JsonObject[]): PoolMatch {
  const name = poolName(resource);
  const own = pools.filter(
    (pool) => sameName(poolNameOf(pool), name) || textAt(pool, `properties.tags.${poolTag}`) === name,
  );
  const fitting = own.filter((pool) => !needsReplacement(resource, pool));
  const current = fitting.find(isReady) ?? fitting[0];
  if (current !== undefined)
    return { current, surplus: own.filter((pool) => pool !== current), successor: undefined };
  if (own.length === 0) return { current: undefined, surplus: [], successor: undefined };
  return { current: undefined, surplus: own, successor: freeName(name, pools) };
}

/** Name of the pool in the configuration. */
export function poolName(resource: Resource): string {
  return resource.address.slice("pool/".length);
}

/** Name of a live pool. */
export function poolNameOf(pool: JsonObject): string {
  return textAt(pool, "name") ?? textAt(pool, "id")?.split("/").at(-1) ?? "";
}

function isReady(pool: JsonObject): boolean {
  return sameName(textAt(pool, "properties.provisioningState"), "Succeeded");
}

/** True when a difference asks for new nodes. */
export function needsReplacement(resource: Resource, pool: JsonObject): boolean {
  return differences(resource, pool).some(({ property }) => property.change === "replace");
}

function freeName(name: string, pools: readonly JsonObject[]): string {
  const taken = new Set(pools.map((pool) => poolNameOf(pool).toLowerCase()));
  if (!taken.has(name)) return name;
  for (let number = 2; ; number += 1) {
    const candidate = `${name.slice(0, maximumNameLength - String(number).length)}${number}`;
    if (!taken.has(candidate)) return candidate;
  }
}

/** Pools that this deployment made and that the configuration no longer names. */
export function abandonedPools(
  config: CloudConfig,
  resources: readonly Resource[],
  pools: readonly JsonObject[],
): JsonObject[] {
  const wanted = new Set(resources.filter(({ kind }) => kind === "pool").map(poolName));
  return pools.filter((pool) => {
    const known = textAt(pool, `properties.tags.${poolTag}`) ?? poolNameOf(pool);
    const ours = textAt(pool, `properties.tags.${ownershipTag}`) === deploymentName(config);
    return ours && !wanted.has(known);
  });
}

/** Pools of the cluster that are neither asked for nor ours. */
export function foreignPools(
  config: CloudConfig,
  resources: readonly Resource[],
  pools: readonly JsonObject[],
): JsonObject[] {
  const matched = resources
    .filter(({ kind }) => kind === "pool")
    .map((resource) => matchPool(resource, pools))
    .flatMap(({ current, surplus }) => [...(current === undefined ? [] : [current]), ...surplus]);
  const known = new Set([...matched, ...abandonedPools(config, resources, pools)]);
  return pools.filter((pool) => !known.has(pool));
}
