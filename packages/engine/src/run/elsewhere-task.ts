/** Attempts that an executor runs elsewhere. */
import {
  type ContainerExecutor,
  type ContainerResources,
  type DueTask,
  type ExecutorLocations,
  executorInputOf,
  type PlaceholderScope,
  resolvePlaceholder,
  resolvePlaceholders,
  taskIdOf,
} from "@sealflow/pipeline";
import type { CodeIdentity } from "../cache/key.js";
import type { ExecutorJob, PythonJob, ResolvedJob, StartedAttempt, TaskExecutor } from "../elsewhere.js";
import { isSuccess } from "../executors/failure.js";
import type { TaskExit } from "../workers/protocol.js";
import type { WorkerTask } from "../workers/worker.js";
import type { AttemptStart } from "./attempt.js";
import { resolver } from "./placeholders.js";
import type { PythonWork, Work } from "./plan.js";
import type { RunInProgress } from "./run-context.js";
import { isSuspended } from "./suspension.js";

type Computed = Extract<Work, { kind: "python" | "container" }>;

/** What the task's outputs depend on besides its inputs: there the image counts, also for Python. */
export function elsewhereIdentity(
  run: RunInProgress,
  task: DueTask,
  { work, executor }: { readonly work: Computed; readonly executor: TaskExecutor },
): CodeIdentity {
  const { container } = work;
  const { command = [], args = [], env = [] } = container;
  const own = Object.fromEntries(env.map(({ name, value }) => [name, resolver(run, task)(value ?? "")]));
  const image = resolver(run, task)(container.image);
  if (work.kind === "container")
    return { kind: "container", image, command, args, env: own, mode: executor.name };
  // What the function can reach, in place of the whole source.
  const what = [work.reach, JSON.stringify(work.needs)];
  return { kind: "container", image, command: what, args: [work.function], env: own, mode: executor.name };
}

/** How attempts are started there. */
export function elsewhereStart(
  run: RunInProgress,
  task: DueTask,
  {
    work,
    executor,
    since,
    timeoutMs,
  }: {
    readonly work: Computed;
    readonly executor: TaskExecutor;
    readonly since: number;
    readonly timeoutMs: number | undefined;
  },
): AttemptStart {
  const { container } = work;
  let open = since;
  return {
    start: async (places, log, number) => {
      const job: ExecutorJob = {
        runId: run.context.runId,
        runName: run.context.runName ?? run.context.runId,
        task,
        ...{ attempt: number, since: open },
        ...(work.kind === "python" ? { python: pythonJob(work) } : {}),
        resources: resolvedResources(run, task, container),
        locks: run.locks,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...{ log, places, signal: run.signal, notice: run.notice },
        at: (locations) => resolvedAt(run, task, { container, locations }),
      };
      const started = await executor.start(job);
      const exit = started.exit.then((ended) => {
        // Whoever starts another one could not use this one's outputs.
        if (isSuccess(ended)) open = number + 1;
        return ended;
      });
      return untilSuspended(started, exit, run.signal);
    },
  };
}

/** A suspended run lets its attempts go on: whoever resumes it takes them up. */
function untilSuspended(started: StartedAttempt, exit: Promise<TaskExit>, signal: AbortSignal): WorkerTask {
  const left = new Promise<TaskExit>((resolve) => {
    const leave = () => {
      if (!isSuspended(signal)) return;
      started.leave();
      resolve({ exitCode: null, signal: "SIGTERM" });
    };
    signal.addEventListener("abort", leave, { once: true });
  });
  return {
    exit: Promise.race([exit, left]),
    kill: (how) => {
      if (!isSuspended(signal)) started.kill(how);
    },
  };
}

function pythonJob({ source, function: name, needs }: PythonWork): PythonJob {
  return { ...needs, source, function: name };
}

function resolvedResources(
  run: RunInProgress,
  task: DueTask,
  { resources = {} }: ContainerExecutor,
): ContainerResources {
  const resolve = resolver(run, task);
  return JSON.parse(JSON.stringify(resources), (_, value) =>
    typeof value === "string" ? resolve(value) : value,
  ) as ContainerResources;
}

function resolvedAt(
  run: RunInProgress,
  task: DueTask,
  { container, locations }: { readonly container: ContainerExecutor; readonly locations: ExecutorLocations },
): ResolvedJob {
  const executorInput = executorInputOf(task, locations);
  const scope: PlaceholderScope = {
    executorInput,
    run: run.context,
    taskName: task.taskName,
    get taskId() {
      return taskIdOf(run.context.runId, task.path);
    },
  };
  const { image, command = [], args = [], env = [] } = container;
  return {
    executorInput,
    image: resolvePlaceholder(image, scope),
    command: resolvePlaceholders(command, scope),
    args: resolvePlaceholders(args, scope),
    env: Object.fromEntries(env.map(({ name, value }) => [name, resolvePlaceholder(value ?? "", scope)])),
  };
}
