/** `sealflow run`, `resume` and `retry`. */
import { isSealflowError, type JsonObject, SealflowError } from "@sealflow/core";
import {
  createEngine,
  type Engine,
  type HeadStart,
  type RunListeners,
  type RunSummary,
  type Store,
} from "@sealflow/engine";
import type { PipelineDocument } from "@sealflow/pipeline";
import { type CliContext, wantsColour } from "../context.js";
import { exitCode, isRefusal } from "../exit-code.js";
import { loadPipeline } from "../load/pipeline-file.js";
import { readParametersFile } from "../parameters/file.js";
import { clusterObjects } from "../parameters/objects.js";
import { parseParameters } from "../parameters/parse.js";
import { configFile, findProject, namedPipeline, type Project, storeDirectory } from "../project/project.js";
import { openProjectStore, resolveRunId } from "../project/run-reference.js";
import { errorBodyOf, formatWarning, reportError } from "../render/error.js";
import { formatOutcome } from "../render/run.js";
import { styleFor } from "../render/style.js";
import type { RunLines } from "../render/task-lines.js";
import type { ExecutionFlags, RunFlags } from "../routes/run.js";
import { openEventFile } from "./event-file.js";
import type { OpenJobs } from "./jobs-target.js";
import { sealedLists } from "./sealed-lists.js";
import { type Target, targetOf, withSession } from "./target.js";
import { watchRun } from "./watch-run.js";

/** Starts, continues or repeats a run on an engine. */
type Work = (engine: Engine, listeners: RunListeners) => Promise<RunSummary>;

/** `sealflow run [FILE]`. */
export async function runPipeline(
  context: CliContext,
  flags: RunFlags,
  file: string | undefined,
  headStart: HeadStart | undefined,
): Promise<number> {
  return withRunJson(context, flags, async () => {
    const project = await findProject(context.cwd);
    const target = await targetOf(context, flags.on);
    const { openStore } = await import("@sealflow/engine");
    const store = openStore(storeDirectory(context, project, flags.store));
    return startRun(context, flags, { project, target, store, file: pipelineFile(project, file), headStart });
  });
}

interface Start extends Omit<Execution, "flags" | "target"> {
  readonly target: Target;
  readonly file: string;
}

/** Loads the pipeline and runs it. */
async function startRun(context: CliContext, flags: RunFlags, start: Start): Promise<number> {
  const { target, file, ...execution } = start;
  const { document } = await loadPipeline(context, file, flags);
  const parameters = parseParameters(document.spec, {
    assignments: flags.param ?? [],
    ...(flags.params === undefined ? {} : { file: await readParametersFile(context, flags.params) }),
  });
  if (target.kind === "remote") {
    const { store } = execution;
    return runElsewhere(context, flags, { target, document, parameters, file, store });
  }
  const asked = { file, document, parameters };
  if (target.kind === "jobs" && flags.sealed)
    return runSealedJobs(context, flags, { ...execution, target, asked });
  const options = {
    // What a path on the command line means: it starts where the command is called, wherever the pipeline lies.
    baseDirectory: context.cwd,
    parameters,
    caching: !flags.noCache,
    failFast: flags.failFast,
    ...(flags.name === undefined ? {} : { name: flags.name }),
    ...clusterObjects(context, flags),
    ...(flags.finalStatus === undefined ? {} : { finalStatusWords: flags.finalStatus }),
    ...(flags.collected === undefined ? {} : { collected: flags.collected }),
    ...(flags.sealed ? { sealed: await sealedLists(context, flags, file) } : {}),
  };
  return execute(context, { flags, target, ...execution }, (engine, listeners) =>
    engine.run(document, { ...options, ...listeners }),
  );
}

type SealedJobs = Execution extends infer E
  ? Omit<E, "flags"> & {
      readonly asked: {
        readonly file: string;
        readonly document: PipelineDocument;
        readonly parameters: JsonObject;
      };
    }
  : never;

/** Jobs of measured images: the engine orders them, the broker decides what each of them gets. */
async function runSealedJobs(context: CliContext, flags: RunFlags, run: SealedJobs): Promise<number> {
  const { asked, ...execution } = run;
  const { prepared } = await import("../confidential/elsewhere.js");
  const { writeRecord } = await import("../confidential/record.js");
  const { document, record } = await prepared(context, flags, { ...asked, held: undefined });
  const { runId } = record;
  writeRecord(execution.store.directory, runId, record);
  const options = {
    ...{ runId, parameters: asked.parameters, baseDirectory: context.cwd, caching: false },
    ...{ failFast: flags.failFast },
    ...(flags.name === undefined ? {} : { name: flags.name }),
  };
  return execute(context, { flags, ...execution }, (engine, listeners) =>
    engine.run(document, { ...options, ...listeners }),
  );
}

interface Elsewhere {
  readonly target: Extract<Target, { kind: "remote" }>;
  readonly document: PipelineDocument;
  readonly parameters: JsonObject;
  readonly file: string;
  readonly store: Store;
}

/** A run on another engine; its end is printed as that of a run here. */
async function runElsewhere(context: CliContext, flags: RunFlags, run: Elsewhere): Promise<number> {
  const { target, parameters, store } = run;
  const { runRemotely } = await import("./remote-run.js");
  const started = context.clock.now();
  const held = target.context.confidential;
  const sealed =
    (flags.sealed ?? held?.always ?? false)
      ? await (await import("../confidential/elsewhere.js")).prepared(context, flags, { ...run, held })
      : undefined;
  const outcome = await withSession(context, target, (session) =>
    runRemotely(context, session, {
      ...{ on: target.name, document: sealed?.document ?? run.document, parameters, logs: flags.logs },
      ...(sealed === undefined ? {} : { sealed: { record: sealed.record, store: store.directory } }),
      keys: flags,
      onInterrupt: flags.onInterrupt ?? "detach",
      name: flags.name,
      experiment: flags.experiment,
      serviceAccount: flags.serviceAccount,
      pipelineRoot: flags.pipelineRoot,
      events: flags.events,
    }),
  );
  if ("detached" in outcome) return exitCode.interrupted;
  printSummary(context, { ...flags, on: target.name }, outcome, context.clock.now() - started);
  return exitCodeOf(outcome);
}

/** `sealflow resume RUN`. */
export function resumeRun(context: CliContext, flags: ExecutionFlags, reference: string): Promise<number> {
  return continueRun(
    context,
    flags,
    reference,
    (runId) => (engine, listeners) => engine.resume(runId, listeners),
  );
}

/** `sealflow retry RUN`. */
export function retryRun(context: CliContext, flags: ExecutionFlags, reference: string): Promise<number> {
  return continueRun(
    context,
    flags,
    reference,
    (runId) => (engine, listeners) => engine.retry(runId, listeners),
  );
}

async function continueRun(
  context: CliContext,
  flags: ExecutionFlags,
  reference: string,
  work: (runId: string) => Work,
): Promise<number> {
  return withRunJson(context, flags, async () => {
    const project = await findProject(context.cwd);
    const store = await openProjectStore(context, flags.store);
    const target = flags.on === undefined ? ({ kind: "local" } as const) : await targetOf(context, flags.on);
    if (target.kind === "remote") throw recordedHere(target.name);
    return execute(context, { flags, store, project, target }, work(resolveRunId(store, reference)));
  });
}

function pipelineFile(project: Project, file: string | undefined): string {
  const named = namedPipeline(project, file);
  if (named !== undefined) return named;
  throw new SealflowError({
    code: "CLI_PIPELINE_UNNAMED",
    message: "run: expected the file of a pipeline",
    hint: `sealflow run FILE.ts, or set "pipeline" in ${configFile}`,
  });
}

function recordedHere(name: string): SealflowError {
  return new SealflowError({
    code: "CLI_RUN_ELSEWHERE",
    message: `expected a run that is recorded here, got one of ${name}`,
    hint: "--on k8s:CONTEXT continues runs of Jobs; other engines continue their runs themselves.",
  });
}

interface Execution {
  readonly target: Exclude<Target, { kind: "remote" }>;
  readonly flags: ExecutionFlags;
  readonly store: Store;
  readonly project: Project;
  readonly headStart?: HeadStart | undefined;
}

async function execute(context: CliContext, execution: Execution, work: Work): Promise<number> {
  const { flags, store, project, target, headStart } = execution;
  const jobs =
    target.kind === "jobs"
      ? await (await import("./jobs-target.js")).openJobs(context, flags, target)
      : undefined;
  // Kubernetes decides how many fit.
  const concurrency = flags.concurrency ?? (jobs === undefined ? project.config.concurrency : 64);
  const events = flags.events === undefined ? undefined : openEventFile(context, flags.events);
  const lines = flags.logs ? await linesOf(context, flags) : undefined;
  const watch = watchRun(context, { events, lines });
  const engine = createEngine({
    store,
    ...(headStart === undefined ? {} : { headStart }),
    sealing: async () =>
      (await import("../sealed/project.js")).sealingOf(context, flags, { store, project })(),
    ...(concurrency === undefined ? {} : { concurrency }),
    ...(jobs === undefined ? {} : { executor: jobs.executor }),
    ...(flags.allowHostCommands ? { containers: "host" as const } : {}),
  });
  const started = context.clock.now();
  const leave =
    jobs !== undefined && flags.onInterrupt === "detach" ? leavable(engine, watch.listeners) : undefined;
  let summary: RunSummary;
  try {
    summary = await work(engine, leave?.listeners ?? watch.listeners);
  } catch (error) {
    if (!isSuspension(error)) throw error;
    context.process.stderr.write(
      `Left; its Jobs go on. sealflow resume latest --on ${flags.on} continues it\n`,
    );
    return exitCode.interrupted;
  } finally {
    watch.stop();
    await engine.close();
    await lines?.end();
    jobs?.close();
    events?.close();
  }
  if (jobs !== undefined) summary = await settledJobs(context, store, { summary, jobs });
  printSummary(context, flags, summary, context.clock.now() - started);
  return exitCodeOf(summary);
}

/** What tasks write, for standard error. */
async function linesOf(context: CliContext, flags: ExecutionFlags): Promise<RunLines> {
  const [{ RunLines }, { logKeys }] = await Promise.all([
    import("../render/task-lines.js"),
    import("../confidential/log-keys.js"),
  ]);
  return new RunLines({ output: context.process.stderr, keys: logKeys(context, flags) });
}

/** A confidential run of Jobs is what its bundle proves. */
async function settledJobs(
  context: CliContext,
  store: Store,
  { summary, jobs }: { readonly summary: RunSummary; readonly jobs: OpenJobs },
): Promise<RunSummary> {
  const { settled } = await import("../confidential/elsewhere.js");
  const { tasks } = summary;
  return settled(context, store.directory, {
    summary,
    artifact: async ({ task, output, index }) => {
      const made = tasks.find(({ path }) => path === task)?.artifacts[output]?.[index];
      return made === undefined ? undefined : jobs.content(made.uri);
    },
  });
}

/** Ctrl-C leaves the run where it is: its attempts go on elsewhere. */
function leavable(
  engine: Engine,
  { signal, ...listeners }: RunListeners,
): { readonly listeners: RunListeners } {
  signal?.addEventListener("abort", () => void engine.close({ suspend: true }), { once: true });
  return { listeners };
}

function isSuspension(error: unknown): boolean {
  return isSealflowError(error) && error.code === "ENGINE_RUN_SUSPENDED";
}

function exitCodeOf({ state, tasks, error }: RunSummary): number {
  if (state === "CANCELED") return exitCode.interrupted;
  if ([error, ...tasks.map((task) => task.error)].some((each) => each && isRefusal(each.code)))
    return exitCode.refused;
  return state === "SUCCEEDED" ? exitCode.ok : exitCode.failed;
}

function printSummary(
  context: CliContext,
  flags: Pick<RunFlags, "json" | "on">,
  summary: RunSummary,
  elapsedMs: number,
): void {
  const { stdout, stderr, env } = context.process;
  if (summary.incomplete !== undefined)
    stderr.write(formatWarning(summary.incomplete, styleFor(wantsColour(stderr, env))));
  if (flags.json) {
    stdout.write(`${JSON.stringify(summary)}\n`);
    return;
  }
  stdout.write(formatOutcome(summary, elapsedMs, styleFor(wantsColour(stdout, env))));
  const failed = summary.tasks.find((task) => task.state === "FAILED");
  const on = flags.on === undefined ? "" : ` --on ${flags.on}`;
  if (failed !== undefined) stderr.write(`hint: sealflow runs logs ${summary.runId} '${failed.path}'${on}\n`);
  const again = failed === undefined || !isSealedFailure(failed.error?.code);
  if (summary.state !== "SUCCEEDED" && on === "" && again)
    stderr.write(`hint: sealflow retry ${summary.runId}\n`);
}

/** What a sealed run has failed stands: there is no retry to hint at. */
function isSealedFailure(code: string | undefined): boolean {
  return code !== undefined && (code.startsWith("ENGINE_SEALED_") || isRefusal(code));
}

/** With `--json` an error before any run still gives the one object that callers parse. */
async function withRunJson(
  context: CliContext,
  flags: { readonly json: boolean },
  work: () => Promise<number>,
): Promise<number> {
  try {
    return await work();
  } catch (error) {
    if (flags.json) {
      const summary = { runId: null, state: "FAILED", outputs: {}, tasks: [], error: errorBodyOf(error) };
      context.process.stdout.write(`${JSON.stringify(summary)}\n`);
    }
    return reportError(context, error, false);
  }
}
