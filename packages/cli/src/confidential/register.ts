/** Signing a run and registering it with its broker, which must be the one of the trust file. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type CertificateTrust, checkedFetch } from "@sealflow/cluster";
import { canonicalJson, type Digest, type JsonObject, SealflowError, toBase64, toHex } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { type Envelope, ed25519Signer } from "@sealflow/seal";
import { openingOfFile } from "@sealflow/seal/node";
import {
  type BrokerDescription,
  httpBroker,
  type InputOpening,
  openTrustPolicy,
  parseTrustFile,
  pipelineDigest,
  type Registration,
  signRegistration,
  type TaskBroker,
  type TrustAnchors,
} from "@sealflow/trust";
import type { CliContext } from "../context.js";
import { type KeyFlags, recipientNamed } from "../keys/keyring.js";
import { readUserFile } from "../load/read-file.js";
import { readSigningKey } from "../load/signing-key.js";

const defaultLifetimeMs = 24 * 3_600_000;

/** A broker as this machine reaches it. */
export interface BrokerPlace extends CertificateTrust {
  readonly url: string;
}

/** A client for a broker. */
export function brokerAt({ url, pin, ca }: BrokerPlace): TaskBroker {
  return httpBroker({ url, fetch: checkedFetch({ ca, pin }), wait: sleep });
}

/** The run that is asked for. */
export interface WantedRun {
  /** As {@link canonicalDocument} gives it. */
  readonly document: PipelineDocument;
  readonly parameters: JsonObject;
  readonly name?: string | undefined;
  readonly submitter: string;
  /** File of its key. */
  readonly key: string;
  readonly trust?: string | undefined;
  /** `NAME=FILE` of sealed artifacts. */
  readonly inputs: readonly string[];
  /** Recipients, or names of keys here. */
  readonly recipients: readonly string[];
  readonly release: readonly string[];
  readonly declassify: readonly string[];
  readonly reuse: boolean;
  readonly lifetimeMs?: number | undefined;
}

/** What the broker has registered. */
export interface RegisteredRun {
  /** The id that the broker issued. */
  readonly runId: string;
  readonly registration: string;
  /** Signed by the broker: its log must hold this for ever. */
  readonly checkpoint: Envelope;
  readonly brokerKey: string;
}

/** The pipeline as it is registered: what reading its own text gives, so that everyone computes one digest. */
export function canonicalDocument({ spec, platform }: PipelineDocument): PipelineDocument {
  const parts = platform === undefined ? [spec] : [spec, platform];
  return parsePipelineDocument(parts.map((part) => canonicalJson(part)).join("\n---\n"));
}

/**
 * Signs and registers.
 *
 * @throws SealflowError `CLI_BROKER_UNKNOWN`, `CLI_TRUST_MISSING`, `CLI_KEY_INVALID`, `CLI_INPUT_SYNTAX`, `TRUST_…`
 */
export async function registerRun(
  context: CliContext,
  flags: KeyFlags,
  { place, run }: { readonly place: BrokerPlace; readonly run: WantedRun },
): Promise<RegisteredRun> {
  const broker = brokerAt(place);
  const signer = ed25519Signer(await readSigningKey(context, run.key));
  const described = await broker.describe();
  await requireKnown(context, { url: place.url, trust: run.trust, described });
  const { inputs, openings } = await sealedInputs(context, run.inputs);
  const { runId } = await broker.openRun();
  const now = context.clock.now();
  const registration: Registration = {
    version: "sealflow.registration/v1",
    ...{ runId, runName: run.name ?? run.document.spec.pipelineInfo.name, submitter: run.submitter },
    ...{ spec: await pipelineDigest(run.document), parameters: run.parameters, inputs },
    recipients: await Promise.all(
      run.recipients.map(async (each) => toHex(await recipientNamed(context, flags, each))),
    ),
    ...{ release: [...run.release], declassify: [...run.declassify], reuse: run.reuse },
    policy: described.policy.digest as Digest,
    policyEpoch: described.policy.epoch,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + (run.lifetimeMs ?? defaultLifetimeMs)).toISOString(),
  };
  const registered = await broker.register({
    ...{ runId, openings, registration: await signRegistration(registration, signer) },
    document: { ...run.document } as unknown as JsonObject,
  });
  return { ...registered, brokerKey: described.brokerKey };
}

/** The broker must be the one that the trust file names, under a policy of its signer. */
async function requireKnown(
  context: CliContext,
  { url, trust, described }: { url: string; trust: string | undefined; described: BrokerDescription },
): Promise<void> {
  const { anchors } = await trustAnchors(context, trust);
  if (anchors.domain !== described.domain || anchors.brokerKey !== described.brokerKey) {
    throw new SealflowError({
      code: "CLI_BROKER_UNKNOWN",
      message: `broker ${url}: expected the one of the trust file (${anchors.domain}, key ${anchors.brokerKey}), got ${described.domain}, key ${described.brokerKey}`,
      hint: "do not register anything there unless you know why it has another key",
    });
  }
  const { policySigner, minimumEpoch } = anchors;
  await openTrustPolicy(described.policy.envelope, {
    signer: policySigner,
    ...(minimumEpoch === undefined ? {} : { minimumEpoch }),
  });
}

/**
 * The named trust file, or the nearest `trust.yaml` at or above the working directory.
 *
 * @throws SealflowError `CLI_TRUST_MISSING`, `TRUST_ANCHORS_INVALID`
 */
export async function trustAnchors(
  context: CliContext,
  named: string | undefined,
): Promise<{ readonly file: string; readonly anchors: TrustAnchors }> {
  const file = named ?? nearestTrustFile(context.cwd);
  if (file !== undefined) {
    const path = resolve(context.cwd, file);
    return { file, anchors: parseTrustFile(await readUserFile(path, file), file) };
  }
  throw new SealflowError({
    code: "CLI_TRUST_MISSING",
    message: "run: expected a trust file, got none",
    hint: "give --trust FILE, from `sealflow broker init`",
  });
}

function nearestTrustFile(start: string): string | undefined {
  for (let directory = start; ; directory = dirname(directory)) {
    const path = join(directory, "trust.yaml");
    if (existsSync(path)) return path;
    if (dirname(directory) === directory) return undefined;
  }
}

/** Digests and openings of the sealed artifacts that were named. */
async function sealedInputs(context: CliContext, named: readonly string[]) {
  const inputs: Record<string, Digest> = {};
  const openings: Record<string, InputOpening> = {};
  for (const each of named) {
    const at = each.indexOf("=");
    const [name, file] = [each.slice(0, at), each.slice(at + 1)];
    if (at < 1) {
      throw new SealflowError({
        code: "CLI_INPUT_SYNTAX",
        message: `--input: expected name=file, got ${JSON.stringify(each)}`,
      });
    }
    const path = resolve(context.cwd, file);
    if (!existsSync(path)) await readUserFile(path, file);
    const { digest, opening, chunks, root } = await openingOfFile(path);
    inputs[name] = digest;
    openings[digest] = { opening: toBase64(opening), chunks, root: toHex(root) };
  }
  return { inputs, openings };
}
