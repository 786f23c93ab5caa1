/** `sealflow runs list|show|logs|cancel|delete --on NAME`. */
import { eventsSoFar, remoteLog, type Session } from "@sealflow/cluster";
import { isSealflowError, SealflowError } from "@sealflow/core";
import { type RunDetails, type RunHeader, RunView } from "@sealflow/engine";
import { KfpClient, type Run } from "@sealflow/kfp";
import { type CliContext, wantsColour } from "../context.js";
import { formatWarning } from "../render/error.js";
import { type LogKeys, SealedLogLines } from "../render/sealed-log.js";
import { styleFor } from "../render/style.js";
import { visible } from "../render/text.js";
import { unknownTask } from "./unknown-task.js";

/** Newest runs first, and how many more there are. */
export async function listRemoteRuns(
  session: Session,
  limit: number,
): Promise<{ readonly runs: readonly RunHeader[]; readonly total: number }> {
  const client = new KfpClient(session.client);
  const runs: Run[] = [];
  let total = 0;
  let pageToken: string | undefined;
  do {
    const page = await client.listRuns({
      ...{ sortBy: "created_at desc", pageSize: Math.min(200, limit - runs.length) },
      ...(session.namespace === undefined ? {} : { namespace: session.namespace }),
      ...(pageToken === undefined ? {} : { pageToken }),
    });
    runs.push(...(page.runs ?? []));
    total = page.total_size ?? runs.length;
    pageToken = page.next_page_token;
  } while (pageToken && runs.length < limit);
  return { runs: runs.map(headerOf), total };
}

/** One run whole: from its events where the server has them, else from its tasks' states. */
export async function showRemoteRun(session: Session, reference: string): Promise<RunDetails> {
  const run = await findRemoteRun(session, reference);
  const view = await viewSoFar(session, run);
  const header = headerOf(run);
  const details = view.details(header.state === "RUNNING");
  return {
    ...details,
    ...header,
    pipelineName: details.pipelineName || pipelineNameIn(run),
    parameters: run.runtime_config?.parameters ?? details.parameters,
  };
}

/** What was told up to now; a run that goes on is not waited for. */
async function viewSoFar(session: Session, run: Run): Promise<RunView> {
  const view = new RunView();
  for await (const event of eventsSoFar(session, run)) view.add(event);
  return view;
}

/** Which logs are printed. */
export interface WantedLogs {
  readonly reference: string;
  /** Default: all tasks that have started. */
  readonly task?: string | undefined;
  readonly attempt?: number | undefined;
  readonly follow: boolean;
  readonly keys: LogKeys;
}

/** Prints a task's log, or the logs of all tasks that have started: those that can be had. */
export async function printRemoteLogs(
  context: CliContext,
  session: Session,
  wanted: WantedLogs,
): Promise<void> {
  const run = await findRemoteRun(session, wanted.reference);
  const leaving = new AbortController();
  const release = context.onInterrupt(() => leaving.abort());
  const head = (task: string) => (wanted.task === undefined ? `${visible(task)} | ` : "");
  const print = (task: string) =>
    printTask(context, session, {
      ...{ ...wanted, runId: run.run_id, task, head: head(task), signal: leaving.signal },
    });
  try {
    if (wanted.task !== undefined) await known(session, run, { task: wanted.task, print });
    else await each(context, await startedTasks(session, run), (task) => print(task));
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  } finally {
    release();
  }
}

/** One task's log; where there is none, that there is no such task is the better answer. */
async function known(
  session: Session,
  run: Run,
  { task, print }: { readonly task: string; readonly print: (task: string) => Promise<void> },
): Promise<void> {
  try {
    await print(task);
  } catch (error) {
    if (!isUnavailable(error)) throw error;
    const tasks = await startedTasks(session, run);
    if (tasks.length === 0 || tasks.includes(task)) throw error;
    throw unknownTask(run.run_id, task, tasks);
  }
}

/** Logs of several tasks: one that is gone does not keep the others. */
async function each(
  context: CliContext,
  tasks: readonly string[],
  print: (task: string) => Promise<void>,
): Promise<void> {
  const gone: SealflowError[] = [];
  for (const task of tasks) {
    try {
      await print(task);
    } catch (error) {
      if (!isUnavailable(error)) throw error;
      gone.push(error);
    }
  }
  const [first] = gone;
  if (first !== undefined && gone.length === tasks.length) throw first;
  const { stderr, env } = context.process;
  for (const error of gone) stderr.write(formatWarning(error.toJSON(), styleFor(wantsColour(stderr, env))));
}

function isUnavailable(error: unknown): error is SealflowError {
  return isSealflowError(error) && error.code === "CLUSTER_LOG_UNAVAILABLE";
}

async function printTask(
  context: CliContext,
  session: Session,
  wanted: WantedLogs & {
    readonly runId: string;
    readonly task: string;
    readonly head: string;
    readonly signal: AbortSignal;
  },
): Promise<void> {
  const { runId, task, follow, signal, attempt, keys, head } = wanted;
  const lines = remoteLog(session, {
    ...{ runId, task, follow, signal },
    ...(attempt === undefined ? {} : { attempt }),
  });
  await printLines(context, lines, { head, keys });
}

async function printLines(
  context: CliContext,
  chunks: AsyncIterable<string>,
  { head, keys }: { readonly head: string; readonly keys: LogKeys },
): Promise<void> {
  let rest = "";
  const sealed = new SealedLogLines(keys);
  const show = async (line: string) => {
    for (const shown of await sealed.line(line)) context.process.stdout.write(`${head}${shown}\n`);
  };
  for await (const chunk of chunks) {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) await show(line);
  }
  if (rest !== "") await show(rest);
}

async function startedTasks(session: Session, run: Run): Promise<string[]> {
  const view = await viewSoFar(session, run);
  const { tasks, running } = view.details(true);
  return [...tasks.filter(({ startTime }) => startTime !== null).map(({ path }) => path), ...running];
}

/** Asks the engine to end a run. */
export async function cancelRemoteRun(session: Session, reference: string): Promise<string> {
  const run = await findRemoteRun(session, reference);
  await new KfpClient(session.client).terminateRun(run.run_id);
  return run.run_id;
}

/**
 * Removes the engine's records of runs that have ended: of none where a reference fits none, or a run goes on.
 *
 * @param done Told of each.
 * @throws SealflowError `CLI_RUN_ACTIVE`, `CLI_RUN_…`, `KFP_…`
 */
export async function deleteRemoteRuns(
  session: Session,
  references: readonly string[],
  done: (runId: string) => void,
): Promise<readonly string[]> {
  const found = new Map<string, Run>();
  for (const reference of references) {
    const run = await findRemoteRun(session, reference);
    found.set(run.run_id, run);
  }
  for (const run of found.values()) if (headerOf(run).state === "RUNNING") throw goingOn(run.run_id);
  for (const runId of found.keys()) {
    await new KfpClient(session.client).deleteRun(runId);
    done(runId);
  }
  return [...found.keys()];
}

/** Engines end what they delete; a typing mistake should not. */
function goingOn(runId: string): SealflowError {
  return new SealflowError({
    code: "CLI_RUN_ACTIVE",
    message: `run ${runId}: cannot be deleted while it goes on`,
    hint: "wait for it, or end it with `sealflow runs cancel` and the same --on",
  });
}

/** By id, by the first or last characters of an id among the newest runs, or `latest`. */
export async function findRemoteRun(session: Session, reference: string): Promise<Run> {
  const client = new KfpClient(session.client);
  if (/^[0-9a-f]{8}-([0-9a-f]{4}-){3}[0-9a-f]{12}$/.test(reference)) return client.getRun(reference);
  const { runs } = await listRemoteRuns(session, 200);
  const fits = (id: string) => reference.length >= 3 && (id.startsWith(reference) || id.endsWith(reference));
  const ids = runs.map(({ runId }) => runId);
  const [match, second] = reference === "latest" ? ids.slice(0, 1) : ids.filter(fits);
  if (match !== undefined && second === undefined) return client.getRun(match);
  if (match === undefined) {
    throw new SealflowError({
      code: "CLI_RUN_UNKNOWN",
      message: `run ${reference}: expected one of the newest ${ids.length} runs there`,
      hint: "sealflow runs list with the same --on shows them",
    });
  }
  throw new SealflowError({
    code: "CLI_RUN_AMBIGUOUS",
    message: `run ${reference}: fits several runs, among them ${match} and ${second}`,
    hint: "give more of the id, from its start or its end",
  });
}

function headerOf(run: Run): RunHeader {
  const { state } = run;
  const shown = state === "SUCCEEDED" || state === "FAILED" || state === "CANCELED" ? state : "RUNNING";
  return {
    runId: run.run_id,
    name: run.display_name,
    pipelineName: pipelineNameIn(run),
    state: shown,
    createTime: run.created_at,
    // The official engine has the year 1970 where there is no end yet.
    endTime: shown === "RUNNING" ? null : (run.finished_at ?? null),
  };
}

function pipelineNameIn({ pipeline_spec: spec }: Run): string {
  const bare = (spec?.pipeline_spec ?? spec) as { pipelineInfo?: { name?: string } } | undefined;
  return bare?.pipelineInfo?.name ?? "";
}
