/** `sealflow bundle`. */
import { existsSync } from "node:fs";
import { resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import { writeFileAtomically } from "@sealflow/seal/node";
import { brokerPlace } from "../broker/connection.js";
import { readRecord } from "../confidential/record.js";
import { type BrokerPlace, brokerAt } from "../confidential/register.js";
import type { CliContext } from "../context.js";
import { keyPath } from "../keys/keyring.js";
import { findProject } from "../project/project.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { formatBytes, visible } from "../render/text.js";
import type { BundleFlags } from "../routes/bundle.js";
import { type Target, targetOf, withSession } from "./target.js";

/** Writes a run's bundle. */
export async function bundle(context: CliContext, flags: BundleFlags, run: string): Promise<void> {
  const { runId, bytes } = await bundleOf(context, flags, run);
  const { stdout } = context.process;
  if (flags.output === "-") {
    stdout.write(Buffer.from(bytes).toString("utf8"));
    return;
  }
  const path = resolve(context.cwd, flags.output);
  await writeFileAtomically(path, [bytes], { replace: true }).catch((cause: unknown) => {
    const got = cause instanceof Error ? cause.message : String(cause);
    const message = `${flags.output}: expected a file that can be written, got ${got}`;
    throw new SealflowError({ code: "CLI_FILE_UNWRITABLE", message, where: { file: flags.output }, cause });
  });
  const result = { runId, file: flags.output, bytes: bytes.length };
  stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `wrote ${visible(flags.output)}, ${formatBytes(bytes.length)}; sealflow verify ${visible(flags.output)} checks it\n`,
  );
}

async function bundleOf(context: CliContext, flags: BundleFlags, run: string) {
  const { broker: url } = flags;
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote" && (flags.on !== undefined || url === undefined))
    return remoteBundle(context, { ...flags, target }, run);
  return url === undefined ? ownBundle(context, flags, run) : fetched(await brokerPlace(context, flags), run);
}

async function fetched(place: BrokerPlace, runId: string) {
  return { runId, bytes: await brokerAt(place).bundle(runId) };
}

/** By what was kept when the run was submitted from here; else by what the context says and the spec names. */
async function remoteBundle(
  context: CliContext,
  flags: BundleFlags & { readonly target: Extract<Target, { kind: "remote" }> },
  reference: string,
) {
  const { target } = flags;
  const { store } = await openStoreFor(context, flags);
  const { runId: engineRunId, document } = await withSession(context, target, async (session) => {
    const { documentOf } = await import("@sealflow/cluster");
    const { findRemoteRun } = await import("./remote-runs.js");
    const found = await findRemoteRun(session, reference);
    const kept = readRecord(store, found.run_id);
    return {
      runId: found.run_id,
      document: kept === undefined ? await documentOf(session.client, found) : undefined,
    };
  });
  const kept = readRecord(store, engineRunId);
  const held = target.context.confidential;
  const url = flags.broker ?? kept?.broker.url ?? held?.broker;
  if (url === undefined) throw withoutBroker(engineRunId);
  const pin = flags.brokerPin ?? (url === kept?.broker.url ? kept.broker.pin : held?.brokerPin);
  const { runIdIn } = await import("../confidential/elsewhere.js");
  const runId = kept?.runId ?? (document === undefined ? engineRunId : runIdIn(document));
  return fetched(await brokerPlace(context, { ...flags, broker: url, brokerPin: pin }), runId);
}

async function openStoreFor(context: CliContext, flags: BundleFlags): Promise<{ readonly store: string }> {
  return { store: (await openProjectStore(context, flags.store)).directory };
}

function withoutBroker(runId: string): SealflowError {
  return new SealflowError({
    code: "CLI_BROKER_UNNAMED",
    message: `run ${runId}: expected the broker that it is registered with, got none`,
    hint: "give --broker URL and --broker-pin, or keep them in the context",
  });
}

/** From the broker in this project's store. */
async function ownBundle(context: CliContext, flags: BundleFlags, reference: string) {
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  const elsewhere = readRecord(store.directory, runId);
  if (elsewhere !== undefined) return fetched(elsewhere.broker, elsewhere.runId);
  if (!existsSync(await keyPath(context, flags))) throw notSealed(runId);
  const { sealingOf } = await import("../sealed/project.js");
  const sealed = await sealingOf(context, flags, { store, project: await findProject(context.cwd) })();
  try {
    return { runId, bytes: await sealed.broker.bundle(runId) };
  } catch (error) {
    if (error instanceof SealflowError && error.code === "TRUST_RUN_UNKNOWN") throw notSealed(runId);
    throw error;
  } finally {
    await sealed.close();
  }
}

function notSealed(runId: string): SealflowError {
  return new SealflowError({
    code: "CLI_RUN_UNSEALED",
    message: `run ${runId}: expected a sealed run, got one without statements`,
    hint: "sealflow run --sealed makes runs that can be bundled and verified",
  });
}
