/** Where a passphrase comes from: a file, the environment, or somebody at the terminal. Never an argument: those are public. */
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { readUserFile } from "../load/read-file.js";

/** Flags of every command that may need a passphrase. */
export interface PassphraseFlags {
  readonly passphraseFile?: string;
}

/** The passphrase that was given without asking; undefined when there is none. One line break at its end does not count. */
export async function givenPassphrase(
  context: CliContext,
  { passphraseFile }: PassphraseFlags,
): Promise<string | undefined> {
  const { env } = context.process;
  const file = passphraseFile ?? (env.SEALFLOW_PASSPHRASE_FILE || undefined);
  if (file === undefined) return env.SEALFLOW_PASSPHRASE || undefined;
  return (await readUserFile(resolve(context.cwd, file), file)).replace(/\r?\n$/, "");
}

/**
 * The passphrase of a key.
 *
 * @throws SealflowError `CLI_PASSPHRASE_MISSING` where nobody can be asked.
 */
export async function passphraseOf(
  context: CliContext,
  flags: PassphraseFlags,
  name: string,
): Promise<string> {
  const given = await givenPassphrase(context, flags);
  if (given !== undefined) return given;
  const answer = await context.readSecret?.(`Passphrase of key ${name}: `);
  if (answer !== undefined) return answer;
  throw missing();
}

/**
 * A passphrase for a new key, asked for twice.
 *
 * @throws SealflowError `CLI_PASSPHRASE_MISSING`, `CLI_PASSPHRASE_DIFFERS`
 */
export async function newPassphrase(context: CliContext, flags: PassphraseFlags): Promise<string> {
  const passphrase = (await givenPassphrase(context, flags)) ?? (await askTwice(context));
  if (passphrase !== "") return passphrase;
  throw missing();
}

async function askTwice(context: CliContext): Promise<string> {
  const first = await context.readSecret?.("New passphrase: ");
  if (first === undefined) throw missing();
  if (first === "" || (await context.readSecret?.("The same again: ")) === first) return first;
  throw new SealflowError({
    code: "CLI_PASSPHRASE_DIFFERS",
    message: "passphrase: expected the same twice, got two different ones",
  });
}

function missing(): SealflowError {
  return new SealflowError({
    code: "CLI_PASSPHRASE_MISSING",
    message: "passphrase: expected one, got none",
    hint: "give --passphrase-file FILE, set SEALFLOW_PASSPHRASE or SEALFLOW_PASSPHRASE_FILE, or use a terminal",
  });
}
