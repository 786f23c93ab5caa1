/** The key that may log in to nodes. Like the Azure CLI: the user's own, else one made for the purpose. */
import { generateKeyPairSync } from "node:crypto";
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, join, resolve } from "node:path";
import { concatBytes, SealflowError, toBase64, utf8 } from "@sealflow/core";
import type { CloudConfig } from "./config/schema.js";

/** Where keys are looked for. */
export interface KeyPlaces {
  /** Relative paths of the configuration start here. */
  readonly baseDirectory: string;
  /** Where a key is made: its public half gets `.pub`. */
  readonly generated: string;
  readonly home?: string;
}

/**
 * The public key, if there is one.
 *
 * @throws SealflowError `AZURE_SSH_KEY_INVALID` when the configured file holds none.
 */
export function existingPublicKey(config: CloudConfig, places: KeyPlaces): string | undefined {
  const { ssh } = config.cluster;
  if (ssh === "none" || ssh.publicKey !== undefined) return undefined;
  if (ssh.publicKeyFile !== undefined) return readKey(expanded(ssh.publicKeyFile, places));
  const usual = join(places.home ?? homedir(), ".ssh", "id_rsa.pub");
  const found = [`${places.generated}.pub`, usual].find((file) => existsSync(file));
  return found === undefined ? undefined : readKey(found);
}

/** The public key, made where there is none (RSA, 3072 bits; the private half readable by the user only). */
export function ensurePublicKey(config: CloudConfig, places: KeyPlaces): string | undefined {
  const { ssh } = config.cluster;
  if (ssh === "none" || ssh.publicKey !== undefined) return undefined;
  const existing = existingPublicKey(config, places);
  if (existing !== undefined) return existing;
  const { publicKey, privateKey } = generateKeyPairSync("rsa", { modulusLength: 3072 });
  const { e, n } = publicKey.export({ format: "jwk" });
  const line = openSshPublicKey(bytesOf(e), bytesOf(n));
  mkdirSync(dirname(places.generated), { recursive: true, mode: 0o700 });
  writeFileSync(places.generated, privateKey.export({ type: "pkcs1", format: "pem" }), { mode: 0o600 });
  writeFileSync(`${places.generated}.pub`, `${line} sealflow\n`);
  return line;
}

function expanded(path: string, { baseDirectory, home }: KeyPlaces): string {
  return path.startsWith("~/") ? join(home ?? homedir(), path.slice(2)) : resolve(baseDirectory, path);
}

function readKey(file: string): string {
  const line = existsSync(file) ? readFileSync(file, "utf8").trim() : "";
  const [type, key] = line.split(/\s+/);
  if (key !== undefined && /^ssh-(rsa|ed25519)$/.test(type ?? "")) return `${type} ${key}`;
  throw new SealflowError({
    code: "AZURE_SSH_KEY_INVALID",
    message: "cluster.ssh: expected a file with a public key in OpenSSH form (ssh-rsa or ssh-ed25519)",
    where: { file },
    hint: 'ssh-keygen -t rsa -b 3072 makes one; cluster.ssh: "none" leaves it out',
  });
}

function bytesOf(base64url: string | undefined): Uint8Array {
  return Buffer.from(base64url ?? "", "base64url");
}

/** `ssh-rsa` and its three fields, each with its length (RFC 4253, section 6.6). */
function openSshPublicKey(exponent: Uint8Array, modulus: Uint8Array): string {
  const blob = concatBytes(field(utf8("ssh-rsa")), field(positive(exponent)), field(positive(modulus)));
  return `ssh-rsa ${toBase64(blob)}`;
}

function field(bytes: Uint8Array): Uint8Array {
  const length = new Uint8Array(4);
  new DataView(length.buffer).setUint32(0, bytes.length);
  return concatBytes(length, bytes);
}

/** Numbers are signed there: a leading zero keeps them positive. */
function positive(bytes: Uint8Array): Uint8Array {
  return (bytes[0] ?? 0) >= 0x80 ? concatBytes(Uint8Array.of(0), bytes) : bytes;
}
