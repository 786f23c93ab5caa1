/** Kubernetes quantities: the strings of CPU and memory settings. */

/** CPU: a number of cores, or text such as `"500m"` or `"2"`. */
export type CpuQuantity = number | `${number}` | `${number}m`;

/** Memory: a number of bytes, or text with a unit such as `"4Gi"` (binary) or `"500M"` (decimal). */
export type MemoryQuantity =
  | number
  | `${number}`
  | `${number}${"Ki" | "Mi" | "Gi" | "Ti" | "Pi" | "Ei" | "k" | "K" | "M" | "G" | "T" | "P" | "E"}`;

const BINARY = ["Ki", "Mi", "Gi", "Ti", "Pi", "Ei"];
const DECIMAL = ["k", "M", "G", "T", "P", "E"];

/** Cores behind a CPU quantity, or undefined when it is none. */
export function coresOf(quantity: string): number | undefined {
  const [, digits, unit] = /^(\d+(?:\.\d+)?|\.\d+)(m?)$/.exec(quantity) ?? [];
  if (digits === undefined) return undefined;
  return unit === "m" ? Number(digits) / 1000 : Number(digits);
}

/** Gigabytes (10^9 bytes) behind a memory quantity, or undefined when it is none. */
export function gigabytesOf(quantity: string): number | undefined {
  const [, digits, unit = ""] = /^(\d+(?:\.\d+)?)(Ki|Mi|Gi|Ti|Pi|Ei|[kKMGTPE])?$/.exec(quantity) ?? [];
  if (digits === undefined) return undefined;
  return (Number(digits) * factorOf(unit)) / 1e9;
}

function factorOf(unit: string): number {
  if (unit === "") return 1;
  if (BINARY.includes(unit)) return 1024 ** (BINARY.indexOf(unit) + 1);
  return 1000 ** (DECIMAL.indexOf(unit === "K" ? "k" : unit) + 1);
}
