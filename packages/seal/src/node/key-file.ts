/**
 * Project keys at rest: one JSON file per key, readable by its owner only. What is secret in it is kept under a
 * protection; what is public is bound to it.
 */
import { createCipheriv, createDecipheriv, randomBytes, scrypt } from "node:crypto";
import { open, readFile } from "node:fs/promises";
import {
  canonicalJson,
  fromBase64,
  fromUtf8,
  isJsonObject,
  isSealflowError,
  type JsonObject,
  SealflowError,
  toBase64,
  toHex,
  utf8,
} from "@sealflow/core";
import { projectKeyFrom } from "../keys/identity.js";
import { formatRecipient } from "../keys/recipient.js";
import { unreadable, writeFileAtomically } from "./files.js";

type Bytes = Uint8Array<ArrayBuffer>;

const version = "sealflow.key/v1";

/** What anyone may see of a key file. */
export interface KeyFileInfo {
  readonly name: string;
  /** RFC 3339, UTC. */
  readonly createdAt: string;
  /** Text of the recipient that artifacts are sealed to now. */
  readonly recipient: string;
  /** Raw Ed25519 key in lower-case hex. */
  readonly signer: string;
  /** Recipients of earlier secrets, newest first: what was sealed to them still opens. */
  readonly previous: readonly string[];
  readonly protection: KeyProtection["kind"];
}

/** An unlocked key: secrets of 32 bytes, the one in use first. */
export interface ProjectSecrets {
  readonly info: KeyFileInfo;
  readonly secrets: readonly Bytes[];
}

/** Something outside that keeps a key of its own and wraps ours with it: a key vault. */
export interface KeyWrapper {
  /** Name of its kind, as the key file carries it. */
  readonly kind: string;
  /** @returns What `unwrap` needs, without anything secret. */
  wrap(key: Uint8Array): Promise<JsonObject>;
  unwrap(wrapped: JsonObject): Promise<Uint8Array>;
}

/** How secrets are kept. */
export type KeyProtection =
  /** By the file's permissions alone. */
  | { readonly kind: "permissions" }
  /** Under a passphrase, stretched with scrypt. */
  | { readonly kind: "passphrase"; readonly passphrase: string; readonly cost?: ScryptCost }
  | { readonly kind: "wrapped"; readonly wrapper: KeyWrapper };

/** Parameters of scrypt (RFC 7914). Default: N 2^17, r 8, p 1, which takes 128 MiB. */
export interface ScryptCost {
  readonly n: number;
  readonly r: number;
  readonly p: number;
}

const defaultCost: ScryptCost = { n: 2 ** 17, r: 8, p: 1 };
/** A file may not ask for more memory than this to be opened: 1 GiB. */
const maxScryptBytes = 1024 * 1024 * 1024;

/**
 * Writes a key file with permissions 0600.
 *
 * @param secrets 32 bytes each, the one in use first.
 * @throws SealflowError `SEAL_OUTPUT_EXISTS`, `SEAL_FILE_UNWRITABLE`, and what a wrapper throws.
 */
export async function writeKeyFile(
  path: string,
  key: { readonly name: string; readonly createdAt: string; readonly secrets: readonly Bytes[] },
  how: { readonly protection: KeyProtection; readonly replace?: boolean },
): Promise<KeyFileInfo> {
  const keys = await Promise.all(key.secrets.map(publicPartsOf));
  const [current, ...previous] = keys;
  if (current === undefined) throw new TypeError("key file: expected a secret at least");
  const open = {
    version,
    name: key.name,
    createdAt: key.createdAt,
    ...current,
    previous: previous.map(({ recipient }) => recipient),
  };
  const secret = await protect(utf8(canonicalJson(key.secrets.map(toBase64))), open, how.protection);
  const text = utf8(`${JSON.stringify({ ...open, protection: secret }, null, 2)}\n`);
  await writeFileAtomically(path, [text], { mode: 0o600, replace: how.replace === true });
  return infoOf({ ...open, protection: secret }, path);
}

async function publicPartsOf(secret: Bytes) {
  const { identity, signer } = await projectKeyFrom(secret);
  return { recipient: await formatRecipient(identity.recipient), signer: toHex(signer.publicKey) };
}

async function protect(secret: Bytes, open: JsonObject, how: KeyProtection): Promise<JsonObject> {
  if (how.kind === "permissions") return { kind: how.kind, secrets: toBase64(secret) };
  const { kind, key, ...stored } = await newKey(how);
  return { kind, ...stored, ...encrypt(secret, key, open) };
}

async function newKey(how: Exclude<KeyProtection, { kind: "permissions" }>) {
  if (how.kind === "passphrase") {
    const { n, r, p } = how.cost ?? defaultCost;
    const salt = Uint8Array.from(randomBytes(32));
    const key = await stretch(how.passphrase, { n, r, p, salt });
    return { kind: how.kind, key, kdf: { name: "scrypt", n, r, p, salt: toBase64(salt) } };
  }
  const key = Uint8Array.from(randomBytes(32));
  return { kind: how.kind, key, wrapper: how.wrapper.kind, wrapped: await how.wrapper.wrap(key) };
}

function encrypt(secret: Bytes, key: Uint8Array, open: JsonObject): { nonce: string; ciphertext: string } {
  const nonce = randomBytes(12);
  const cipher = createCipheriv("aes-256-gcm", key, nonce).setAAD(utf8(canonicalJson(open)));
  const ciphertext = Buffer.concat([cipher.update(secret), cipher.final(), cipher.getAuthTag()]);
  return { nonce: toBase64(nonce), ciphertext: toBase64(ciphertext) };
}

function stretch(
  passphrase: string,
  { n, r, p, salt }: ScryptCost & { readonly salt: Uint8Array },
): Promise<Uint8Array> {
  // Equal texts from different keyboards must give equal bytes.
  const password = passphrase.normalize("NFKC");
  return new Promise((resolve, reject) => {
    scrypt(
      password,
      salt,
      32,
      { N: n, r, p, maxmem: 128 * n * r + 64 * 1024 * r * p + 1024 },
      (error, key) => {
        if (error === null) resolve(key);
        else reject(error);
      },
    );
  });
}

/** Where what opens a key file comes from; asked only when the file wants it. */
export interface KeyAccess {
  readonly passphrase: (name: string) => Promise<string>;
  /** The wrapper of a kind. */
  readonly wrapper: (kind: string) => Promise<KeyWrapper>;
}

/**
 * What a key file says openly. Nothing is decrypted.
 *
 * @throws SealflowError `SEAL_KEY_FILE_MISSING`, `SEAL_KEY_FILE_MALFORMED`, `SEAL_FILE_UNREADABLE`
 */
export async function readKeyFileInfo(path: string): Promise<KeyFileInfo> {
  return infoOf(await readObject(path), path);
}

/**
 * Opens a key file.
 *
 * @throws SealflowError `SEAL_KEY_FILE_MISSING`, `SEAL_KEY_FILE_MALFORMED`, `SEAL_KEY_FILE_PERMISSIONS`, `SEAL_KEY_LOCKED` for a
 *   wrong passphrase or a changed file, `SEAL_FILE_UNREADABLE`, and what the access throws.
 */
export async function openKeyFile(path: string, access: KeyAccess): Promise<ProjectSecrets> {
  const file = await readObject(path);
  await requirePrivate(path);
  const info = infoOf(file, path);
  const { protection, ...open } = file;
  if (!isJsonObject(protection)) throw malformed(path, "a protection");
  const secrets = secretsOf(await unprotect(protection, open, { path, info, access }), path);
  await requireOwn(secrets, info, path);
  return { info, secrets };
}

/** Without a passphrase nothing else binds what a file says openly to its secrets. */
async function requireOwn(secrets: readonly Bytes[], info: KeyFileInfo, path: string): Promise<void> {
  const [current, ...previous] = await Promise.all(secrets.map(publicPartsOf));
  const named = [info.recipient, info.signer, ...info.previous];
  const own = [current?.recipient, current?.signer, ...previous.map(({ recipient }) => recipient)];
  if (named.length !== own.length || named.some((each, i) => each !== own[i]))
    throw malformed(path, "the secrets of the recipients and the signer that it names");
}

interface Opening {
  readonly path: string;
  readonly info: KeyFileInfo;
  readonly access: KeyAccess;
}

async function unprotect(protection: JsonObject, open: JsonObject, opening: Opening): Promise<Bytes> {
  const { path } = opening;
  if (protection.kind === "permissions") return bytesOf(protection.secrets, path);
  const key = await keyOf(protection, opening);
  const [nonce, sealed] = [bytesOf(protection.nonce, path), bytesOf(protection.ciphertext, path)];
  if (nonce.length !== 12 || sealed.length < 16 || key.length !== 32)
    throw malformed(path, "a nonce and a ciphertext");
  const decipher = createDecipheriv("aes-256-gcm", key, nonce).setAAD(utf8(canonicalJson(open)));
  decipher.setAuthTag(sealed.subarray(-16));
  try {
    return Uint8Array.from(Buffer.concat([decipher.update(sealed.subarray(0, -16)), decipher.final()]));
  } catch {
    throw locked(path, protection.kind === "passphrase");
  }
}

async function keyOf(protection: JsonObject, { path, info, access }: Opening): Promise<Uint8Array> {
  const { kind, kdf, wrapper, wrapped } = protection;
  if (kind === "passphrase" && isJsonObject(kdf)) {
    return stretch(await access.passphrase(info.name), costOf(kdf, path));
  }
  if (kind === "wrapped" && typeof wrapper === "string" && isJsonObject(wrapped)) {
    return (await access.wrapper(wrapper)).unwrap(wrapped);
  }
  throw malformed(path, "a protection that this release knows");
}

function costOf(kdf: JsonObject, path: string): ScryptCost & { salt: Uint8Array } {
  const { name, n, r, p, salt } = kdf;
  const whole = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) > 0;
  if (name !== "scrypt" || !whole(n) || !whole(r) || !whole(p) || p > 16) {
    throw malformed(path, "parameters of scrypt");
  }
  if (128 * n * r > maxScryptBytes)
    throw malformed(path, `parameters of scrypt within ${maxScryptBytes} bytes`);
  // RFC 7914, section 2: N is a power of two above 1 and below 2^(128 r / 8).
  if (n < 2 || (n & (n - 1)) !== 0 || Math.log2(n) >= 16 * r)
    throw malformed(path, "parameters of scrypt: N a power of two from 2 to below 2^(16 r)");
  return { n, r, p, salt: bytesOf(salt, path) };
}

function secretsOf(encoded: Bytes, path: string): Bytes[] {
  const value = parse(fromUtf8(encoded), path);
  const secrets = Array.isArray(value) ? value.map((each) => bytesOf(each, path)) : [];
  if (secrets.length === 0 || secrets.some(({ length }) => length !== 32))
    throw malformed(path, "secrets of 32 bytes");
  return secrets;
}

async function readObject(path: string): Promise<JsonObject> {
  const text = await readFile(path, "utf8").catch((cause: unknown) => {
    if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") throw missing(path);
    throw unreadable(path, cause);
  });
  const value = parse(text, path);
  if (isJsonObject(value) && value.version === version) return value;
  throw malformed(path, `a key file of ${version}`);
}

function infoOf(file: JsonObject, path: string): KeyFileInfo {
  const { name, createdAt, recipient, signer, previous, protection } = file;
  const kind = isJsonObject(protection) ? protection.kind : undefined;
  const texts = (value: unknown): value is string => typeof value === "string";
  if (kind !== "permissions" && kind !== "passphrase" && kind !== "wrapped")
    throw malformed(path, "a known protection");
  if (!texts(name) || !texts(createdAt) || !texts(recipient) || !texts(signer) || !Array.isArray(previous)) {
    throw malformed(path, "name, time, recipient and signer");
  }
  if (!previous.every(texts)) throw malformed(path, "texts of earlier recipients");
  return { name, createdAt, recipient, signer, previous, protection: kind };
}

/** Keys that others could read are not used, as with ssh. */
async function requirePrivate(path: string): Promise<void> {
  const file = await open(path, "r");
  try {
    const { mode } = await file.stat();
    if ((mode & 0o077) === 0) return;
    throw new SealflowError({
      code: "SEAL_KEY_FILE_PERMISSIONS",
      message: `${path}: expected permissions 0600, got 0${(mode & 0o777).toString(8)}: others may read this key`,
      where: { file: path },
      hint: `chmod 600 ${path}`,
    });
  } finally {
    await file.close();
  }
}

function parse(text: string, path: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    throw malformed(path, "JSON");
  }
}

function bytesOf(value: unknown, path: string): Bytes {
  try {
    if (typeof value === "string") return fromBase64(value);
  } catch (error) {
    if (!isSealflowError(error)) throw error;
  }
  throw malformed(path, "base64");
}

function missing(path: string): SealflowError {
  return new SealflowError({
    code: "SEAL_KEY_FILE_MISSING",
    message: `${path}: expected a key, got no such file`,
    where: { file: path },
    hint: "make one with `sealflow keys new`, or bring a lost one back with `sealflow keys recover`",
  });
}

function malformed(path: string, expected: string): SealflowError {
  return new SealflowError({
    code: "SEAL_KEY_FILE_MALFORMED",
    message: `${path}: expected ${expected}, got something else`,
    where: { file: path },
    hint: "the file is damaged or incomplete: take a copy of it, or bring the key back with `sealflow keys recover`",
  });
}

function locked(path: string, passphrase: boolean): SealflowError {
  return new SealflowError({
    code: "SEAL_KEY_LOCKED",
    message: `${path}: expected ${passphrase ? "its passphrase" : "the key that it was wrapped with"}, got another one, or the file was changed`,
    where: { file: path },
  });
}
