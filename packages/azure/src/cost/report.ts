/** Adding up what a configuration costs, with prices of the retail API where it answers. */
import { isJsonObject, type JsonObject } from "@sealflow/core";
import type { Transport } from "../arm/transport.js";
import type { CloudConfig } from "../config/schema.js";
import { confidentialPoolSettings, type PoolSettings, systemPoolSettings } from "../resources/pool.js";
import { tableDate, tablePrices } from "./table.js";
import type { CostLine, CostReport } from "./types.js";

/** Where prices are asked. */
export interface PriceSource {
  readonly endpoint: string;
  /** Sends no token: the API is open to everybody. */
  readonly transport: Transport;
}

/** Hours of a month, as Azure's own calculator has it. */
const monthHours = 730;

interface Item {
  readonly address: string;
  readonly what: string;
  readonly quantity: number;
  /** Name in the table. */
  readonly table: string;
  /** Filter of the retail API; none where it has no single fitting meter. */
  readonly filter?: string;
}

/** What the configuration costs at the counts that it names. */
export async function costReport(config: CloudConfig, source: PriceSource): Promise<CostReport> {
  const items = itemsOf(config);
  const prices = await Promise.all(items.map((item) => priceOf(item, source)));
  const lines = items.flatMap(({ address, what, quantity }, index): CostLine[] => {
    const price = prices[index];
    return price === undefined ? [] : [{ address, what, quantity, ...price }];
  });
  const hourly = lines.reduce((sum, line) => sum + line.hourly * line.quantity, 0);
  return {
    currency: "USD",
    location: config.location,
    lines,
    unknown: items.filter((_, index) => prices[index] === undefined).map(({ what }) => what),
    hourly: round(hourly, 4),
    monthly: round(hourly * monthHours, 2),
    tableDate,
    notes: notesOf(config, lines),
  };
}

function round(value: number, digits: number): number {
  return Number(value.toFixed(digits));
}

function itemsOf(config: CloudConfig): Item[] {
  const { registry, cluster, location } = config;
  const pools = [systemPoolSettings(config), confidentialPoolSettings(config)];
  const nodes = pools.reduce((sum, { count }) => sum + count, 0);
  return [
    ...(registry.attach
      ? []
      : [
          {
            address: "registry",
            what: `registry ${registry.sku}`,
            quantity: 1,
            table: `registry ${registry.sku}`,
            filter: registryFilter(location, registry.sku),
          },
        ]),
    {
      address: "cluster",
      what: `control plane ${cluster.tier}`,
      quantity: 1,
      table: `control plane ${cluster.tier}`,
    },
    ...pools.map((pool) => machines(pool, location)),
    { address: "cluster", what: "OS disk, 128 GiB standard SSD", quantity: nodes, table: "os disk 128 GiB" },
    { address: "cluster", what: "load balancer", quantity: 1, table: "load balancer" },
    { address: "cluster", what: "public address", quantity: 1, table: "public address" },
  ];
}

function machines({ name, vmSize, count }: PoolSettings, location: string): Item {
  return {
    address: `pool/${name}`,
    what: vmSize,
    quantity: count,
    table: vmSize,
    filter: `serviceName eq 'Virtual Machines' and priceType eq 'Consumption' and armRegionName eq '${location}' and armSkuName eq '${vmSize}'`,
  };
}

function registryFilter(location: string, sku: string): string {
  return `serviceName eq 'Container Registry' and priceType eq 'Consumption' and armRegionName eq '${location}' and skuName eq '${sku}'`;
}

async function priceOf(
  item: Item,
  source: PriceSource,
): Promise<Pick<CostLine, "hourly" | "source"> | undefined> {
  const asked = item.filter === undefined ? undefined : await askRetail(item.filter, source);
  if (asked !== undefined) return { hourly: asked, source: "retail" };
  const known = tablePrices[item.table];
  return known === undefined ? undefined : { hourly: known, source: "table" };
}

/** The price per hour; undefined when the API does not answer or has no fitting meter. */
async function askRetail(filter: string, { endpoint, transport }: PriceSource): Promise<number | undefined> {
  const url = new URL(endpoint);
  url.searchParams.set("$filter", filter);
  try {
    const { status, body } = await transport({
      method: "GET",
      url: url.href,
      headers: { accept: "application/json" },
    });
    const answer: unknown = status === 200 ? JSON.parse(body) : undefined;
    const items =
      isJsonObject(answer) && Array.isArray(answer.Items) ? answer.Items.filter(isJsonObject) : [];
    return cheapest(items);
  } catch {
    return undefined;
  }
}

/** Linux, neither spot nor low priority; daily meters are spread over the hours. */
function cheapest(items: readonly JsonObject[]): number | undefined {
  const prices = items.flatMap((item) => {
    const names = `${String(item.productName)} ${String(item.skuName)} ${String(item.meterName)}`;
    if (/windows|spot|low priority|data stored|task|build/i.test(names) || item.currencyCode !== "USD")
      return [];
    if (typeof item.retailPrice !== "number") return [];
    return [/day/i.test(String(item.unitOfMeasure)) ? item.retailPrice / 24 : item.retailPrice];
  });
  return prices.length === 0 ? undefined : Math.min(...prices);
}

function notesOf(config: CloudConfig, lines: readonly CostLine[]): string[] {
  const autoscaled = [systemPoolSettings(config), confidentialPoolSettings(config)].filter(
    ({ autoscale }) => autoscale,
  );
  return [
    "list prices, without discounts, taxes, traffic, storage of images and of volumes",
    ...(lines.some(({ source }) => source === "table")
      ? [`lines marked "table" are for eastus as of ${tableDate} and unchecked`]
      : []),
    ...autoscaled.map(
      ({ name, autoscale }) =>
        `${name} counts ${autoscale?.min} to ${autoscale?.max} nodes as the autoscaler decides`,
    ),
    ...(config.keyVault === undefined ? [] : ["the key vault is paid per operation"]),
    "a stopped cluster pays disks, address and registry only",
  ];
}
