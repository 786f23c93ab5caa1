/** One due task: from the cache, or by attempts until one succeeds or the retry policy is used up. */
import { type ErrorBody, SealflowError } from "@sealflow/core";
import type { DueTask, TaskOutputs, TaskResult } from "@sealflow/pipeline";
import { isKnown, keep, lookUp, mark } from "../cache/entries.js";
import { type CodeIdentity, cacheKey } from "../cache/key.js";
import type { TaskExecutor } from "../elsewhere.js";
import type { RunEventBody } from "../events.js";
import { thrownError } from "../executors/failure.js";
import { createClaim, deleteClaim } from "../platform/claims.js";
import { type Surroundings, surroundingsOf } from "../platform/surroundings.js";
import { configured } from "../platform/task-config.js";
import { withContents } from "../remote/contents.js";
import { fullDisk } from "../store/disk-errors.js";
import { taskLog } from "../store/layout.js";
import { type AttemptDone, type AttemptStart, isWorkerLost, runAttempt } from "./attempt.js";
import { AttemptFailed } from "./attempt-failed.js";
import { pause, retryDelayMs } from "./backoff.js";
import { containerIdentity, containerStart } from "./container-task.js";
import { elsewhereIdentity, elsewhereStart } from "./elsewhere-task.js";
import { runImporter } from "./importer-task.js";
import { type PythonWork, type Work, workOf } from "./plan.js";
import { timeoutOf } from "./platform.js";
import { pythonIdentity, pythonStart } from "./python-task.js";
import type { RunInProgress } from "./run-context.js";

/** How a task ended, and what the journal must wait for before it may say so. */
export interface TaskEnd {
  readonly result: TaskResult;
  readonly cached: boolean;
  readonly startTime: number;
  readonly durable?: Promise<void>;
  readonly usage?: AttemptDone["usage"];
  /** Output parameters that are stand-ins for sealed ones. */
  readonly hidden?: readonly string[];
}

/** Numbers of a task's attempts. */
export interface AttemptNumbers {
  /** Of the first one here, above those of earlier processes. */
  readonly first: number;
  /** Of the first one whose outcome is open: one of an earlier process, or the first here. */
  readonly since: number;
}

type Finished = Extract<RunEventBody, { type: "task-finished" }>;

/** The journal's form of a task's end. */
export function finishedEvent(task: DueTask, end: TaskEnd): Finished {
  const { state, outputs, error } = end.result;
  return {
    type: "task-finished",
    path: task.path,
    ...nameOf(task),
    state,
    cached: end.cached,
    startTime: end.startTime,
    ...(outputs === undefined ? {} : { outputs }),
    ...(end.hidden === undefined || end.hidden.length === 0 ? {} : { hidden: end.hidden }),
    ...(error === undefined ? {} : { error }),
    ...(end.usage === undefined || Object.keys(end.usage).length === 0 ? {} : { usage: end.usage }),
  };
}

/** The display name, where it says more than the path. */
export function nameOf({ path, displayName }: Pick<DueTask, "path" | "displayName">): { name?: string } {
  return path === displayName || path.endsWith(`/${displayName}`) ? {} : { name: displayName };
}

/**
 * Runs a task that has a place. Its failure is a result; only a store that can't be written is an exception.
 *
 */
export async function runTask(
  run: RunInProgress,
  due: DueTask,
  { first: firstAttempt, since }: AttemptNumbers,
): Promise<TaskEnd> {
  const startTime = run.services.now();
  const ended = (result: Omit<TaskResult, "path">, more: Partial<TaskEnd> = {}): TaskEnd => ({
    result: { path: due.path, ...result },
    cached: false,
    startTime,
    ...more,
  });
  try {
    if (run.sealed !== undefined && run.services.executor !== undefined) throw sealedElsewhere();
    if (run.sealed !== undefined) {
      const { runSealedTask } = await import("../sealed/sealed-task.js");
      return await runSealedTask(run, run.sealed, due, firstAttempt);
    }
    const task = configured(run, due);
    // Elsewhere a component runs from its image, also where its directory is at hand here.
    const work = workOf(task, run.services.executor === undefined ? run.settings.baseDirectory : undefined);
    if (work.kind === "python" && work.file !== undefined) tellDirectory(run, task, work);
    if (work.kind === "importer") return await imported(run, task, { work, ended, firstAttempt });
    if (work.kind === "claim" && run.services.executor !== undefined) throw claimElsewhere(task);
    if (work.kind === "claim") return claimed(run, task, { work, ended, firstAttempt });
    return await computed(run, task, { work, ended, firstAttempt, since });
  } catch (cause) {
    if (run.signal.aborted) return ended({ state: "CANCELED" });
    if (isStoreError(cause)) throw cause;
    // Whatever a task met on a full disk is the disk's fault: the run stops there, and can be resumed.
    const full = fullDisk(run.layout.directory);
    if (full !== undefined) throw full;
    const error = cause instanceof AttemptFailed ? cause.body : thrownError(cause);
    return ended({ state: "FAILED", error }, cause instanceof AttemptFailed ? { usage: cause.usage } : {});
  }
}

function tellDirectory(run: RunInProgress, task: DueTask, { file, container }: PythonWork): void {
  run.notice(
    "ENGINE_IMAGE_UNUSED",
    `${task.displayName} runs from ${file}, without its image ${container.image}.`,
  );
}

/** Sealed tasks run where this engine can see what runs them; in a cluster they bring their own evidence. */
function sealedElsewhere(): SealflowError {
  return new SealflowError({
    code: "ENGINE_SEALED_ELSEWHERE",
    message: "sealed run: expected tasks on this machine, got an executor that runs them elsewhere",
    hint: "Leave --sealed or --on out; sealed runs on a cluster go through Kubeflow with `sealflow confidential`.",
  });
}

function claimElsewhere({ displayName }: DueTask): SealflowError {
  return new SealflowError({
    code: "ENGINE_CLAIM_ELSEWHERE",
    message: `task ${displayName}: expected a task that an executor can run, got one that makes or removes a volume claim`,
    hint: "Make the claim in the cluster beforehand, and mount it by name.",
  });
}

function isStoreError(cause: unknown): boolean {
  return thrownError(cause).code.startsWith("ENGINE_STORE_");
}

interface Job<W extends Work> {
  readonly work: W;
  readonly ended: (result: Omit<TaskResult, "path">, more?: Partial<TaskEnd>) => TaskEnd;
  readonly firstAttempt: number;
}

/** Work that a process does. */
type Computed = Extract<Work, { kind: "python" | "container" }>;

async function imported(
  run: RunInProgress,
  task: DueTask,
  { work, ended, firstAttempt }: Job<Extract<Work, { kind: "importer" }>>,
): Promise<TaskEnd> {
  // The content is read each time, since it may have changed outside; cached says that it has not.
  const artifact = await runImporter(run, task, work.importer);
  const { digest, uri, metadata } = artifact;
  const code: CodeIdentity = { kind: "importer", content: digest ?? uri, metadata };
  const key = task.caching.enabled ? cacheKey(task, code) : undefined;
  const cached = key !== undefined && isKnown(run.services.store, key);
  if (key !== undefined && !cached) mark(run.services.store, key);
  run.tell(startedEvent(task, firstAttempt, { cacheKey: key }));
  const outputs = { parameters: {}, artifacts: { [artifact.name]: [artifact] } };
  return ended({ state: "SUCCEEDED", outputs }, { cached });
}

/** A volume claim is made or removed each time: no cache brings a directory back. */
function claimed(
  run: RunInProgress,
  task: DueTask,
  { work, ended, firstAttempt }: Job<Extract<Work, { kind: "claim" }>>,
): TaskEnd {
  run.tell(startedEvent(task, firstAttempt));
  const outputs = work.action === "create" ? createClaim(run, task) : deleteClaim(run, task);
  return ended({ state: "SUCCEEDED", outputs });
}

async function computed(
  run: RunInProgress,
  due: DueTask,
  { work, ended, firstAttempt, since }: Job<Computed> & Pick<AttemptNumbers, "since">,
): Promise<TaskEnd> {
  const { executor } = run.services;
  if (executor !== undefined)
    return computedElsewhere(run, due, { work, ended, firstAttempt, since, executor });
  const task = await withContents(run, due);
  const around = surroundingsOf(run, task);
  const caching = task.caching.enabled && around.cacheable;
  const key = caching ? cacheKey(task, await identityOf(run, task, { work, around })) : undefined;
  const present = key === undefined ? undefined : lookUp(run.services.store, key);
  if (present !== undefined) {
    run.tell(startedEvent(task, firstAttempt, { cacheKey: key }));
    return ended({ state: "SUCCEEDED", outputs: present }, { cached: true });
  }
  const timeoutMs = timeoutOf(task);
  const start =
    work.kind === "python"
      ? pythonStart(run, task, { work, around })
      : await containerStart(run, task, { container: work.container, around });
  const tries = { key, firstAttempt, start: { ...start, ...(timeoutMs === undefined ? {} : { timeoutMs }) } };
  const { outputs, durable, usage } = await attempts(run, task, tries);
  if (key !== undefined) keep(run.services.store, key, outputs);
  return ended({ state: "SUCCEEDED", outputs }, { durable, usage });
}

/** As here, but for what this machine would put around the task: volumes and secrets are those of the place. */
async function computedElsewhere(
  run: RunInProgress,
  task: DueTask,
  {
    work,
    ended,
    firstAttempt,
    since,
    executor,
  }: Job<Computed> & Pick<AttemptNumbers, "since"> & { readonly executor: TaskExecutor },
): Promise<TaskEnd> {
  const caching = task.caching.enabled && !mountsVolumes(task);
  const key = caching ? cacheKey(task, elsewhereIdentity(run, task, { work, executor })) : undefined;
  const known = key === undefined ? undefined : lookUp(run.services.store, key);
  const present = known !== undefined && (await executor.present(urisOf(known))) ? known : undefined;
  if (present !== undefined) {
    run.tell(startedEvent(task, firstAttempt, { cacheKey: key }));
    return ended({ state: "SUCCEEDED", outputs: present }, { cached: true });
  }
  const start = elsewhereStart(run, task, { work, executor, since, timeoutMs: timeoutOf(task) });
  const { outputs, durable, usage } = await attempts(run, task, { key, firstAttempt, start });
  if (key !== undefined) keep(run.services.store, key, outputs);
  return ended({ state: "SUCCEEDED", outputs }, { durable, usage });
}

/** What a task leaves on a volume, no cache brings back. */
function mountsVolumes({ platform }: DueTask): boolean {
  const mounts = platform?.pvcMount;
  return Array.isArray(mounts) && mounts.length > 0;
}

function urisOf({ artifacts }: TaskOutputs): string[] {
  return Object.values(artifacts).flatMap((list) =>
    list.filter(({ digest }) => digest !== undefined).map(({ uri }) => uri),
  );
}

function identityOf(
  run: RunInProgress,
  task: DueTask,
  { work, around }: { readonly work: Computed; readonly around: Surroundings },
): Promise<CodeIdentity> | CodeIdentity {
  return work.kind === "python"
    ? pythonIdentity(run, task, { work, around })
    : containerIdentity(run, task, { container: work.container, around });
}

interface Tries {
  readonly key: string | undefined;
  readonly firstAttempt: number;
  readonly start: AttemptStart;
}

async function attempts(
  run: RunInProgress,
  task: DueTask,
  { key, firstAttempt, start }: Tries,
): Promise<AttemptDone> {
  let lost = false;
  for (let number = firstAttempt; ; number++) {
    const log = taskLog(run.layout, task.path, number);
    run.tell(startedEvent(task, number, { cacheKey: key, log }));
    try {
      return await runAttempt(run, task, { number, ...start });
    } catch (cause) {
      run.signal.throwIfAborted();
      // A worker that died with several tasks took innocent ones along: one more attempt is free.
      const free: boolean = isWorkerLost(cause) && !lost;
      lost ||= free;
      const delayMs = free ? 0 : retryDelayMs(task.retryPolicy, number - firstAttempt + 1 - (lost ? 1 : 0));
      if (delayMs === undefined || isStoreError(cause)) throw cause;
      await pause(run, task, { attempt: number, delayMs, error: errorOf(cause) });
    }
  }
}

function errorOf(cause: unknown): ErrorBody {
  return cause instanceof AttemptFailed ? cause.body : thrownError(cause);
}

function startedEvent(
  task: DueTask,
  attempt: number,
  more: { cacheKey?: string | undefined; log?: string } = {},
): RunEventBody {
  return {
    type: "task-started",
    path: task.path,
    ...nameOf(task),
    attempt,
    inputs: task.inputs,
    ...(more.cacheKey === undefined ? {} : { cacheKey: more.cacheKey }),
    ...(more.log === undefined ? {} : { log: more.log }),
  };
}
