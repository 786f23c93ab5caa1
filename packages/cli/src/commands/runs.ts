/** `sealflow runs list|show|cancel|delete|gc`. */
import { type CliContext, wantsColour } from "../context.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { formatError } from "../render/error.js";
import { formatArtifacts, formatTasks, formatValues, paintState } from "../render/run.js";
import { styleFor } from "../render/style.js";
import { formatBytes, formatColumns, formatDuration, visible } from "../render/text.js";
import type { GcFlags, ListFlags, StoreFlags } from "../routes/runs.js";

function printJson(context: CliContext, value: unknown): void {
  context.process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** `sealflow runs list`. */
export async function listRuns(context: CliContext, flags: ListFlags): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const all = store.listRuns();
  const runs = all.slice(0, flags.limit);
  if (flags.json) return printJson(context, { runs });
  const rows = runs.map((run) => {
    const ended = run.endTime === null ? context.clock.now() : Date.parse(run.endTime);
    const took = run.state === "INTERRUPTED" ? "–" : formatDuration(ended - Date.parse(run.createTime));
    return [run.runId, run.state, run.createTime.slice(0, 19).replace("T", " "), took, visible(run.name)];
  });
  const { stdout, stderr } = context.process;
  if (rows.length === 0) stderr.write(`no runs in ${store.directory}\n`);
  else stdout.write(formatColumns([["RUN", "STATE", "CREATED (UTC)", "TOOK", "NAME"], ...rows]));
  if (all.length > runs.length) stderr.write(`${all.length - runs.length} older runs: --limit shows more\n`);
}

/** `sealflow runs show RUN`. */
export async function showRun(context: CliContext, flags: StoreFlags, reference: string): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const run = store.getRun(resolveRunId(store, reference));
  if (flags.json) return printJson(context, run);
  const { stdout, env } = context.process;
  const style = styleFor(wantsColour(stdout, env));
  const section = (title: string, text: string) => (text === "" ? "" : `\n${style.bold(title)}\n${text}`);
  const errors = [run.error, ...run.tasks.map((task) => task.error)].filter((error) => error !== undefined);
  stdout.write(
    `${style.bold(visible(run.name))}  ${paintState(run.state, style)}\n` +
      formatColumns([
        ["run", run.runId],
        ["pipeline", `${visible(run.pipelineName)}  ${run.specDigest}`],
        ["created", run.createTime],
        ["ended", run.endTime ?? "–"],
      ]) +
      section("Parameters", formatValues(run.parameters)) +
      section(
        "Tasks",
        formatTasks(run.tasks) + run.running.map((path) => `  RUNNING  ${visible(path)}\n`).join(""),
      ) +
      section("Artifacts", formatArtifacts(run.tasks)) +
      section("Outputs", formatValues(run.outputs)) +
      section("Errors", errors.map((error) => formatError(error, style)).join("")),
  );
}

/** `sealflow runs cancel RUN`. */
export async function cancelRun(context: CliContext, flags: StoreFlags, reference: string): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  store.requestCancel(runId);
  if (flags.json) return printJson(context, { runId, canceling: true });
  context.process.stdout.write(`Run ${runId} is being canceled\n`);
}

/** `sealflow runs delete RUN…`. */
export async function deleteRuns(
  context: CliContext,
  flags: StoreFlags,
  ...references: string[]
): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const runs = [...new Set(references.map((reference) => resolveRunId(store, reference)))];
  for (const runId of runs) {
    store.deleteRun(runId);
    if (!flags.json) context.process.stdout.write(`Deleted run ${runId}\n`);
  }
  if (flags.json) printJson(context, { deleted: runs });
}

/** `sealflow runs gc`. */
export async function collectGarbage(context: CliContext, flags: GcFlags): Promise<void> {
  const store = await openProjectStore(context, flags.store);
  const report = store.gc({
    now: context.clock.now(),
    ...(flags.keep === undefined ? {} : { keep: flags.keep }),
    ...(flags.olderThan === undefined ? {} : { olderThanMs: flags.olderThan }),
  });
  if (flags.json) return printJson(context, report);
  context.process.stdout.write(
    `Removed ${report.runs.length} runs, ${report.artifacts} artifacts (${formatBytes(report.bytes)}) and ${report.cacheEntries} cache entries\n`,
  );
  if (report.postponed)
    context.process.stderr.write("A run is going on: artifacts and cache were left alone\n");
}
