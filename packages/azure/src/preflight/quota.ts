import { isJsonObject } from "@sealflow/core";
import { sameName, textAt, valueAt } from "../model/path.js";
import { poolNameOf } from "../plan/pools.js";
import { apiVersions } from "../resources/ids.js";
import { confidentialPoolSettings, type PoolSettings, systemPoolSettings } from "../resources/pool.js";
import type { PreflightCheck, PreflightContext } from "./context.js";
import { type Size, sizesOf } from "./sizes.js";
import type { PreflightFinding } from "./types.js";

const name = "quota";
/** AKS upgrades a pool with one more node than it has, unless told otherwise. */
const surgeNodes = 1;

/** The machines that are still to be made, and one more per pool for upgrades, fit into the quota. */
export const quotaCheck: PreflightCheck = {
  name,
  async run(context) {
    const { client, subscription, config } = context;
    const [sizes, usages] = await Promise.all([
      sizesOf(context, config.location),
      client.list(
        `/subscriptions/${subscription}/providers/Microsoft.Compute/locations/${config.location}/usages`,
        apiVersions.usages,
      ),
    ]);
    const needs = needsOf(context, sizes);
    return [...needs].map(([family, vcpus]) => {
      const usage = usages.find((each) => sameName(textAt(each, "name.value"), family));
      return judge(config.location, family, vcpus, usage);
    });
  },
};

/** Virtual processors by quota, `cores` being the region's total. */
function needsOf(context: PreflightContext, sizes: readonly Size[]): Map<string, number> {
  const needs = new Map<string, number>();
  const add = (family: string, vcpus: number) => needs.set(family, (needs.get(family) ?? 0) + vcpus);
  for (const pool of [systemPoolSettings(context.config), confidentialPoolSettings(context.config)]) {
    const size = sizes.find((each) => sameName(each.name, pool.vmSize));
    if (size === undefined) continue;
    const vcpus = newNodes(context, pool) * size.vcpus;
    add(size.family, vcpus);
    add("cores", vcpus);
  }
  return needs;
}

/** Nodes that are not there yet, and the surge. */
function newNodes({ live }: PreflightContext, pool: PoolSettings): number {
  const wanted = Math.max(pool.count, pool.autoscale?.max ?? 0);
  const there = live?.pools.find(
    (each) =>
      sameName(poolNameOf(each), pool.name) && sameName(textAt(each, "properties.vmSize"), pool.vmSize),
  );
  const count = valueAt(there, "properties.count");
  return Math.max(0, wanted - (typeof count === "number" ? count : 0)) + surgeNodes;
}

function judge(location: string, family: string, vcpus: number, usage: unknown): PreflightFinding {
  const quota = family === "cores" ? `total vCPUs of ${location}` : family;
  if (!isJsonObject(usage)) {
    const message = `${quota}: the quota is not listed, so that it is likely 0; ${vcpus} vCPUs are needed`;
    return { check: name, status: "failed", message, mend: mendFor(quota, location, vcpus) };
  }
  const limit = Number(usage.limit ?? 0);
  const used = Number(usage.currentValue ?? 0);
  const free = limit - used;
  const data = { family, needed: vcpus, limit, used };
  const numbers = `needs ${vcpus} vCPUs including surge for upgrades, ${free} of ${limit} are free`;
  if (free >= vcpus) return { check: name, status: "ok", message: `${quota}: ${numbers}`, data };
  return {
    check: name,
    status: "failed",
    message: `${quota}: ${numbers}`,
    mend: mendFor(quota, location, used + vcpus),
    data,
  };
}

function mendFor(quota: string, location: string, total: number): string {
  return `ask for a quota of ${total} for ${quota} in ${location} (portal: Quotas, Compute), or lower the counts`;
}
