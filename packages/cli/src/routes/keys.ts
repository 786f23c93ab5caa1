import { buildCommand, buildRouteMap } from "@stricli/core";
import type { CliContext } from "../context.js";
import {
  argument,
  integerFrom,
  jsonFlag,
  optionalArgument,
  storeFlag,
  switchFlag,
  textFlag,
  textsFlag,
} from "./flags.js";
import { lazy } from "./lazy.js";

/** `--keys DIR` and what opens a key. */
export const keyFlags = {
  store: storeFlag,
  keys: textFlag("dir", "Where keys are kept (SEALFLOW_KEYS; default: keys in the store)"),
  passphraseFile: textFlag(
    "file",
    "Read the passphrase from this file (SEALFLOW_PASSPHRASE_FILE, SEALFLOW_PASSPHRASE; default: ask)",
  ),
} as const;

/** Flags of every command that uses keys. */
export interface KeyFlagValues {
  readonly store?: string;
  readonly keys?: string;
  readonly passphraseFile?: string;
}

/** How a new key file is protected. */
export interface ProtectionFlags extends KeyFlagValues {
  readonly passphrase: boolean;
  readonly azureKeyVault?: string;
}

/** Flags of `keys new`. */
export interface KeysNewFlags extends ProtectionFlags {
  readonly json: boolean;
}

/** Flags of `keys show`. */
export interface KeysShowFlags extends KeyFlagValues {
  readonly json: boolean;
}

/** Flags of `keys rotate`. */
export interface KeysRotateFlags extends ProtectionFlags {
  readonly rewrap?: readonly string[];
  readonly json: boolean;
}

/** Flags of `keys split`. */
export interface KeysSplitFlags extends KeyFlagValues {
  readonly shares: number;
  readonly threshold: number;
  readonly output: string;
  readonly json: boolean;
}

/** Flags of `keys recover`. */
export interface KeysRecoverFlags extends ProtectionFlags {
  readonly name?: string;
  readonly json: boolean;
}

const protection = {
  passphrase: switchFlag("Protect the key with a passphrase, asked for at the terminal unless given"),
  azureKeyVault: textFlag(
    "url",
    "Wrap the key with this RSA key of Azure Key Vault: https://NAME.vault.azure.net/keys/KEY",
  ),
} as const;
const name = optionalArgument("name", "Name of the key (default: project)");

const newCommand = buildCommand<KeysNewFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/keys.js")).newKey),
  parameters: {
    flags: { ...keyFlags, ...protection, json: jsonFlag },
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: {
    brief: "Make a key to seal and sign with",
    fullDescription:
      "Make a key to seal and sign with. Its file is readable by its owner only; a passphrase (scrypt) or a key vault protects it further. Whoever loses it loses what was sealed to it alone: see `sealflow keys split`.",
  },
});

const show = buildCommand<KeysShowFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/keys.js")).showKeys),
  parameters: { flags: { ...keyFlags, json: jsonFlag }, positional: { kind: "tuple", parameters: [name] } },
  docs: { brief: "Print the recipient, signer and protection of keys; never a secret" },
});

const rotate = buildCommand<KeysRotateFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/keys.js")).rotateKey),
  parameters: {
    flags: {
      ...keyFlags,
      ...protection,
      rewrap: textsFlag(
        "path",
        "Sealed file, or directory of them, to hand on to the new key without encrypting it again",
      ),
      json: jsonFlag,
    },
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: { brief: "Give a key a new secret; what was sealed to the old one still opens" },
});

const split = buildCommand<KeysSplitFlags, [string?], CliContext>({
  loader: lazy(async () => (await import("../commands/keys.js")).splitKey),
  parameters: {
    flags: {
      ...keyFlags,
      shares: {
        kind: "parsed",
        parse: integerFrom(2),
        placeholder: "n",
        brief: "How many shares to make, at most 255",
      },
      threshold: {
        kind: "parsed",
        parse: integerFrom(2),
        placeholder: "k",
        brief: "How many of them give the key back",
      },
      output: {
        kind: "parsed",
        parse: (text: string) => text,
        placeholder: "dir",
        brief: "Where to write them, one file each",
      },
      json: jsonFlag,
    },
    aliases: { o: "output" },
    positional: { kind: "tuple", parameters: [name] },
  },
  docs: { brief: "Split a key into shares, of which any k give it back" },
});

const recover = buildCommand<KeysRecoverFlags, string[], CliContext>({
  loader: lazy(async () => (await import("../commands/keys.js")).recoverKey),
  parameters: {
    flags: {
      ...keyFlags,
      ...protection,
      name: textFlag("name", "Name of the key (default: project)"),
      json: jsonFlag,
    },
    positional: { kind: "array", minimum: 1, parameter: argument("share", "File of a share") },
  },
  docs: { brief: "Put a key together again from its shares" },
});

export const keysRoutes = buildRouteMap<string, CliContext>({
  routes: { new: newCommand, show, rotate, split, recover },
  docs: { brief: "Make, show, rotate and recover keys" },
});
