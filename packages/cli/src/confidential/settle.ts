/** The end of a confidential run elsewhere: its bundle, verified here, says what it was; what the control plane says does not. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type ErrorBody, isSealflowError } from "@sealflow/core";
import type { RunSummary, TaskSummary } from "@sealflow/engine";
import { artifactDigest } from "@sealflow/seal";
import {
  type BundleVerdict,
  openCheckpoint,
  type TrustAnchors,
  type VerifiedRun,
  verifyBundle,
} from "@sealflow/trust";
import type { CliContext } from "../context.js";
import { visible } from "../render/text.js";
import { type ConfidentialRecord, recordDirectory } from "./record.js";
import { brokerAt, trustAnchors } from "./register.js";
import { type OutputArtifact, sealedValue, verifiedOutputs, verifiedTasks } from "./verified-outputs.js";

/** A run that has ended, as the engine tells it. */
export interface EndedRun {
  readonly store: string;
  readonly record: ConfidentialRecord;
  readonly summary: RunSummary;
  /** The sealed artifact from where the engine keeps it; undefined where it can't be had. */
  readonly artifact: (of: OutputArtifact) => Promise<Uint8Array | undefined>;
}

/**
 * Fetches the bundle, verifies it, and brings the pipeline's output artifacts, sealed as they are, beside it.
 *
 * @returns The summary as it is proven: FAILED with `CLI_RUN_UNPROVEN` where the proof says otherwise.
 */
export async function settleConfidential(context: CliContext, ended: EndedRun): Promise<RunSummary> {
  const { record, summary } = ended;
  const { stderr } = context.process;
  let bytes: Uint8Array;
  try {
    bytes = await brokerAt(record.broker).bundle(record.runId);
  } catch (error) {
    if (summary.state !== "SUCCEEDED") {
      stderr.write(`no bundle: ${visible(error instanceof Error ? error.message : String(error))}\n`);
      return withoutValues(summary);
    }
    return unproven(summary, isSealflowError(error) ? error.message : String(error));
  }
  const directory = recordDirectory(ended.store, summary.runId);
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const file = join(directory, "bundle.json");
  writeFileSync(file, bytes);
  const verdict = await verifyBundle(bytes, { anchors: await anchorsOf(context, record) });
  stderr.write(`Bundle ${file}: ${verdictText(verdict)}\n`);
  return proven(ended, verdict);
}

/** The trust file's anchors, and the checkpoint that the broker signed when the run was registered. */
async function anchorsOf(
  context: CliContext,
  { trust, checkpoint }: ConfidentialRecord,
): Promise<TrustAnchors> {
  const { anchors } = await trustAnchors(context, trust);
  const { size, root } = await openCheckpoint(checkpoint, anchors.brokerKey);
  return { ...anchors, checkpoints: [...(anchors.checkpoints ?? []), { size, root }] };
}

function verdictText({ verdict, code, run }: BundleVerdict): string {
  const simulated = run?.simulated === true ? " (SIMULATED enclaves: it protects nothing)" : "";
  return `${verdict}${code === undefined ? "" : `, ${code}`}${simulated}`;
}

async function proven(ended: EndedRun, { verdict, code, run }: BundleVerdict): Promise<RunSummary> {
  const { summary, record } = ended;
  if (verdict !== "trusted" || run === undefined) {
    return summary.state === "SUCCEEDED" ? unproven(summary, code ?? verdict) : withoutValues(summary);
  }
  if (run.runId !== record.runId || run.registration !== record.registration)
    return unproven(summary, "the bundle of another run");
  if (run.state !== summary.state && summary.state === "SUCCEEDED")
    return unproven(summary, `a run that is ${run.state}`);
  const outputs = verifiedOutputs(record.document, run);
  const brought = await bring(ended, outputs.artifacts);
  // What the control plane could not tell is in the bundle.
  const { incomplete: _, ...told } = summary;
  return {
    ...told,
    ...stateOf(summary, run),
    outputs: outputs.parameters,
    tasks: withFiles(verifiedTasks(summary.tasks, run), brought),
    ...(run.simulated ? { sealed: { enclaves: "simulated" as const } } : {}),
  };
}

/** A control plane may call a run failed that has succeeded: it can stop a run, and what is proven stands. */
function stateOf(summary: RunSummary, { state }: VerifiedRun): Pick<RunSummary, "state"> {
  return { state: summary.state === "SUCCEEDED" ? state : summary.state };
}

/** A run that failed before anything could be proven of it: what the control plane holds are stand-ins. */
function withoutValues(summary: RunSummary): RunSummary {
  const tasks = summary.tasks.map((task) => {
    const outputs = Object.keys(task.outputs).map((name) => [name, sealedValue]);
    return { ...task, outputs: Object.fromEntries(outputs) };
  });
  return { ...summary, outputs: {}, tasks };
}

function unproven(summary: RunSummary, got: string): RunSummary {
  const error: ErrorBody = {
    code: "CLI_RUN_UNPROVEN",
    message: `run ${summary.runId}: the control plane says ${summary.state}; expected a bundle that proves it, got ${got}`,
    hint: "believe the bundle: sealflow broker status RUN --broker URL shows what is proven",
  };
  return { ...summary, state: "FAILED", outputs: {}, error };
}

interface Brought extends OutputArtifact {
  readonly file: string;
}

async function bring(ended: EndedRun, artifacts: readonly OutputArtifact[]): Promise<readonly Brought[]> {
  const directory = join(recordDirectory(ended.store, ended.summary.runId), "outputs");
  const brought: Brought[] = [];
  for (const [number, of] of artifacts.entries()) {
    const bytes = await ended.artifact(of);
    if (bytes === undefined || (await digestOf(bytes)) !== of.digest) continue;
    mkdirSync(directory, { recursive: true, mode: 0o700 });
    const several = artifacts.filter(({ name }) => name === of.name).length > 1;
    const file = join(directory, `${of.name}${several ? `-${number}` : ""}.sealed`);
    writeFileSync(file, bytes);
    brought.push({ ...of, file });
  }
  return brought;
}

async function digestOf(bytes: Uint8Array): Promise<string | undefined> {
  try {
    return await artifactDigest([Uint8Array.from(bytes)]);
  } catch {
    // Something else than a sealed artifact.
    return undefined;
  }
}

/** Artifacts that were brought are where they lie now. */
function withFiles(tasks: readonly TaskSummary[], brought: readonly Brought[]): readonly TaskSummary[] {
  return tasks.map((task) => ({
    ...task,
    artifacts: Object.fromEntries(
      Object.entries(task.artifacts).map(([name, list]) => [
        name,
        list.map((artifact, index) => {
          const here = brought.find(
            (each) => each.task === task.path && each.output === name && each.index === index,
          );
          return here === undefined ? artifact : { ...artifact, uri: pathToFileURL(here.file).href };
        }),
      ]),
    ),
  }));
}
