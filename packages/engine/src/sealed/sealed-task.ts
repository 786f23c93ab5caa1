/** A task of a sealed run: it gets its inputs from the broker, and nothing but ciphertext and what is released leaves it. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { type Digest, type ErrorBody, fromHex, isDigest, isJsonObject, type JsonValue } from "@sealflow/core";
import type { ArtifactValue, DueTask, TaskOutputs, TaskResult } from "@sealflow/pipeline";
import type { Committed, ReleasedOutputs } from "@sealflow/trust";
import type { RunEventBody } from "../events.js";
import { thrownError } from "../executors/failure.js";
import { type AttemptDone, isWorkerLost, supervised, usageOf } from "../run/attempt.js";
import { pause, retryDelayMs } from "../run/backoff.js";
import { resolver } from "../run/placeholders.js";
import { type PythonWork, workOf } from "../run/plan.js";
import { timeoutOf } from "../run/platform.js";
import { prepared, sourceFile, threadsFor } from "../run/python-task.js";
import { resourceLimits } from "../run/resources.js";
import type { RunInProgress } from "../run/run-context.js";
import type { Scratch } from "../run/scratch.js";
import type { TaskEnd } from "../run/task.js";
import { blobPath, taskLog } from "../store/layout.js";
import type { TaskExit } from "../workers/protocol.js";
import type { WorkerTask } from "../workers/worker.js";
import { type SealedSession, sealingNeeds, sitePackages } from "./session.js";

/** A committed result as it may be seen here; nothing in it is secret. */
interface SeenResult {
  readonly committed: Committed;
  readonly released: ReleasedOutputs;
}

/** How an attempt ended badly. */
class SealedAttemptFailed extends Error {
  readonly body: ErrorBody;
  readonly usage: AttemptDone["usage"];
  /** True when no other attempt can change it. */
  readonly final: boolean;

  constructor(body: ErrorBody, more: { readonly usage: AttemptDone["usage"]; readonly final: boolean }) {
    super(body.message);
    this.body = body;
    this.usage = more.usage;
    this.final = more.final;
  }
}

/** Runs a due task to its commit, to its proven failure, or to a refusal. */
export async function runSealedTask(
  run: RunInProgress,
  session: SealedSession,
  task: DueTask,
  firstAttempt: number,
): Promise<TaskEnd> {
  const startTime = run.services.now();
  const ended = (result: Omit<TaskResult, "path">, more: Partial<TaskEnd> = {}): TaskEnd => ({
    ...{ result: { path: task.path, ...result }, cached: false, startTime },
    ...more,
  });
  if (task.executor.importer !== undefined) return ended(imported(run, session, task));
  const present = await session.project.broker.challenge({ runId: run.context.runId, path: task.path });
  if (present.kind === "committed") {
    run.tell(startedEvent(task, firstAttempt));
    const result = await seen(session, run, present);
    const outputs = outputsOf(run, task, result);
    const hidden = hiddenOf(result);
    return ended({ state: "SUCCEEDED", outputs }, { cached: present.reused, hidden });
  }
  try {
    const { result, usage } = await attempts(run, session, { task, firstAttempt });
    const { reused } = result.committed;
    const more = { usage, cached: reused, hidden: hiddenOf(result) };
    return ended({ state: "SUCCEEDED", outputs: outputsOf(run, task, result) }, more);
  } catch (cause) {
    if (run.signal.aborted) return ended({ state: "CANCELED" });
    if (!(cause instanceof SealedAttemptFailed)) throw cause;
    return ended({ state: "FAILED", error: cause.body }, { usage: cause.usage });
  }
}

/** A registered input stands for its importer. */
function imported(run: RunInProgress, session: SealedSession, task: DueTask): Omit<TaskResult, "path"> {
  run.tell(startedEvent(task, 1));
  const digest = session.inputs[task.path];
  const [name = "artifact"] = Object.keys(task.outputArtifacts);
  if (digest === undefined) {
    const error = {
      code: "ENGINE_SEALED_IMPORT",
      message: `importer ${task.path}: expected an input that was sealed and registered before the run, got none`,
      hint: "importers inside of what depends on other tasks can't be sealed beforehand: import at the pipeline's start",
    };
    return { state: "FAILED", error };
  }
  const type = task.executor.importer?.typeSchema ?? {};
  const artifact = {
    name,
    type,
    metadata: {},
    digest,
    uri: pathToFileURL(blobPath(run.services.store, digest)).href,
  };
  return { state: "SUCCEEDED", outputs: { parameters: {}, artifacts: { [name]: [artifact] } } };
}

async function attempts(
  run: RunInProgress,
  session: SealedSession,
  { task, firstAttempt }: { readonly task: DueTask; readonly firstAttempt: number },
): Promise<{ readonly result: SeenResult; readonly usage: AttemptDone["usage"] }> {
  let lost = false;
  for (let number = firstAttempt; ; number++) {
    const log = taskLog(run.layout, task.path, number);
    run.tell({ ...startedEvent(task, number), log });
    try {
      return await attempt(run, session, { task, log });
    } catch (cause) {
      run.signal.throwIfAborted();
      // A worker that died with several tasks took innocent ones along: one more attempt is free.
      if (isWorkerLost(cause) && !lost) {
        lost = true;
        await pause(run, task, { attempt: number, delayMs: 0, error: thrownError(cause) });
        continue;
      }
      if (!(cause instanceof SealedAttemptFailed) || cause.final) throw cause;
      const delayMs = retryDelayMs(task.retryPolicy, number - firstAttempt + 1);
      if (delayMs === undefined) throw cause;
      await pause(run, task, { attempt: number, delayMs, error: cause.body });
    }
  }
}

async function attempt(
  run: RunInProgress,
  session: SealedSession,
  { task, log }: { readonly task: DueTask; readonly log: string },
) {
  const work = workOf(task, run.settings.baseDirectory);
  if (work.kind !== "python") throw new TypeError("sealed task: expected Python work");
  const digest = session.components.get(task.executorLabel);
  if (digest === undefined) throw new TypeError(`sealed task: expected ${task.executorLabel} to be measured`);
  const scratch = run.scratch.take();
  const launch = session.project.service.launch(fromHex(digest.slice("sha256:".length)));
  try {
    const started = () => start(run, session, { task, work, log, scratch, token: launch.token });
    const timeoutMs = timeoutOf(task);
    const { exit, timedOut } = await supervised(run, timeoutMs === undefined ? {} : { timeoutMs }, started);
    run.signal.throwIfAborted();
    const usage = usageOf(exit);
    if (timedOut) throw new SealedAttemptFailed(timeoutError(timeoutMs), { usage, final: false });
    if (exit.exitCode !== 0) throw failed(task, exit, usage);
    return { result: await readResult(session, run, join(scratch.directory, "result.json")), usage };
  } finally {
    launch.end();
    run.scratch.give(scratch);
  }
}

interface Start {
  readonly task: DueTask;
  readonly work: PythonWork;
  readonly log: string;
  readonly scratch: Scratch;
  readonly token: string;
}

async function start(
  run: RunInProgress,
  session: SealedSession,
  { task, work, log, scratch, token }: Start,
): Promise<WorkerTask> {
  const { services } = run;
  const environment = await run.environments.ensure(work.needs);
  const sealing = await run.environments.ensure(sealingNeeds);
  const { version } = await services.catalog.interpreter();
  run.signal.throwIfAborted();
  await prepared(run, environment, work);
  const { memoryBytes, cpus } = resourceLimits(work.container, resolver(run, task));
  const { address } = session.project.service;
  return services.pool.worker(environment).run({
    source: sourceFile(run, work),
    function: work.function,
    // A sealed task takes nothing from here: its grant says what it gets.
    executorInput: {},
    directory: scratch.directory,
    log,
    env: Object.fromEntries((work.container.env ?? []).map(({ name, value }) => [name, value ?? ""])),
    threads: threadsFor(run, cpus),
    memoryLimitBytes: memoryBytes ?? null,
    module: null,
    sealed: {
      broker: address,
      runId: run.context.runId,
      path: task.path,
      environment: session.environments.get(task.executorLabel) ?? "",
      packages: sitePackages(sealing.directory, version),
      evidence: { type: "service", address, token },
      inputs: inputPlaces(run, task),
      outputs: scratch.outputs,
      store: services.store.artifacts,
      result: join(scratch.directory, "result.json"),
    },
  });
}

/** Where sealed inputs lie, by digest: what the control plane thinks the task needs. */
function inputPlaces(run: RunInProgress, task: DueTask): Record<string, string> {
  const digests = Object.values(task.inputs.artifacts)
    .flat()
    .flatMap(({ digest }) => (digest !== undefined && isDigest(digest) ? [digest] : []));
  return Object.fromEntries(digests.map((digest) => [digest, blobPath(run.services.store, digest)]));
}

/** What the process was answered, and what the registration lets be seen of it. */
async function readResult(session: SealedSession, run: RunInProgress, path: string): Promise<SeenResult> {
  const result: unknown = JSON.parse(readFileSync(path, "utf8"));
  if (!isJsonObject(result) || !isJsonObject(result.committed)) {
    throw new TypeError("sealed task: expected its process to write what was committed");
  }
  // The border where the process's JSON becomes typed: the control plane orders tasks by it, and nothing more.
  return seen(session, run, result.committed as unknown as Committed);
}

async function seen(session: SealedSession, run: RunInProgress, committed: Committed): Promise<SeenResult> {
  const released = await session.project.broker.released(run.context.runId, committed.path);
  return { committed, released };
}

/** A committed result as the control plane sees it: values that are released or declassified, stand-ins for the others. */
function outputsOf(run: RunInProgress, task: DueTask, { committed, released }: SeenResult): TaskOutputs {
  const { store } = run.services;
  const parameters: Record<string, JsonValue> = {};
  for (const [name, { value }] of Object.entries(committed.outputs.parameters)) {
    parameters[name] = released.parameters[name] ?? value;
  }
  const artifacts: Record<string, readonly ArtifactValue[]> = {};
  // A list may be empty, and then nothing speaks of it.
  for (const [name, { isArtifactList }] of Object.entries(task.outputArtifacts)) {
    if (isArtifactList === true) artifacts[name] = [];
  }
  for (const [name, digests] of Object.entries(committed.outputs.artifacts)) {
    const type = task.outputArtifacts[name]?.artifactType ?? {};
    artifacts[name] = digests.map((digest, index) => ({
      ...{ name, type, digest: digest as Digest },
      metadata: released.artifacts[name]?.[index] ?? {},
      uri: pathToFileURL(blobPath(store, digest)).href,
    }));
  }
  return { parameters, artifacts };
}

/** Output parameters that have a stand-in. */
function hiddenOf({ committed, released }: SeenResult): string[] {
  return Object.entries(committed.outputs.parameters)
    .filter(([name, { declassified }]) => !declassified && released.parameters[name] === undefined)
    .map(([name]) => name);
}

function startedEvent(task: DueTask, attempt: number): Extract<RunEventBody, { type: "task-started" }> {
  const { path, displayName, inputs } = task;
  const name = path === displayName || path.endsWith(`/${displayName}`) ? {} : { name: displayName };
  return { type: "task-started", path, ...name, attempt, inputs };
}

function timeoutError(timeoutMs = 0): ErrorBody {
  const message = `task: expected to end within ${timeoutMs / 1000} s, and was ended after that`;
  return { code: "ENGINE_TASK_TIMEOUT", message };
}

const logHint = "its log is sealed: sealflow runs logs opens it with the project's key";

function failed(task: DueTask, exit: TaskExit, usage: AttemptDone["usage"]): SealedAttemptFailed {
  const { error, signal, exitCode } = exit;
  if (error?.kind !== "sealed") {
    const how = signal === null ? `exited with code ${exitCode}` : `was ended by ${signal}`;
    const body = {
      code: "ENGINE_TASK_FAILED",
      message: `task ${task.path}: ${how}`,
      hint: logHint,
      data: { exitCode, signal },
    };
    return new SealedAttemptFailed(body, { usage, final: false });
  }
  if (error.refused === true) {
    const body = { code: error.type ?? "TRUST_REFUSED", message: error.message };
    return new SealedAttemptFailed(body, { usage, final: true });
  }
  const body = {
    code: "ENGINE_SEALED_TASK_FAILED",
    message: `task ${task.path}: ${error.message}`,
    hint: logHint,
    data: { reason: error.type ?? null },
  };
  return new SealedAttemptFailed(body, { usage, final: error.final === true });
}
