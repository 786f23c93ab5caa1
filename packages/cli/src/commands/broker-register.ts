/** `sealflow broker register` and `broker status`. */
import { existsSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { canonicalJson, type Digest, type JsonObject, SealflowError, toBase64, toHex } from "@sealflow/core";
import { type PipelineDocument, parsePipelineDocument } from "@sealflow/pipeline";
import { ed25519Signer, encodeEnvelope, openingOf } from "@sealflow/seal";
import { piecesOfFile } from "@sealflow/seal/node";
import {
  type BrokerDescription,
  httpBroker,
  type InputOpening,
  openCheckpoint,
  openTrustPolicy,
  parseTrustFile,
  pipelineDigest,
  type Registration,
  type RunStatus,
  signRegistration,
  type TrustAnchors,
} from "@sealflow/trust";
import type { CliContext } from "../context.js";
import { recipientNamed } from "../keys/keyring.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { readUserFile } from "../load/read-file.js";
import { readSigningKey } from "../load/signing-key.js";
import { writeUserFile } from "../load/write-file.js";
import { readParametersFile } from "../parameters/file.js";
import { parseParameters } from "../parameters/parse.js";
import { formatColumns, visible } from "../render/text.js";
import type { BrokerRegisterFlags, BrokerStatusFlags } from "../routes/broker.js";

const defaultLifetimeMs = 24 * 3_600_000;

/** Signs a run and registers it. */
export async function register(context: CliContext, flags: BrokerRegisterFlags, file: string): Promise<void> {
  const document = await canonicalDocument(context, flags, file);
  const signer = ed25519Signer(await readSigningKey(context, flags.key));
  const broker = httpBroker({ url: flags.broker, fetch, wait: sleep });
  const described = await broker.describe();
  await requireKnown(context, flags, described);
  const { inputs, openings } = await sealedInputs(context, flags.input ?? []);
  const { runId } = await broker.openRun();
  const now = context.clock.now();
  const registration: Registration = {
    version: "sealflow.registration/v1",
    ...{ runId, runName: flags.name ?? document.spec.pipelineInfo.name, submitter: flags.submitter },
    spec: await pipelineDigest(document),
    parameters: await parametersOf(context, flags, document),
    inputs,
    recipients: await recipientsOf(context, flags),
    release: [...(flags.release ?? [])],
    declassify: [...(flags.declassify ?? [])],
    reuse: flags.reuse,
    policy: described.policy.digest as Digest,
    policyEpoch: described.policy.epoch,
    createdAt: new Date(now).toISOString(),
    expiresAt: new Date(now + (flags.expires ?? defaultLifetimeMs)).toISOString(),
  };
  const registered = await broker.register({
    ...{ runId, openings, registration: await signRegistration(registration, signer) },
    document: { ...document } as unknown as JsonObject,
  });
  const checkpoint = await openCheckpoint(registered.checkpoint, described.brokerKey);
  if (flags.checkpoint !== undefined) {
    writeUserFile(context, flags.checkpoint, Buffer.from(encodeEnvelope(registered.checkpoint)).toString());
  }
  const { size, root } = checkpoint;
  const result = { runId, registration: registered.registration, checkpoint: { size, root } };
  const { stdout } = context.process;
  stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `registered ${runId}\nlog of ${size} entries, root ${root}\n`,
  );
}

/** The pipeline as it is registered: what reading its own text gives, so that everyone computes one digest. */
async function canonicalDocument(
  context: CliContext,
  { pipeline }: BrokerRegisterFlags,
  file: string,
): Promise<PipelineDocument> {
  const { document } = await loadPipeline(context, file, { pipeline });
  const { spec, platform } = document;
  const parts = platform === undefined ? [spec] : [spec, platform];
  return parsePipelineDocument(parts.map((part) => canonicalJson(part)).join("\n---\n"));
}

/** The broker must be the one that the trust file names, under a policy of its signer. */
async function requireKnown(
  context: CliContext,
  flags: BrokerRegisterFlags,
  described: BrokerDescription,
): Promise<void> {
  const anchors = await anchorsOf(context, flags);
  if (anchors.domain !== described.domain || anchors.brokerKey !== described.brokerKey) {
    throw new SealflowError({
      code: "CLI_BROKER_UNKNOWN",
      message: `broker ${flags.broker}: expected the one of the trust file (${anchors.domain}, key ${anchors.brokerKey}), got ${described.domain}, key ${described.brokerKey}`,
      hint: "do not register anything there unless you know why it has another key",
    });
  }
  const { policySigner, minimumEpoch } = anchors;
  await openTrustPolicy(described.policy.envelope, {
    signer: policySigner,
    ...(minimumEpoch === undefined ? {} : { minimumEpoch }),
  });
}

async function anchorsOf(context: CliContext, { trust }: BrokerRegisterFlags): Promise<TrustAnchors> {
  if (trust !== undefined)
    return parseTrustFile(await readUserFile(resolve(context.cwd, trust), trust), trust);
  for (let directory = context.cwd; ; directory = dirname(directory)) {
    const path = join(directory, "trust.yaml");
    if (existsSync(path)) return parseTrustFile(await readUserFile(path, path), path);
    if (dirname(directory) === directory) break;
  }
  throw new SealflowError({
    code: "CLI_TRUST_MISSING",
    message: "broker register: expected a trust file, got none",
    hint: "give --trust FILE, from `sealflow broker init`",
  });
}

async function parametersOf(
  context: CliContext,
  { param, params }: BrokerRegisterFlags,
  { spec }: PipelineDocument,
): Promise<JsonObject> {
  const file = params === undefined ? undefined : await readParametersFile(context, params);
  return parseParameters(spec, { assignments: param ?? [], ...(file === undefined ? {} : { file }) });
}

async function recipientsOf(context: CliContext, flags: BrokerRegisterFlags): Promise<string[]> {
  return Promise.all(
    (flags.recipient ?? []).map(async (each) => toHex(await recipientNamed(context, flags, each))),
  );
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
    const { digest, opening, chunks, root } = await openingOf(piecesOfFile(path));
    inputs[name] = digest;
    openings[digest] = { opening: toBase64(opening), chunks, root: toHex(root) };
  }
  return { inputs, openings };
}

/** Shows what a broker says of a run. */
export async function status(context: CliContext, flags: BrokerStatusFlags, runId: string): Promise<void> {
  const found = await httpBroker({ url: flags.broker, fetch, wait: sleep }).status(runId);
  const { stdout } = context.process;
  stdout.write(flags.json ? `${JSON.stringify(found)}\n` : rendered(found));
}

function rendered({ runId, state, tasks }: RunStatus): string {
  const rows = tasks.map(({ path, state: of, attempts, error, skip }) => {
    const why =
      error ??
      (skip === undefined
        ? ""
        : skip.kind === "dependency"
          ? `${skip.dependency} is ${skip.state}`
          : "condition false");
    return [visible(path), of, attempts === 0 ? "" : `${attempts} granted`, visible(why)];
  });
  return `run ${runId}  ${state}\n${formatColumns(rows)}`;
}
