/** The typed way to write a configuration. */
import type { SealflowConfigInput } from "./schema.js";

/**
 * Returns its argument: it only gives a `sealflow.config.ts` its types. Values are checked when the file is read.
 *
 * @example export default defineConfig({ cloud: { location: "eastus", confidential: "sgx" } });
 */
export function defineConfig(config: SealflowConfigInput): SealflowConfigInput {
  return config;
}
