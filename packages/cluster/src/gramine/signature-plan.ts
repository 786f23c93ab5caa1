/** What a manifest wants its SIGSTRUCT to say. */
import { isJsonObject, SealflowError } from "@sealflow/core";
import { parseManifest } from "./manifest-file.js";
import type { CpuFeature, SigstructContent } from "./sigstruct.js";

const features = ["avx", "avx512", "amx", "mpx", "pkru"] as const;
const values = new Set<unknown>(["required", "unspecified", "disabled"]);

/**
 * Product, version, and processor features from a final manifest.
 *
 * @param mrenclave Of the same manifest.
 * @throws SealflowError `CLUSTER_MANIFEST_INVALID`
 */
export function signaturePlan(manifest: Uint8Array, mrenclave: string, date: Date): SigstructContent {
  const { sgx } = parseManifest(manifest);
  const table = isJsonObject(sgx.cpu_features) ? sgx.cpu_features : {};
  const cpuFeatures: Partial<Record<(typeof features)[number], CpuFeature>> = {};
  for (const name of features) {
    const value = table[name];
    if (value === undefined) continue;
    if (!values.has(value))
      throw unfit(`sgx.cpu_features.${name}`, "required, unspecified or disabled", value);
    cpuFeatures[name] = value as CpuFeature;
  }
  return {
    mrenclave,
    date,
    productId: uint16(sgx.isvprodid, "sgx.isvprodid"),
    svn: uint16(sgx.isvsvn, "sgx.isvsvn"),
    exinfo: sgx.use_exinfo === true,
    cpuFeatures,
  };
}

function uint16(value: unknown, path: string): number {
  const number = value ?? 0;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number <= 0xffff)
    return number;
  throw unfit(path, "a whole number from 0 to 65535", value);
}

function unfit(path: string, expected: string, got: unknown): SealflowError {
  return new SealflowError({
    code: "CLUSTER_MANIFEST_INVALID",
    message: `${path}: expected ${expected}, got ${JSON.stringify(got)}`,
    where: { path },
  });
}
