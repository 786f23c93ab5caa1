/** Key files of `sealflow keys`, read in the browser: with file permissions only, or under a passphrase. */
import { canonicalJson, fromBase64, isJsonObject, type JsonObject, SealflowError } from "@sealflow/core";
import { type Identity, projectKeyFrom } from "@sealflow/seal";

/** A file may not ask for more memory than this to be opened: 1 GiB. */
const MOST_SCRYPT_BYTES = 1024 * 1024 * 1024;

function malformed(wanted: string): SealflowError {
  return new SealflowError({
    code: "WEB_KEY_FILE",
    message: `key file: expected ${wanted}`,
    hint: "Take the JSON file that `sealflow keys show` names.",
  });
}

/** True when a key file needs a passphrase. @throws SealflowError `WEB_KEY_FILE` */
export function wantsPassphrase(text: string): boolean {
  const { protection } = keyFile(text);
  return protection.kind === "passphrase";
}

function keyFile(text: string): { readonly open: JsonObject; readonly protection: JsonObject } {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // Told below.
  }
  if (!isJsonObject(value) || value.version !== "sealflow.key/v1") throw malformed("a key of this release");
  const { protection, ...open } = value;
  if (!isJsonObject(protection)) throw malformed("a protection");
  return { open, protection };
}

/**
 * The identities of a key file, the one in use first.
 *
 * @param passphrase Needed where `wantsPassphrase` says so.
 * @throws SealflowError `WEB_KEY_FILE`, `WEB_PASSPHRASE`
 */
export async function readIdentities(text: string, passphrase: string): Promise<readonly Identity[]> {
  const { open, protection } = keyFile(text);
  const secrets = secretsOf(await unprotect(protection, open, passphrase));
  const keys = await Promise.all(secrets.map(projectKeyFrom));
  return keys.map(({ identity }) => identity);
}

async function unprotect(protection: JsonObject, open: JsonObject, passphrase: string): Promise<Uint8Array> {
  if (protection.kind === "permissions") return bytesOf(protection.secrets);
  if (protection.kind !== "passphrase" || !isJsonObject(protection.kdf)) {
    throw malformed("a file that needs no key vault: open the artifact with `sealflow open`");
  }
  const stretched = await stretch(protection.kdf, passphrase);
  const key = await crypto.subtle.importKey("raw", stretched, "AES-GCM", false, ["decrypt"]);
  const additionalData = new TextEncoder().encode(canonicalJson(open));
  const iv = bytesOf(protection.nonce);
  try {
    const sealed = bytesOf(protection.ciphertext);
    return new Uint8Array(await crypto.subtle.decrypt({ name: "AES-GCM", iv, additionalData }, key, sealed));
  } catch {
    throw new SealflowError({
      code: "WEB_PASSPHRASE",
      message: "passphrase: it does not open this key file",
    });
  }
}

async function stretch(kdf: JsonObject, passphrase: string): Promise<Uint8Array<ArrayBuffer>> {
  const [n, r, p] = [Number(kdf.n), Number(kdf.r), Number(kdf.p)];
  const whole = [n, r, p].every((value) => Number.isSafeInteger(value) && value > 0);
  if (kdf.name !== "scrypt" || !whole || p > 16 || 128 * n * r > MOST_SCRYPT_BYTES) {
    throw malformed("parameters of scrypt within 1 GiB");
  }
  const { scryptAsync } = await import("@noble/hashes/scrypt.js");
  // Equal texts from different keyboards must give equal bytes.
  const password = passphrase.normalize("NFKC");
  const salt = bytesOf(kdf.salt);
  return new Uint8Array(
    await scryptAsync(password, salt, { N: n, r, p, dkLen: 32, maxmem: 2 * MOST_SCRYPT_BYTES }),
  );
}

function bytesOf(value: unknown): Uint8Array<ArrayBuffer> {
  if (typeof value !== "string") throw malformed("bytes in base64");
  return new Uint8Array(fromBase64(value));
}

function secretsOf(encoded: Uint8Array): readonly Uint8Array<ArrayBuffer>[] {
  let value: unknown;
  try {
    value = JSON.parse(new TextDecoder().decode(encoded));
  } catch {
    // Told below.
  }
  if (!Array.isArray(value) || value.length === 0) throw malformed("secrets");
  return value.map(bytesOf);
}
