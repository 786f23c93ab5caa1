/** `sealflow run --on NAME`: submits the pipeline, follows the run, ends as a local run does. */
import { remoteEvents, type Session, submitRun } from "@sealflow/cluster";
import type { JsonObject } from "@sealflow/core";
import { type RunSummary, RunView } from "@sealflow/engine";
import { KfpClient } from "@sealflow/kfp";
import type { PipelineDocument } from "@sealflow/pipeline";
import { logKeys } from "../confidential/log-keys.js";
import { type ConfidentialRecord, writeRecord } from "../confidential/record.js";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode } from "../exit-code.js";
import type { KeyFlags } from "../keys/keyring.js";
import { createProgress } from "../render/progress.js";
import { styleFor } from "../render/style.js";
import { openEventFile } from "./event-file.js";
import { RemoteLogs } from "./remote-logs.js";

/** How a remote run is made and followed. */
export interface RemoteRun {
  /** Name of the context, for hints. */
  readonly on: string;
  readonly document: PipelineDocument;
  readonly parameters: JsonObject;
  readonly name?: string | undefined;
  readonly experiment?: string | undefined;
  readonly serviceAccount?: string | undefined;
  readonly pipelineRoot?: string | undefined;
  readonly events?: string | undefined;
  /** Prints what tasks write, besides states. */
  readonly logs: boolean;
  /** What the first Ctrl-C does. */
  readonly onInterrupt: "detach" | "cancel";
  /** What opens sealed logs. */
  readonly keys: KeyFlags;
  /** Of a confidential run: what is kept of it, and in which store. */
  readonly sealed?: { readonly record: ConfidentialRecord; readonly store: string };
}

/** What became of it; `detached` when the user left before its end. */
export type RemoteOutcome = RunSummary | { readonly detached: string };

/** Submits the run and follows it to its end. */
export async function runRemotely(
  context: CliContext,
  session: Session,
  run: RemoteRun,
): Promise<RemoteOutcome> {
  const { document, parameters, name, experiment, serviceAccount, pipelineRoot } = run;
  const created = await submitRun(session, {
    ...{ document, parameters },
    ...(name === undefined ? {} : { name }),
    ...(experiment === undefined ? {} : { experiment }),
    ...(serviceAccount === undefined ? {} : { serviceAccount }),
    ...(pipelineRoot === undefined ? {} : { pipelineRoot }),
  });
  const runId = created.run_id;
  context.process.stderr.write(`Run ${runId} on ${run.on}\n`);
  if (run.sealed === undefined) return follow(context, session, { ...run, runId });
  const { store, record } = run.sealed;
  writeRecord(store, runId, record);
  const outcome = await follow(context, session, { ...run, runId });
  if ("detached" in outcome) return outcome;
  const { artifactsOf, settled } = await import("../confidential/elsewhere.js");
  return settled(context, store, { summary: outcome, artifact: artifactsOf(session, runId) });
}

async function follow(
  context: CliContext,
  session: Session,
  run: RemoteRun & { readonly runId: string },
): Promise<RemoteOutcome> {
  const { stderr, env } = context.process;
  const file = run.events === undefined ? undefined : openEventFile(context, run.events);
  const logs = run.logs
    ? new RemoteLogs(context, session, { runId: run.runId, keys: logKeys(context, run.keys) })
    : undefined;
  const progress = createProgress({
    output: stderr,
    style: styleFor(wantsColour(stderr, env)),
    clock: context.clock,
    live: stderr.isTTY === true && env.TERM !== "dumb" && !run.logs,
  });
  const leaving = new AbortController();
  const release = onInterrupt(context, session, { ...run, leaving });
  const view = new RunView();
  try {
    for await (const event of remoteEvents(session, run.runId, { signal: leaving.signal })) {
      file?.append(event);
      view.add(event);
      progress.event(event);
      await logs?.event(event);
    }
  } finally {
    release();
    progress.stop();
    file?.close();
    await logs?.close(leaving.signal.aborted);
  }
  return view.end === undefined ? { detached: run.runId } : { ...view.summary(), runId: run.runId };
}

interface Interruption {
  readonly on: string;
  readonly runId: string;
  readonly onInterrupt: "detach" | "cancel";
  readonly leaving: AbortController;
}

/** The first Ctrl-C detaches or cancels, the second one leaves in any case. */
function onInterrupt(context: CliContext, session: Session, run: Interruption): () => void {
  const { stderr } = context.process;
  let asked = false;
  return context.onInterrupt(() => {
    if (asked) context.exit(exitCode.interrupted);
    asked = true;
    if (run.onInterrupt === "detach") {
      stderr.write(`Left; the run goes on: sealflow runs show ${run.runId} --on ${run.on}\n`);
      stderr.write(`hint: sealflow runs cancel ${run.runId} --on ${run.on}\n`);
      run.leaving.abort();
      return;
    }
    stderr.write("Canceling; Ctrl-C again leaves at once\n");
    new KfpClient(session.client).terminateRun(run.runId).catch((error: unknown) => {
      stderr.write(`error: ${error instanceof Error ? error.message : String(error)}\n`);
      run.leaving.abort();
    });
  });
}
