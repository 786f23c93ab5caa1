/** `sealflow confidential`. */
import { confidentialOverlay } from "@sealflow/cluster";
import { formatPipelineYaml } from "@sealflow/pipeline";
import { readImageLock } from "../confidential/image-lock.js";
import { printReport } from "../confidential/overlay-report.js";
import { poolOf, serviceAt, wrongFlag } from "../confidential/settings.js";
import type { CliContext } from "../context.js";
import { exitCode } from "../exit-code.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { writeUserFile } from "../load/write-file.js";
import type { ConfidentialFlags } from "../routes/confidential.js";

/** Writes the spec when every task is protected or exempted; otherwise only the report, and 4. */
export async function confidential(
  context: CliContext,
  flags: ConfidentialFlags,
  file: string,
): Promise<number> {
  const { document } = await loadPipeline(context, file, flags);
  const images = await Promise.all((flags.image ?? []).map((name) => readImageLock(context, name)));
  const { document: fresh, report } = await confidentialOverlay(document, {
    images,
    broker: brokerOf(flags),
    pool: poolOf(flags),
    ...quotesOf(flags),
    ...(flags.depot === undefined ? {} : { depot: { claim: flags.depot } }),
    ...(flags.run === undefined ? {} : { runId: flags.run }),
    ...(flags.unprotected === undefined ? {} : { unprotected: flags.unprotected }),
  });
  const { stdout, stderr } = context.process;
  const toOutput = flags.output === "-";
  if (report.ok) {
    const yaml = formatPipelineYaml(fresh);
    if (toOutput && !flags.json) stdout.write(yaml);
    else if (!toOutput) writeUserFile(context, flags.output, yaml);
  }
  if (flags.json) stdout.write(`${JSON.stringify({ ...report, output: report.ok ? flags.output : null })}\n`);
  else printReport(context, report, toOutput ? stderr : stdout, "nothing was written");
  return report.ok ? exitCode.ok : exitCode.refused;
}

function brokerOf({ broker, brokerPin }: ConfidentialFlags) {
  return serviceAt("--broker", broker, brokerPin);
}

function quotesOf({ quotes, quotesToken, quotesPin }: ConfidentialFlags) {
  if (quotes === undefined) return {};
  if (quotesToken === undefined)
    throw wrongFlag("--quotes-token", "the token that image simulate printed", "none");
  return { quotes: { ...serviceAt("--quotes", quotes, quotesPin), token: quotesToken } };
}
