/** `sealflow report`. */
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { CliContext } from "../context.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { collectReport } from "../report/collect.js";
import { renderReport } from "../report/page.js";
import type { ReportFlags } from "../routes/report.js";

/** Writes the report of a run, by default as `reports/ID.html` in the store; prints where it is. */
export async function writeReport(
  context: CliContext,
  flags: ReportFlags,
  reference = "latest",
): Promise<void> {
  const { stdout } = context.process;
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  const page = renderReport(collectReport(store, runId, new Date(context.clock.now()).toISOString()));
  if (flags.output === "-") {
    stdout.write(page);
    return;
  }
  const file =
    flags.output === undefined
      ? join(store.directory, "reports", `${runId}.html`)
      : resolve(context.cwd, flags.output);
  try {
    if (flags.output === undefined) mkdirSync(dirname(file), { recursive: true });
    writeFileSync(file, page);
  } catch (cause) {
    throw new SealflowError({
      code: "CLI_FILE_UNWRITABLE",
      message: `${file}: expected a file that can be written, got ${cause instanceof Error ? cause.message : cause}`,
      where: { file },
      cause,
    });
  }
  stdout.write(flags.json ? `${JSON.stringify({ runId, file })}\n` : `${file}\n`);
}
