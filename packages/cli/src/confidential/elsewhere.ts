/** `run --on … --sealed`: what is added to a run elsewhere so that it is confidential from its start to its proof. */
import { type ConfidentialContext, remoteArtifact, type Session } from "@sealflow/cluster";
import { type JsonObject, SealflowError } from "@sealflow/core";
import type { RunSummary } from "@sealflow/engine";
import type { PipelineDocument } from "@sealflow/pipeline";
import { sealedLists } from "../commands/sealed-lists.js";
import type { CliContext } from "../context.js";
import type { RunFlags } from "../routes/run.js";
import { type PreparedRun, prepareConfidential } from "./prepare.js";
import { readRecord } from "./record.js";
import { confidentialSettings } from "./settings.js";
import { type EndedRun, settleConfidential } from "./settle.js";

/** Checks, registers, and gives what is submitted. */
export async function prepared(
  context: CliContext,
  flags: RunFlags,
  run: {
    /** Of the pipeline. */
    readonly file: string;
    readonly document: PipelineDocument;
    readonly parameters: JsonObject;
    readonly held: ConfidentialContext | undefined;
  },
): Promise<PreparedRun> {
  return prepareConfidential(context, flags, {
    ...{ document: run.document, parameters: run.parameters, name: flags.name },
    inputs: flags.input ?? [],
    ...(await sealedLists(context, flags, run.file)),
    settings: await confidentialSettings(context, flags, run.held),
  });
}

/** The summary as the bundle proves it; that of a run without a record as it is. */
export async function settled(
  context: CliContext,
  store: string,
  { summary, artifact }: Pick<EndedRun, "summary" | "artifact">,
): Promise<RunSummary> {
  const record = readRecord(store, summary.runId);
  return record === undefined ? summary : settleConfidential(context, { store, record, summary, artifact });
}

/** Sealed artifacts from a remote engine; undefined where its API does not hand them out. */
export function artifactsOf(session: Session, runId: string): EndedRun["artifact"] {
  return async ({ task, output, index }) => remoteArtifact(session, { runId, task, output, index });
}

/** The broker's id of a run, in the arguments that the overlay wrote. Untrusted: whoever serves the spec may change it. */
export function runIdIn({ spec }: PipelineDocument): string {
  for (const { container } of Object.values(spec.deploymentSpec.executors ?? {})) {
    const words = container?.args ?? [];
    const at = words.indexOf("--run");
    const id = words[at + 1];
    if (at >= 0 && id !== undefined && words.includes("--broker")) return id;
  }
  throw new SealflowError({
    code: "CLI_RUN_UNSEALED",
    message: "run: expected a confidential run, got one without a broker in its spec",
    hint: "sealflow run --on NAME --sealed makes runs that can be bundled and verified",
  });
}
