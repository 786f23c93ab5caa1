/** `sealflow seal`, `open` and `export`. */
import { createWriteStream } from "node:fs";
import { readFile, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import {
  fromBase64,
  fromBase64Url,
  fromHex,
  isJsonObject,
  isSealflowError,
  SealflowError,
  utf8,
} from "@sealflow/core";
import { type Lineage, type OpenedArtifact, type Recipient, sealArtifact } from "@sealflow/seal";
import {
  nodeAead,
  openingOfFile,
  openSealedFile,
  piecesOfDirectory,
  sealFile,
  writeDirectoryAtomically,
  writeFileAtomically,
} from "@sealflow/seal/node";
import type { CliContext } from "../context.js";
import { defaultKeyName, identitiesOf, random, recipientNamed, unlockKey } from "../keys/keyring.js";
import { readUserFile, systemCode } from "../load/read-file.js";
import { visible } from "../render/text.js";
import { watchBytes } from "../render/transfer.js";
import type { ExportFlags, OpenFlags, SealFlags } from "../routes/seal.js";

const suffix = ".sealed";

/** `sealflow seal PATH`. */
export async function seal(context: CliContext, flags: SealFlags, source: string): Promise<void> {
  const path = resolve(context.cwd, source);
  const status = await stat(path).catch((cause: unknown) => {
    throw unreadable(source, cause);
  });
  const recipients = await recipientsFor(context, flags);
  const options = {
    ...{ recipients, random, lineage: lineageOf(flags.lineage) },
    content: status.isDirectory() ? ("tar" as const) : ("bytes" as const),
  };
  const output = flags.output ?? `${source.replace(/\/+$/, "")}${suffix}`;
  await transfer(
    context,
    { what: `sealing ${basename(path)}`, total: status.isDirectory() ? undefined : status.size },
    async (watched) => {
      const sealed = status.isDirectory()
        ? sealArtifact(piecesOfDirectory(path), { ...options, aead: nodeAead })
        : sealFile(path, options);
      await deliver(context, { output, force: flags.force }, watched(sealed));
    },
  );
  if (output === "-") return;
  const { digest } = await openingOfFile(resolve(context.cwd, output));
  const { stdout } = context.process;
  const result = { file: output, digest, recipients: recipients.length };
  stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `sealed ${visible(output)}  ${digest}\n`);
}

async function recipientsFor(context: CliContext, flags: SealFlags): Promise<Recipient[]> {
  const named = flags.to ?? [defaultKeyName];
  return Promise.all(named.map((each) => recipientNamed(context, flags, each)));
}

/** `sealflow open FILE`. */
export async function open(context: CliContext, flags: OpenFlags, file: string): Promise<void> {
  const output = flags.output ?? withoutSuffix(file);
  const { total, opened } = await openFile(context, flags, file);
  const directory = opened.header.content === "tar" && output !== "-";
  await transfer(context, { what: `opening ${basename(file)}`, total }, async (watched) => {
    const plaintext = watched(opened.plaintext);
    if (directory)
      await writeDirectoryAtomically(resolve(context.cwd, output), plaintext, { replace: flags.force });
    else await deliver(context, { output, force: flags.force, mode: 0o600 }, plaintext);
  });
  if (output === "-") return;
  const { stdout } = context.process;
  const { content, lineage } = opened.header;
  const result = { path: output, content, lineage };
  stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `opened ${visible(output)}\n`);
}

function withoutSuffix(file: string): string {
  if (file.endsWith(suffix) && basename(file) !== suffix) return file.slice(0, -suffix.length);
  throw new SealflowError({
    code: "CLI_OUTPUT_UNNAMED",
    message: `${file}: expected a name that ends in ${suffix}, or -o`,
    hint: "give -o PATH",
  });
}

async function openFile(
  context: CliContext,
  flags: OpenFlags | ExportFlags,
  file: string,
): Promise<{ readonly opened: OpenedArtifact; readonly total: number }> {
  const path = resolve(context.cwd, file);
  const { size } = await stat(path).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  const identities = await identitiesOf(await unlockKey(context, flags, flags.key));
  const lineage = "lineage" in flags ? lineageOf(flags.lineage) : {};
  try {
    const { header, plaintext } = await openSealedFile(path, { unlock: { identities }, lineage });
    return { opened: { header, plaintext: naming(file, plaintext) }, total: size };
  } catch (error) {
    throw inFile(file, error);
  }
}

/** The pieces; what is wrong with them says which file it is in. */
async function* naming(file: string, pieces: AsyncGenerator<Uint8Array>): AsyncGenerator<Uint8Array> {
  try {
    yield* pieces;
  } catch (error) {
    throw inFile(file, error);
  }
}

function inFile(file: string, error: unknown): unknown {
  if (!isSealflowError(error) || error.where !== undefined) return error;
  return new SealflowError({ ...error.toJSON(), where: { file }, cause: error });
}

/** `sealflow export FILE`. */
export async function exportArtifact(context: CliContext, flags: ExportFlags, file: string): Promise<void> {
  if ((flags.age === undefined) === (flags.jwe === undefined)) {
    throw new SealflowError({
      code: "CLI_EXPORT_FORMAT",
      message: "export: expected one of --age RECIPIENT and --jwe FILE",
    });
  }
  const { encryptForAge, encryptJwe } = await import("@sealflow/seal");
  const jwe = flags.jwe === undefined ? undefined : await readJweKey(context, flags.jwe);
  const { total, opened } = await openFile(context, flags, file);
  await transfer(context, { what: `exporting ${basename(file)}`, total }, async (watched) => {
    const plaintext = watched(opened.plaintext);
    const kid = flags.kid === undefined ? {} : { kid: flags.kid };
    const pieces =
      jwe === undefined
        ? await encryptForAge(plaintext, flags.age ?? [])
        : [utf8(await encryptJwe(plaintext, { key: jwe, ...kid }))];
    await deliver(context, { output: flags.output, force: flags.force }, pieces);
  });
  if (flags.output === "-") return;
  const result = {
    file: flags.output,
    format: jwe === undefined ? "age" : "jwe",
    content: opened.header.content,
  };
  const { stdout } = context.process;
  stdout.write(flags.json ? `${JSON.stringify(result)}\n` : `exported ${visible(flags.output)}\n`);
}

async function readJweKey(context: CliContext, file: string): Promise<Uint8Array> {
  const raw = await readFile(resolve(context.cwd, file)).catch((cause: unknown) => {
    throw unreadable(file, cause);
  });
  if (raw.length === 32) return raw;
  const text = (await readUserFile(resolve(context.cwd, file), file)).trim();
  const decoders = [fromHex, fromBase64, fromBase64Url, jwkKey];
  for (const decode of decoders) {
    const key = attempt(() => decode(text));
    if (key?.length === 32) return key;
  }
  throw new SealflowError({
    code: "SEAL_EXPORT_KEY",
    message: `${file}: expected a key of 32 bytes: raw, hex, base64 or JWK of kty oct`,
    where: { file },
    hint: "openssl rand -out key.bin 32",
  });
}

function jwkKey(text: string): Uint8Array {
  const jwk: unknown = JSON.parse(text);
  return isJsonObject(jwk) && jwk.kty === "oct" && typeof jwk.k === "string"
    ? fromBase64Url(jwk.k)
    : new Uint8Array(0);
}

function attempt<T>(work: () => T): T | undefined {
  try {
    return work();
  } catch {
    return undefined;
  }
}

function lineageOf(assignments: readonly string[] = []): Lineage {
  return Object.fromEntries(
    assignments.map((text) => {
      const equals = text.indexOf("=");
      if (equals > 0) return [text.slice(0, equals), text.slice(equals + 1)];
      const message = `--lineage: expected name=value, got ${JSON.stringify(text)}`;
      throw new SealflowError({ code: "CLI_LINEAGE_SYNTAX", message });
    }),
  );
}

interface Delivery {
  readonly output: string;
  readonly force: boolean;
  readonly mode?: number;
}

/** To a file whole or not at all, or to standard output as it comes. */
async function deliver(
  context: CliContext,
  { output, force, mode }: Delivery,
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
): Promise<void> {
  if (output === "-") {
    await pipeline(Readable.from(pieces), createWriteStream("", { fd: 1, autoClose: false }));
    return;
  }
  const path = resolve(context.cwd, output);
  await writeFileAtomically(join(dirname(path), basename(path)), pieces, {
    replace: force,
    ...(mode === undefined ? {} : { mode }),
  });
}

/** Runs the work with its bytes counted on a terminal; Ctrl-C ends it and leaves nothing half done. */
async function transfer(
  context: CliContext,
  about: { readonly what: string; readonly total: number | undefined },
  work: (watched: (pieces: AsyncGenerator<Uint8Array>) => AsyncGenerator<Uint8Array>) => Promise<void>,
): Promise<void> {
  const watch = watchBytes(context, about);
  try {
    await work(watch.pieces);
  } finally {
    watch.stop();
  }
}

function unreadable(file: string, cause: unknown): SealflowError {
  const missing = systemCode(cause) === "ENOENT";
  return new SealflowError({
    code: missing ? "CLI_FILE_NOT_FOUND" : "CLI_FILE_UNREADABLE",
    message: `${file}: expected a file that can be read, got ${missing ? "no such file" : String(systemCode(cause) ?? cause)}`,
    where: { file },
    cause,
  });
}
