/** `sealflow keys`. */
import { existsSync } from "node:fs";
import { mkdir, readdir, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import { combineShares, projectKeyFrom, rewrapArtifact, splitSecret } from "@sealflow/seal";
import {
  type KeyFileInfo,
  type KeyProtection,
  piecesOfFile,
  readKeyFileInfo,
  writeFileAtomically,
  writeKeyFile,
} from "@sealflow/seal/node";
import type { CliContext } from "../context.js";
import {
  defaultKeyName,
  ensureKeysDirectory,
  identitiesOf,
  keyPath,
  keysDirectory,
  random,
  unlockKey,
} from "../keys/keyring.js";
import { givenPassphrase, newPassphrase } from "../keys/passphrase.js";
import { readUserFile } from "../load/read-file.js";
import { visible } from "../render/text.js";
import type {
  KeysNewFlags,
  KeysRecoverFlags,
  KeysRotateFlags,
  KeysShowFlags,
  KeysSplitFlags,
  ProtectionFlags,
} from "../routes/keys.js";

/** Makes a key and prints its recipient. */
export async function newKey(context: CliContext, flags: KeysNewFlags, name = defaultKeyName): Promise<void> {
  const path = await keyPath(context, flags, name);
  await ensureKeysDirectory(context, flags);
  if (existsSync(path))
    throw keyExists(path, "one", "`sealflow keys rotate` gives it a new secret; or choose another name");
  const protection = await protectionFor(context, flags);
  const createdAt = new Date(context.clock.now()).toISOString();
  const info = await writeKeyFile(path, { name, createdAt, secrets: [random.bytes(32)] }, { protection });
  print(context, flags, info, path);
}

async function protectionFor(context: CliContext, flags: ProtectionFlags): Promise<KeyProtection> {
  if (flags.azureKeyVault !== undefined) {
    const { azureKeyVault } = await import("../keys/azure-key-vault.js");
    return { kind: "wrapped", wrapper: azureKeyVault(flags.azureKeyVault) };
  }
  const given = flags.passphrase ? undefined : await givenPassphrase(context, flags);
  if (given === undefined && !flags.passphrase) return { kind: "permissions" };
  return { kind: "passphrase", passphrase: await newPassphrase(context, flags) };
}

/** Prints what is public of a key, or of all keys. */
export async function showKeys(context: CliContext, flags: KeysShowFlags, name?: string): Promise<void> {
  if (name !== undefined || (await keyNames(context, flags)).length === 0) {
    const path = await keyPath(context, flags, name);
    print(context, flags, await readKeyFileInfo(path), path);
    return;
  }
  const names = await keyNames(context, flags);
  const paths = await Promise.all(names.map((each) => keyPath(context, flags, each)));
  const infos = await Promise.all(paths.map(readKeyFileInfo));
  if (flags.json) context.process.stdout.write(`${JSON.stringify({ keys: infos })}\n`);
  else for (const [i, info] of infos.entries()) print(context, flags, info, paths[i] ?? "");
}

async function keyNames(context: CliContext, flags: KeysShowFlags): Promise<string[]> {
  const files = await readdir(await keysDirectory(context, flags)).catch(() => []);
  const names = files.filter((file) => file.endsWith(".json") && !file.startsWith("."));
  return names.map((file) => file.slice(0, -".json".length)).sort();
}

const protections: Readonly<Record<KeyFileInfo["protection"], string>> = {
  permissions: "file permissions only",
  passphrase: "passphrase (scrypt)",
  wrapped: "key vault",
};

function print(
  context: CliContext,
  { json }: { readonly json: boolean },
  info: KeyFileInfo,
  file: string,
): void {
  const { stdout } = context.process;
  if (json) {
    stdout.write(`${JSON.stringify({ ...info, file })}\n`);
    return;
  }
  const lines = [
    `key        ${visible(info.name)}`,
    `recipient  ${visible(info.recipient)}`,
    `signer     ${visible(info.signer)}`,
    `protected  ${protections[info.protection]}`,
    `file       ${visible(file)}`,
    ...info.previous.map((recipient) => `previous   ${visible(recipient)}`),
  ];
  stdout.write(`${lines.join("\n")}\n`);
}

/** Gives a key a new secret, keeps the old ones for what was sealed to them, and rewraps what is named. */
export async function rotateKey(
  context: CliContext,
  flags: KeysRotateFlags,
  name = defaultKeyName,
): Promise<void> {
  const path = await keyPath(context, flags, name);
  const unlocked = await unlockKey(context, flags, name);
  const protection = await sameProtection(context, flags, unlocked.info);
  const secrets = [random.bytes(32), ...unlocked.secrets];
  const createdAt = new Date(context.clock.now()).toISOString();
  // The new key is safe on the disk before anything is sealed to it.
  const info = await writeKeyFile(path, { name, createdAt, secrets }, { protection, replace: true });
  const files = (
    await Promise.all((flags.rewrap ?? []).map((each) => sealedFilesAt(resolve(context.cwd, each))))
  ).flat();
  const identities = await identitiesOf({ info, secrets });
  for (const file of files) await rewrapFile(file, identities);
  if (flags.json)
    context.process.stdout.write(`${JSON.stringify({ ...info, file: path, rewrapped: files.length })}\n`);
  else {
    print(context, flags, info, path);
    if (flags.rewrap !== undefined) context.process.stdout.write(`rewrapped  ${files.length} files\n`);
  }
}

async function sameProtection(
  context: CliContext,
  flags: KeysRotateFlags,
  info: KeyFileInfo,
): Promise<KeyProtection> {
  const asked = await protectionFor(context, flags);
  if (asked.kind !== "permissions" || info.protection === "permissions") return asked;
  if (info.protection === "passphrase")
    return { kind: "passphrase", passphrase: await newPassphrase(context, flags) };
  throw new SealflowError({
    code: "CLI_KEY_VAULT_KEY",
    message: `key ${info.name}: expected the vault's key to wrap the new secret with, got none`,
    hint: "give --azure-key-vault URL",
  });
}

async function sealedFilesAt(path: string): Promise<string[]> {
  const status = await stat(path).catch((cause: unknown) => {
    const message = `${path}: expected a file or directory, got nothing readable`;
    throw new SealflowError({ code: "CLI_FILE_NOT_FOUND", message, where: { file: path }, cause });
  });
  if (!status.isDirectory()) return [path];
  const entries = await readdir(path, { recursive: true, withFileTypes: true });
  const files = entries.filter((entry) => entry.isFile() && !entry.name.endsWith(".partial"));
  const found = files.map((entry) => join(entry.parentPath, entry.name));
  const sealed = await Promise.all(found.map(beginsAsSealed));
  return found.filter((_, i) => sealed[i]).sort();
}

async function beginsAsSealed(path: string): Promise<boolean> {
  for await (const piece of piecesOfFile(path, 8))
    return Buffer.from(piece).toString("latin1") === "SEALFLOW";
  return false;
}

/** Takes this key's old recipients off the file and puts the new one on it; other recipients stay. */
async function rewrapFile(file: string, identities: Awaited<ReturnType<typeof identitiesOf>>): Promise<void> {
  const [current] = identities;
  if (current === undefined) return;
  const { mode } = await stat(file);
  const rewrapped = rewrapArtifact(piecesOfFile(file), {
    unlock: { identities },
    recipients: [current.recipient],
    replaces: identities.map(({ recipient }) => recipient),
    random,
  });
  await writeFileAtomically(file, rewrapped, { replace: true, mode: mode & 0o777 });
}

/** Splits the secret in use into shares, one file each. */
export async function splitKey(
  context: CliContext,
  flags: KeysSplitFlags,
  name = defaultKeyName,
): Promise<void> {
  const { secrets } = await unlockKey(context, flags, name);
  const [secret] = secrets;
  if (secret === undefined) return;
  const shares = await splitSecret(secret, flags);
  const directory = resolve(context.cwd, flags.output);
  await mkdir(directory, { recursive: true, mode: 0o700 });
  const files = shares.map((_, i) => join(directory, `${name}.${i + 1}-of-${shares.length}.share`));
  for (const [i, share] of shares.entries()) {
    await writeFileAtomically(files[i] ?? "", [Buffer.from(`${share}\n`)], { mode: 0o600 });
  }
  const { stdout } = context.process;
  if (flags.json) stdout.write(`${JSON.stringify({ files, threshold: flags.threshold })}\n`);
  else
    stdout.write(
      `${files.map((file) => `wrote  ${visible(file)}\n`).join("")}any ${flags.threshold} of them give the key back: sealflow keys recover FILE…\n`,
    );
}

/** Puts a key together from its shares. */
export async function recoverKey(
  context: CliContext,
  flags: KeysRecoverFlags,
  ...files: readonly string[]
): Promise<void> {
  const name = flags.name ?? defaultKeyName;
  const path = await keyPath(context, flags, name);
  const texts = await Promise.all(files.map((file) => readUserFile(resolve(context.cwd, file), file)));
  const secret = await combineShares(texts);
  await ensureKeysDirectory(context, flags);
  if (existsSync(path)) await requireSameKey(path, secret);
  const protection = await protectionFor(context, flags);
  const createdAt = new Date(context.clock.now()).toISOString();
  const info = await writeKeyFile(path, { name, createdAt, secrets: [secret] }, { protection });
  print(context, flags, info, path);
}

/** A key that is there is never written over; one that is the same is told apart in the message. */
async function requireSameKey(path: string, secret: Uint8Array<ArrayBuffer>): Promise<void> {
  const { signer } = await projectKeyFrom(secret);
  const info = await readKeyFileInfo(path).catch(() => undefined);
  const same = info?.signer === Buffer.from(signer.publicKey).toString("hex");
  throw keyExists(path, same ? "the same key already" : "one", "give --name NAME, or move the file away");
}

/** Whoever lost a key by writing another over it would have lost what was sealed to it. */
function keyExists(path: string, got: string, hint: string): SealflowError {
  return new SealflowError({
    code: "SEAL_OUTPUT_EXISTS",
    message: `${path}: expected no key of this name, got ${got}`,
    where: { file: path },
    hint,
  });
}
