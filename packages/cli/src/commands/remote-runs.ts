/** `sealflow runs list|show|logs|cancel|delete --on NAME`. */
import { eventsSoFar, remoteLog, type Session } from "@sealflow/cluster";
import { SealflowError } from "@sealflow/core";
import { type RunDetails, type RunHeader, RunView } from "@sealflow/engine";
import { KfpClient, type Run } from "@sealflow/kfp";
import type { CliContext } from "../context.js";
import { type LogKeys, SealedLogLines } from "../render/sealed-log.js";
import { visible } from "../render/text.js";

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

/** Prints a task's log, or the logs of all tasks that have started. */
export async function printRemoteLogs(
  context: CliContext,
  session: Session,
  wanted: {
    reference: string;
    task?: string | undefined;
    attempt?: number | undefined;
    follow: boolean;
    keys: LogKeys;
  },
): Promise<void> {
  const run = await findRemoteRun(session, wanted.reference);
  const leaving = new AbortController();
  const release = context.onInterrupt(() => leaving.abort());
  try {
    const tasks = wanted.task === undefined ? await startedTasks(session, run) : [wanted.task];
    for (const task of tasks) {
      const head = wanted.task === undefined ? `${visible(task)} | ` : "";
      const lines = remoteLog(session, {
        ...{ runId: run.run_id, task, follow: wanted.follow, signal: leaving.signal },
        ...(wanted.attempt === undefined ? {} : { attempt: wanted.attempt }),
      });
      await printLines(context, lines, { head, keys: wanted.keys });
    }
  } catch (error) {
    if (!leaving.signal.aborted) throw error;
  } finally {
    release();
  }
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

/** Removes the engine's record of a run. */
export async function deleteRemoteRun(session: Session, reference: string): Promise<string> {
  const run = await findRemoteRun(session, reference);
  await new KfpClient(session.client).deleteRun(run.run_id);
  return run.run_id;
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
