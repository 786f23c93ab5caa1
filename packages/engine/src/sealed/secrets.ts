/**
 * What a project's sealed runs are anchored in, made by the first one: the broker's secret, the keys of submitter and policy
 * signer, and the platform of simulated enclaves. On disk it is one artifact, sealed to the project's key.
 */
import { existsSync, mkdirSync } from "node:fs";
import { dirname } from "node:path";
import {
  fromHex,
  fromUtf8,
  isJsonObject,
  type JsonObject,
  type Random,
  SealflowError,
  toHex,
  utf8,
} from "@sealflow/core";
import { type Identity, openArtifact, type Signer, sealArtifact, signerFromSeed } from "@sealflow/seal";
import { nodeAead, piecesOfFile, writeFileAtomically } from "@sealflow/seal/node";

const version = "sealflow.project-root/v1";
const lineage = { content: "project-root" };

/** A project's anchors, unlocked. */
export interface ProjectRoot {
  /** Names the deployment: `local-` and 16 hex digits. */
  readonly domain: string;
  /** 32 bytes; the broker's keys follow from it. */
  readonly broker: Uint8Array<ArrayBuffer>;
  readonly submitter: Signer;
  readonly policySigner: Signer;
  /** As the platform saved it. */
  readonly platform: JsonObject;
}

/**
 * Opens the project's root, or makes it.
 *
 * @param identities Of the project's key, the one in use first.
 * @throws SealflowError `ENGINE_SEALED_ROOT`, `SEAL_…`
 */
export async function openProjectRoot(
  path: string,
  how: {
    readonly identities: readonly Identity[];
    readonly random: Random;
    readonly newPlatform: () => Promise<JsonObject>;
  },
): Promise<ProjectRoot> {
  if (existsSync(path)) return read(path, how.identities);
  const [current] = how.identities;
  if (current === undefined) throw new TypeError("project root: expected an identity at least");
  const seed = () => toHex(how.random.bytes(32));
  const value = {
    version,
    domain: `local-${toHex(how.random.bytes(8))}`,
    broker: seed(),
    submitter: seed(),
    policySigner: seed(),
    platform: await how.newPlatform(),
  };
  mkdirSync(dirname(path), { recursive: true });
  const plaintext = [utf8(JSON.stringify(value))];
  const options = { recipients: [current.recipient], random: how.random, lineage, aead: nodeAead };
  await writeFileAtomically(path, sealArtifact(plaintext, options), { mode: 0o600 });
  return rootOf(value, path);
}

async function read(path: string, identities: readonly Identity[]): Promise<ProjectRoot> {
  const opened = await openArtifact(piecesOfFile(path), { unlock: { identities }, lineage, aead: nodeAead });
  const pieces: Uint8Array[] = [];
  for await (const piece of opened.plaintext) pieces.push(piece);
  return rootOf(JSON.parse(fromUtf8(Buffer.concat(pieces))), path);
}

async function rootOf(value: unknown, path: string): Promise<ProjectRoot> {
  if (!isJsonObject(value) || value.version !== version || !isJsonObject(value.platform)) throw unknown(path);
  const { domain, broker, submitter, policySigner, platform } = value;
  if (
    typeof domain !== "string" ||
    typeof broker !== "string" ||
    typeof submitter !== "string" ||
    typeof policySigner !== "string"
  )
    throw unknown(path);
  return {
    domain,
    broker: fromHex(broker),
    submitter: await signerFromSeed(fromHex(submitter)),
    policySigner: await signerFromSeed(fromHex(policySigner)),
    platform,
  };
}

function unknown(path: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_ROOT",
    message: `project root: expected ${version}, got another form`,
    where: { file: path },
    hint: "a later version of Sealflow wrote it: use that version",
  });
}
