/** The key that signs enclaves: from a file, or in a Managed HSM. */
import { resolve } from "node:path";
import { type EnclaveSigner, keyFileSigner, managedHsmSigner } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "./read-file.js";

/**
 * The signer that the flags name.
 *
 * @throws SealflowError `CLI_SIGNING_KEY`, `CLUSTER_SIGNING_KEY`, `CLUSTER_VAULT_…`
 */
export async function enclaveSigner(
  context: CliContext,
  { key, vaultKey }: { readonly key?: string; readonly vaultKey?: string },
): Promise<EnclaveSigner> {
  if ((key === undefined) === (vaultKey === undefined)) {
    throw new SealflowError({
      code: "CLI_SIGNING_KEY",
      message: "expected one of --key and --vault-key",
      hint: "openssl genrsa -3 -out enclave-key.pem 3072",
    });
  }
  if (key !== undefined) {
    const pem = await readUserFile(resolve(context.cwd, key), key);
    return keyFileSigner(pem, context.process.env.SEALFLOW_ENCLAVE_KEY_PASSPHRASE);
  }
  const { azureToken } = await import("./azure-token.js");
  return managedHsmSigner(vaultKey ?? "", { fetch, token: azureToken });
}
