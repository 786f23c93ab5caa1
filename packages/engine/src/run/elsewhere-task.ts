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
import type { TaskExit } from "../workers/protocol.js";
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
    timeoutMs,
  }: { readonly work: Computed; readonly executor: TaskExecutor; readonly timeoutMs: number | undefined },
): AttemptStart {
  const { container } = work;
  return {
    start: async (places, log, number) => {
      const job: ExecutorJob = {
        runId: run.context.runId,
        runName: run.context.runName ?? run.context.runId,
        task,
        attempt: number,
        ...(work.kind === "python" ? { python: pythonJob(work) } : {}),
        resources: resolvedResources(run, task, container),
        locks: run.locks,
        ...(timeoutMs === undefined ? {} : { timeoutMs }),
        ...{ log, places, signal: run.signal },
        at: (locations) => resolvedAt(run, task, { container, locations }),
      };
      return untilSuspended(await executor.start(job), run.signal);
    },
  };
}

/** A suspended run lets its attempts go on: whoever resumes it takes them up. */
function untilSuspended(started: StartedAttempt, signal: AbortSignal): StartedAttempt {
  const left = new Promise<TaskExit>((resolve) => {
    signal.addEventListener(
      "abort",
      () => isSuspended(signal) && resolve({ exitCode: null, signal: "SIGTERM" }),
      { once: true },
    );
  });
  return {
    exit: Promise.race([started.exit, left]),
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
