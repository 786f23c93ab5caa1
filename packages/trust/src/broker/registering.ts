/** Offering run ids, and registering runs under them. */
import { type Digest, fromBase64, fromHex, toHex } from "@sealflow/core";
import { dataKeyOf, openingDigest } from "@sealflow/seal";
import { envelopeDigest } from "../document.js";
import { failure } from "../failure.js";
import type { LogEntryOf } from "../log/entry.js";
import {
  type InputOpening,
  type Registered,
  type RegisterRequest,
  type RunOffer,
  readRegister,
} from "../protocol/messages.js";
import { member, recordOf } from "../record.js";
import { openRegistration } from "../registration.js";
import { readRegisteredPipeline } from "../run/authorised.js";
import { RunEvaluation } from "../run/evaluation.js";
import type { BrokerCore } from "./core.js";
import { newRunId, offerLifetime, requireOffered } from "./tokens.js";

/** Offers a run id. Nothing is remembered of it. */
export async function openRun({ keys, options: { random, clock } }: BrokerCore): Promise<RunOffer> {
  const now = clock.now();
  const runId = await newRunId({ keys, random, now });
  return { runId, expiresAt: new Date(now + offerLifetime).toISOString() };
}

/** @throws SealflowError `TRUST_RUN_…`, `TRUST_REGISTRATION_…`, `TRUST_INPUT_KEY`, `SEAL_…`, `PIPELINE_…` */
export async function register(core: BrokerCore, message: unknown): Promise<Registered> {
  const request = readRegister(message);
  const { runId } = request;
  const digest = await envelopeDigest(request.registration);
  const known = core.state.index.find(runId);
  if (known === undefined) await registerNew(core, request, digest);
  else if (known.registration !== digest) {
    throw failure("TRUST_RUN_TAKEN", `run ${runId}`, {
      expected: `its registration ${known.registration}`,
      got: digest,
    });
  }
  return { runId, registration: digest, checkpoint: await core.checkpoint() };
}

async function registerNew(core: BrokerCore, request: RegisterRequest, digest: Digest): Promise<void> {
  const { runId, registration: envelope } = request;
  const { policy, digest: policyDigest } = core.policy();
  const at = core.now();
  await requireOffered(runId, { keys: core.keys, now: core.options.clock.now() });
  const authorised = await openRegistration(envelope, { policy, policyDigest, at });
  const { registration, flow } = authorised;
  if (registration.runId !== runId) {
    throw failure("TRUST_RUN_TAKEN", "registration", { expected: `run ${runId}`, got: registration.runId });
  }
  const { document } = await readRegisteredPipeline(request.document, authorised);
  // Refuses parameters and inputs that don't fit before anything is recorded.
  const evaluation = new RunEvaluation(registration, document);
  const keys = await inputKeys(core, registration.inputs, request);
  const entry: LogEntryOf<"registered"> = {
    ...core.state.entryOf({ registrationDigest: digest, registration, lastEntry: null }, at),
    ...{ kind: "registered", runId, policy: policyDigest },
  };
  // A run without anything to do has ended already.
  const end = await core.state.finishedAfter({ registration, registrationDigest: digest, evaluation }, entry);
  const record = { runId, registration: envelope, document: request.document, flow, keys };
  await core.decide({ kind: "registered", ...record, entries: [entry, ...end] });
}

/** Data keys of the external inputs, from their openings. */
async function inputKeys(
  core: BrokerCore,
  inputs: Readonly<Record<string, Digest>>,
  { openings }: RegisterRequest,
): Promise<Record<string, string>> {
  const digests = [...new Set(Object.values(inputs))];
  const entries = digests.map(
    async (digest) => [digest, await inputKey(core, digest, member<InputOpening>(openings, digest))] as const,
  );
  return recordOf(await Promise.all(entries));
}

async function inputKey(
  core: BrokerCore,
  digest: Digest,
  opening: InputOpening | undefined,
): Promise<string> {
  const known = core.state.index.inputKeys.get(digest);
  if (known !== undefined) return known;
  const refuse = (got: string) =>
    failure("TRUST_INPUT_KEY", `input ${digest}`, { expected: "the opening of this artifact", got });
  if (opening === undefined) throw refuse("none");
  const bytes = fromBase64(opening.opening);
  const got = await openingDigest(bytes, { chunks: opening.chunks, root: fromHex(opening.root) });
  if (got !== digest) throw refuse(`that of ${got}`);
  return toHex(await dataKeyOf([bytes], { identities: [core.keys.identity] }));
}
