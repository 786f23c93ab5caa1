/** Ed25519 keys from PEM files. */
import { createPrivateKey, createPublicKey } from "node:crypto";
import { resolve } from "node:path";
import { fromBase64Url, SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "./read-file.js";

/**
 * A key that signs.
 *
 * @throws SealflowError `CLI_KEY_INVALID`
 */
export async function readSigningKey(context: CliContext, file: string) {
  const pem = await readUserFile(resolve(context.cwd, file), file);
  try {
    const key = createPrivateKey(pem);
    const { x } = createPublicKey(key).export({ format: "jwk" });
    const der = Uint8Array.from(key.export({ format: "der", type: "pkcs8" }));
    const privateKey = await crypto.subtle.importKey("pkcs8", der, "Ed25519", false, ["sign"]);
    return { privateKey, publicKey: fromBase64Url(x ?? "") };
  } catch {
    throw new SealflowError({
      code: "CLI_KEY_INVALID",
      message: `${file}: expected an unencrypted Ed25519 private key in PEM`,
      where: { file },
      hint: "openssl genpkey -algorithm ed25519",
    });
  }
}
