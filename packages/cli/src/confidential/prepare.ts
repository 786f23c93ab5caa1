/** From a pipeline to what a cluster is given: checked, registered with the broker, every pod in a measured enclave. */
import { confidentialOverlay, type OverlayReport } from "@sealflow/cluster";
import { type JsonObject, SealflowError } from "@sealflow/core";
import type { PipelineDocument } from "@sealflow/pipeline";
import type { CliContext } from "../context.js";
import type { KeyFlags } from "../keys/keyring.js";
import { printReport } from "./overlay-report.js";
import type { ConfidentialRecord } from "./record.js";
import { canonicalDocument, registerRun, type WantedRun } from "./register.js";
import type { ConfidentialSettings } from "./settings.js";

/** What is to run; who submits it, and to whom, is among the settings. */
export interface ConfidentialRequest
  extends Pick<WantedRun, "document" | "parameters" | "name" | "inputs" | "release" | "declassify"> {
  readonly settings: ConfidentialSettings;
}

/** What the cluster gets, and what is kept here. */
export interface PreparedRun {
  readonly document: PipelineDocument;
  readonly record: ConfidentialRecord;
}

/**
 * Makes the spec confidential and registers the run.
 *
 * @throws SealflowError `CLI_CONFIDENTIAL_UNPROTECTED` before anything is registered; what `registerRun` throws
 */
export async function prepareConfidential(
  context: CliContext,
  flags: KeyFlags & { readonly json: boolean },
  request: ConfidentialRequest,
): Promise<PreparedRun> {
  const { settings, parameters, name, inputs, release, declassify } = request;
  const document = canonicalDocument(request.document);
  const { report } = await confidentialOverlay(document, settings.overlay);
  if (!report.ok) throw unprotected(context, flags, report);
  const registered = await registerRun(context, flags, {
    place: settings.broker,
    run: {
      ...{ document, parameters, name, inputs, release, declassify, reuse: false },
      ...{ submitter: settings.submitter, key: settings.submitterKey, trust: settings.trust },
      recipients: settings.recipients,
    },
  });
  const { runId, registration, checkpoint } = registered;
  const overlaid = await confidentialOverlay(document, { ...settings.overlay, runId });
  const trust = settings.trust === undefined ? {} : { trust: settings.trust };
  tell(context, report, runId);
  return {
    document: overlaid.document,
    record: { runId, broker: settings.broker, registration, checkpoint, document, ...trust },
  };
}

function tell({ process: { stderr } }: CliContext, { tasks, exempted }: OverlayReport, runId: string): void {
  const count = (state: string) => tasks.filter((task) => task.state === state).length;
  const parts = [
    [count("protected"), "in enclaves"],
    [count("simulated"), "in SIMULATED enclaves, which protect nothing"],
    [exempted.length, "left in the clear by --unprotected"],
  ].flatMap(([number, what]) => (number === 0 ? [] : [`${number} ${what}`]));
  stderr.write(`Registered ${runId}; tasks: ${parts.join(", ")}\n`);
}

function unprotected(context: CliContext, flags: { readonly json: boolean }, report: OverlayReport) {
  if (!flags.json)
    printReport(context, report, context.process.stderr, "nothing was registered or submitted");
  const open = report.tasks.filter(({ state, executor }) => {
    return state === "unprotected" && !report.exempted.includes(executor);
  });
  return new SealflowError({
    code: "CLI_CONFIDENTIAL_UNPROTECTED",
    message: `run: expected every task to be protected, got ${open.length} that can't be: ${open.map(({ path }) => path).join(", ")}`,
    hint: "build an image that holds them (sealflow image build), or leave one in the clear with --unprotected EXECUTOR",
    data: { tasks: report.tasks as unknown as JsonObject[] },
  });
}
