/** The keys of a project: files in one directory. */
import { mkdir } from "node:fs/promises";
import { join, resolve } from "node:path";
import { type Random, SealflowError } from "@sealflow/core";
import { type Identity, parseRecipient, projectKeyFrom, type Recipient } from "@sealflow/seal";
import { type KeyAccess, openKeyFile, type ProjectSecrets, readKeyFileInfo } from "@sealflow/seal/node";
import type { CliContext } from "../context.js";
import { findProject, storeDirectory } from "../project/project.js";
import { type PassphraseFlags, passphraseOf } from "./passphrase.js";

/** The key that is meant when none is named. */
export const defaultKeyName = "project";

const keyName = /^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$/;

/** Flags of every command that uses keys. */
export interface KeyFlags extends PassphraseFlags {
  readonly store?: string;
  readonly keys?: string;
}

/** Randomness of this process. */
export const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

/** The directory of keys: the flag, else SEALFLOW_KEYS, else `keys` in the store. */
export async function keysDirectory(context: CliContext, flags: KeyFlags): Promise<string> {
  const named = flags.keys ?? (context.process.env.SEALFLOW_KEYS || undefined);
  if (named !== undefined) return resolve(context.cwd, named);
  return join(storeDirectory(context, await findProject(context.cwd), flags.store), "keys");
}

/**
 * The file of a key.
 *
 * @throws SealflowError `CLI_KEY_NAME`
 */
export async function keyPath(context: CliContext, flags: KeyFlags, name = defaultKeyName): Promise<string> {
  if (keyName.test(name)) {
    return join(await keysDirectory(context, flags), `${name}.json`);
  }
  throw new SealflowError({
    code: "CLI_KEY_NAME",
    message: `key name: expected letters, digits, dots, dashes and underscores, got ${JSON.stringify(name)}`,
  });
}

/** Makes the directory of keys, for its owner only; in a store it is made with everything that a store has. */
export async function ensureKeysDirectory(context: CliContext, flags: KeyFlags): Promise<void> {
  const directory = await keysDirectory(context, flags);
  const { ensureStore, openStore } = await import("@sealflow/engine");
  const store = storeDirectory(context, await findProject(context.cwd), flags.store);
  if (directory === join(store, "keys")) ensureStore(openStore(store).layout);
  await mkdir(directory, { recursive: true, mode: 0o700 });
}

/** What opens key files in this process. */
export function keyAccess(context: CliContext, flags: PassphraseFlags): KeyAccess {
  return {
    passphrase: (name) => passphraseOf(context, flags, name),
    wrapper: async (kind) => {
      const { azureKeyVault, azureKeyVaultKind } = await import("./azure-key-vault.js");
      if (kind === azureKeyVaultKind) return azureKeyVault();
      throw new SealflowError({
        code: "CLI_KEY_WRAPPER",
        message: `key: expected one wrapped by ${azureKeyVaultKind}, got ${JSON.stringify(kind)}`,
        hint: "use a newer release",
      });
    },
  };
}

/** Unlocks a key. @throws SealflowError `SEAL_KEY_…`, `CLI_PASSPHRASE_MISSING`, `CLI_KEY_…` */
export async function unlockKey(
  context: CliContext,
  flags: KeyFlags,
  name?: string,
): Promise<ProjectSecrets> {
  return openKeyFile(await keyPath(context, flags, name), keyAccess(context, flags));
}

/** Identities of all secrets of a key, the one in use first. */
export async function identitiesOf({ secrets }: ProjectSecrets): Promise<Identity[]> {
  return Promise.all(secrets.map(async (secret) => (await projectKeyFrom(secret)).identity));
}

/**
 * The recipient that is meant: its text, or the name of a key here.
 *
 * @throws SealflowError `SEAL_RECIPIENT_INVALID`, `SEAL_KEY_FILE_…`
 */
export async function recipientNamed(context: CliContext, flags: KeyFlags, text: string): Promise<Recipient> {
  if (text.startsWith("sealflow-recipient-") || !keyName.test(text)) return parseRecipient(text);
  return parseRecipient((await readKeyFileInfo(await keyPath(context, flags, text))).recipient);
}
