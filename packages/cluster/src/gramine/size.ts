/** Sizes as Gramine's manifests write them. */
import { SealflowError } from "@sealflow/core";

const units: Readonly<Record<string, number>> = { "": 1, K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 };

/**
 * Bytes behind `512M`, `8G` or a plain number, decimal or hexadecimal.
 *
 * @param where What the size belongs to, for messages.
 * @throws SealflowError `CLUSTER_SIZE_INVALID`
 */
export function parseSize(text: string, where: string): number {
  const [, digits = "", unit = ""] = /^(\d+|0x[0-9a-fA-F]+)([KMG]?)$/.exec(text) ?? [];
  const size = Number(digits || Number.NaN) * (units[unit] ?? Number.NaN);
  if (Number.isSafeInteger(size) && size > 0) return size;
  throw new SealflowError({
    code: "CLUSTER_SIZE_INVALID",
    message: `${where}: expected a size such as 512M or 8G, got ${JSON.stringify(text)}`,
  });
}

/** The shortest way to write a size: `8G`, `512M`, `64K`, or bytes. */
export function formatSize(bytes: number): string {
  for (const unit of ["G", "M", "K"] as const) {
    const scale = units[unit] ?? 1;
    if (bytes >= scale && bytes % scale === 0) return `${bytes / scale}${unit}`;
  }
  return String(bytes);
}

/** True for 1, 2, 4, 8, … */
export function isPowerOfTwo(value: number): boolean {
  if (!Number.isSafeInteger(value) || value < 1) return false;
  return (BigInt(value) & BigInt(value - 1)) === 0n;
}
