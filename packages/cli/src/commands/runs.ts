/** `sealflow runs list|show|cancel|delete|gc`. */
import type { RunDetails, RunHeader } from "@sealflow/engine";
import { type CliContext, wantsColour } from "../context.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { formatError, formatWarning } from "../render/error.js";
import { formatArtifacts, formatTasks, formatValues, paintState, simulatedNote } from "../render/run.js";
import { styleFor } from "../render/style.js";
import { formatBytes, formatColumns, formatDuration, visible } from "../render/text.js";
import type { GcFlags, ListFlags, PlaceFlags } from "../routes/runs.js";
import { targetOf, withSession } from "./target.js";

function printJson(context: CliContext, value: unknown): void {
  context.process.stdout.write(`${JSON.stringify(value)}\n`);
}

/** `sealflow runs list`. */
export async function listRuns(context: CliContext, flags: ListFlags): Promise<void> {
  const { runs, total, where } = await listed(context, flags);
  if (flags.json) return printJson(context, { runs });
  const rows = runs.map((run) => {
    const ended = run.endTime === null ? context.clock.now() : Date.parse(run.endTime);
    const took = run.state === "INTERRUPTED" ? "–" : formatDuration(ended - Date.parse(run.createTime));
    return [run.runId, run.state, run.createTime.slice(0, 19).replace("T", " "), took, visible(run.name)];
  });
  const { stdout, stderr } = context.process;
  if (rows.length === 0) stderr.write(`no runs ${where}\n`);
  else stdout.write(formatColumns([["RUN", "STATE", "CREATED (UTC)", "TOOK", "NAME"], ...rows]));
  if (total > runs.length) stderr.write(`${total - runs.length} older runs: --limit shows more\n`);
}

interface Listed {
  readonly runs: readonly RunHeader[];
  readonly total: number;
  /** For people: `in DIRECTORY` or `on NAME`. */
  readonly where: string;
}

async function listed(context: CliContext, flags: ListFlags): Promise<Listed> {
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote") {
    const { listRemoteRuns } = await import("./remote-runs.js");
    const found = await withSession(context, target, (session) => listRemoteRuns(session, flags.limit));
    return { ...found, where: `on ${target.name}` };
  }
  const store = await openProjectStore(context, flags.store);
  const all = store.listRuns();
  return { runs: all.slice(0, flags.limit), total: all.length, where: `in ${store.directory}` };
}

/** A run whole, from where the flags say. @throws SealflowError `CLI_RUN_…` */
export async function recordedRun(
  context: CliContext,
  flags: PlaceFlags,
  reference: string,
): Promise<RunDetails> {
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote") {
    const { showRemoteRun } = await import("./remote-runs.js");
    return withSession(context, target, (session) => showRemoteRun(session, reference));
  }
  const store = await openProjectStore(context, flags.store);
  return store.getRun(resolveRunId(store, reference));
}

/** `sealflow runs show RUN`. */
export async function showRun(context: CliContext, flags: PlaceFlags, reference: string): Promise<void> {
  const run = await recordedRun(context, flags, reference);
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
        ...(run.sealed === undefined ? [] : [["enclaves", simulatedNote]]),
        ["ended", run.endTime ?? "–"],
      ]) +
      section("Parameters", formatValues(run.parameters)) +
      section(
        "Tasks",
        formatTasks(run.tasks) + run.running.map((path) => `  RUNNING  ${visible(path)}\n`).join(""),
      ) +
      section("Artifacts", formatArtifacts(run.tasks)) +
      section("Outputs", formatValues(run.outputs)) +
      section("Missing", run.incomplete === undefined ? "" : formatWarning(run.incomplete, style)) +
      section("Errors", errors.map((error) => formatError(error, style)).join("")),
  );
}

/** `sealflow runs cancel RUN`. */
export async function cancelRun(context: CliContext, flags: PlaceFlags, reference: string): Promise<void> {
  const runId = await requestCancel(context, flags, reference);
  if (flags.json) return printJson(context, { runId, canceling: true });
  context.process.stdout.write(`Run ${runId} is being canceled\n`);
}

async function requestCancel(context: CliContext, flags: PlaceFlags, reference: string): Promise<string> {
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote") {
    const { cancelRemoteRun } = await import("./remote-runs.js");
    return withSession(context, target, (session) => cancelRemoteRun(session, reference));
  }
  const store = await openProjectStore(context, flags.store);
  const runId = resolveRunId(store, reference);
  store.requestCancel(runId);
  return runId;
}

/** `sealflow runs delete RUN…`. */
export async function deleteRuns(
  context: CliContext,
  flags: PlaceFlags,
  ...references: string[]
): Promise<void> {
  const target = await targetOf(context, flags.on);
  if (target.kind === "remote") {
    const { deleteRemoteRuns } = await import("./remote-runs.js");
    const tell = (runId: string) => {
      if (!flags.json) context.process.stdout.write(`Deleted run ${runId}\n`);
    };
    const deleted = await withSession(context, target, (session) =>
      deleteRemoteRuns(session, references, tell),
    );
    return flags.json ? printJson(context, { deleted }) : undefined;
  }
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
