/** `sealflow broker register` and `broker status`. */
import type { JsonObject } from "@sealflow/core";
import { encodeEnvelope } from "@sealflow/seal";
import { openCheckpoint, type RunStatus } from "@sealflow/trust";
import { brokerPlace } from "../broker/connection.js";
import { brokerAt, canonicalDocument, registerRun } from "../confidential/register.js";
import type { CliContext } from "../context.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { writeUserFile } from "../load/write-file.js";
import { readParametersFile } from "../parameters/file.js";
import { parseParameters } from "../parameters/parse.js";
import { formatColumns, visible } from "../render/text.js";
import type { BrokerRegisterFlags, BrokerStatusFlags } from "../routes/broker.js";

/** Signs a run and registers it. */
export async function register(context: CliContext, flags: BrokerRegisterFlags, file: string): Promise<void> {
  const { document } = await loadPipeline(context, file, { pipeline: flags.pipeline });
  const canonical = canonicalDocument(document);
  const parameters: JsonObject = parseParameters(canonical.spec, {
    assignments: flags.param ?? [],
    ...(flags.params === undefined ? {} : { file: await readParametersFile(context, flags.params) }),
  });
  const { runId, registration, ...registered } = await registerRun(context, flags, {
    place: await brokerPlace(context, flags),
    run: {
      ...{ document: canonical, parameters, name: flags.name, submitter: flags.submitter, key: flags.key },
      ...{ trust: flags.trust, reuse: flags.reuse, lifetimeMs: flags.expires },
      inputs: flags.input ?? [],
      recipients: flags.recipient ?? [],
      release: flags.release ?? [],
      declassify: flags.declassify ?? [],
    },
  });
  const checkpoint = await openCheckpoint(registered.checkpoint, registered.brokerKey);
  if (flags.checkpoint !== undefined) {
    writeUserFile(context, flags.checkpoint, Buffer.from(encodeEnvelope(registered.checkpoint)).toString());
  }
  const { size, root } = checkpoint;
  const result = { runId, registration, checkpoint: { size, root } };
  const { stdout } = context.process;
  stdout.write(
    flags.json
      ? `${JSON.stringify(result)}\n`
      : `registered ${runId}\nlog of ${size} entries, root ${root}\n`,
  );
}

/** Shows what a broker says of a run. */
export async function status(context: CliContext, flags: BrokerStatusFlags, runId: string): Promise<void> {
  const found = await brokerAt(await brokerPlace(context, flags)).status(runId);
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
