/** Ed25519 public keys from the command line. */
import { createPublicKey } from "node:crypto";
import { resolve } from "node:path";
import { fromBase64Url, SealflowError, toHex } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "./read-file.js";

/** A raw Ed25519 public key in hex: given as it is, or read from a PEM file. */
export async function publicKeyNamed(context: CliContext, flag: string, text: string): Promise<string> {
  if (/^[0-9a-f]{64}$/.test(text)) return text;
  const pem = await readUserFile(resolve(context.cwd, text), text);
  try {
    const { crv, x } = createPublicKey(pem).export({ format: "jwk" });
    if (crv === "Ed25519") return toHex(fromBase64Url(x ?? ""));
  } catch {
    // Said below.
  }
  throw new SealflowError({
    code: "CLI_KEY_INVALID",
    message: `${flag} ${text}: expected 64 hex digits, or the PEM file of an Ed25519 key`,
    where: { file: text },
  });
}
