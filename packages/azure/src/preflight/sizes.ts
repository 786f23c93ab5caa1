import { isJsonObject, type JsonObject } from "@sealflow/core";
import { sameName, textAt } from "../model/path.js";
import { apiVersions } from "../resources/ids.js";
import { confidentialPoolSettings, type PoolSettings, systemPoolSettings } from "../resources/pool.js";
import type { PreflightCheck, PreflightContext } from "./context.js";
import type { PreflightFinding } from "./types.js";

/** A machine size as one region offers it to this subscription. */
export interface Size {
  readonly name: string;
  readonly family: string;
  readonly vcpus: number;
  /** Why it can't be had, or undefined. */
  readonly restriction: string | undefined;
}

/** Sizes of a region; `undefined` asks for all regions, which is a long answer. */
export async function sizesOf(
  { client, subscription }: Pick<PreflightContext, "client" | "subscription">,
  location: string,
): Promise<Size[]> {
  const found = await client.list(
    `/subscriptions/${subscription}/providers/Microsoft.Compute/skus`,
    apiVersions.skus,
    {
      $filter: `location eq '${location}'`,
    },
  );
  return found
    .filter((sku) => sameName(textAt(sku, "resourceType"), "virtualMachines"))
    .map((sku) => toSize(sku, location));
}

function toSize(sku: JsonObject, location: string): Size {
  const capabilities = Array.isArray(sku.capabilities) ? sku.capabilities.filter(isJsonObject) : [];
  const vcpus = capabilities.find(({ name }) => name === "vCPUs")?.value;
  return {
    name: textAt(sku, "name") ?? "",
    family: textAt(sku, "family") ?? "",
    vcpus: Number(vcpus ?? 0),
    restriction: restrictionOf(sku, location),
  };
}

/** Restrictions of single zones leave the region usable. */
function restrictionOf(sku: JsonObject, location: string): string | undefined {
  const restrictions = Array.isArray(sku.restrictions) ? sku.restrictions.filter(isJsonObject) : [];
  const whole = restrictions.find(({ type, values }) => {
    const named = Array.isArray(values) ? values : [];
    return (
      sameName(String(type), "Location") &&
      (named.length === 0 || named.some((value) => sameName(String(value), location)))
    );
  });
  return whole === undefined ? undefined : String(whole.reasonCode ?? "restricted");
}

const name = "sizes";
/** End of capacity for new subscriptions, and end of the sizes. Source: Azure compute documentation, DCsv3 retirement. */
const closedToNew = Date.UTC(2026, 10, 1);
const retires = "2029-10-31";

/** The pools' sizes are offered in the region to this subscription; for SGX, until when. */
export const sizesCheck: PreflightCheck = {
  name,
  async run(context) {
    const { config, now } = context;
    const sizes = await sizesOf(context, config.location);
    const pools = [systemPoolSettings(config), confidentialPoolSettings(config)];
    const findings = await Promise.all(pools.map((pool) => check(context, pool, sizes)));
    return [...findings, ...(config.confidential === "sgx" ? [sgxFacts(now)] : []), ...snpFacts(context)];
  },
};

async function check(
  context: PreflightContext,
  pool: PoolSettings,
  sizes: readonly Size[],
): Promise<PreflightFinding> {
  const { location } = context.config;
  const size = sizes.find((each) => sameName(each.name, pool.vmSize));
  const what = `${pool.vmSize} for pool ${pool.name}`;
  if (size !== undefined && size.restriction === undefined) {
    return { check: name, status: "ok", message: `${what} is offered in ${location}` };
  }
  const reason =
    size === undefined
      ? `is not offered in ${location}`
      : `is closed to this subscription in ${location} (${size.restriction})`;
  const { here, regions, snp } = await alternatives(context, pool, sizes);
  const ways = [
    ...(here.length > 0 ? [`sizes here: ${here.join(", ")}`] : []),
    ...(regions.length > 0 ? [`regions with ${pool.vmSize}: ${regions.join(", ")}`] : []),
    ...(snp.length > 0 ? [`confidential: "sev-snp" with ${snp.join(", ")}`] : []),
  ];
  return {
    check: name,
    status: "failed",
    message: `${what} ${reason}`,
    mend:
      ways.length > 0
        ? `use one of: ${ways.join("; ")}`
        : "ask Azure support to open the size, or use another region",
    data: { size: pool.vmSize, here, regions, snp },
  };
}

/** Prefix of a family: `Standard_DC` and the generation. */
function series(size: string): string {
  return size.toLowerCase().replace(/\d+/, "#");
}

async function alternatives(context: PreflightContext, pool: PoolSettings, sizes: readonly Size[]) {
  const free = sizes.filter(({ restriction }) => restriction === undefined);
  const here = free.filter((size) => series(size.name) === series(pool.vmSize)).map((size) => size.name);
  const snp =
    context.config.confidential === "sgx" && pool.mode === "User"
      ? free.filter(({ name: size }) => /^Standard_DC\d+as_v[56]$/i.test(size)).map((size) => size.name)
      : [];
  return { here: here.slice(0, 6), regions: await regionsWith(context, pool.vmSize), snp: snp.slice(0, 4) };
}

/** Regions where the size can be had: from the list of all, since no request asks for one size everywhere. */
async function regionsWith({ client, subscription }: PreflightContext, size: string): Promise<string[]> {
  const found = await client
    .list(`/subscriptions/${subscription}/providers/Microsoft.Compute/skus`, apiVersions.skus)
    .catch(() => []);
  const regions = found
    .filter((sku) => sameName(textAt(sku, "name"), size))
    .flatMap((sku) => {
      const location = Array.isArray(sku.locations) ? String(sku.locations[0]) : undefined;
      return location === undefined || restrictionOf(sku, location) !== undefined ? [] : [location];
    });
  return [...new Set(regions)].sort().slice(0, 12);
}

function sgxFacts(now: number): PreflightFinding {
  const closed = now >= closedToNew;
  return {
    check: name,
    status: "warning",
    message: `SGX sizes (DCsv3, DCdsv3) ${closed ? "take" : "will take"} no new subscriptions since November 2026 and end on ${retires}`,
    mend: 'plan for confidential: "sev-snp"; its evidence is not yet verified, sealed keys are not released to it',
  };
}

function snpFacts({ config }: PreflightContext): PreflightFinding[] {
  if (config.confidential !== "sev-snp") return [];
  const message =
    "sev-snp is node-level; its evidence is not yet verified, sealed keys are not released to it";
  return [
    {
      check: name,
      status: "warning",
      message,
      mend: 'use confidential: "sgx" where sealed keys have to be released',
    },
  ];
}
