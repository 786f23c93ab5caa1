/** Python components: a forked process of the environment's warm worker. */
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { DueTask } from "@sealflow/pipeline";
import type { CodeIdentity } from "../cache/key.js";
import type { PythonEnvironment } from "../environments/builder.js";
import { processMounts } from "../platform/mounting.js";
import type { Surroundings } from "../platform/surroundings.js";
import { replaceFile } from "../store/artifacts.js";
import type { WorkerTask } from "../workers/worker.js";
import type { AttemptStart } from "./attempt.js";
import { executorInput, resolver } from "./placeholders.js";
import { type PythonWork, workOf } from "./plan.js";
import { processorsOf, resourceLimits } from "./resources.js";
import type { RunInProgress } from "./run-context.js";

/** What the task's outputs depend on besides its inputs. */
export async function pythonIdentity(
  run: RunInProgress,
  task: DueTask,
  { work, around }: { readonly work: PythonWork; readonly around: Surroundings },
): Promise<CodeIdentity> {
  return {
    kind: "python",
    source: work.reach,
    function: work.function,
    environment: await run.environments.digest(work.needs),
    env: { ...variables(run, task, work), ...around.identity },
  };
}

/** How attempts of the task are started. */
export function pythonStart(
  run: RunInProgress,
  task: DueTask,
  { work, around }: { readonly work: PythonWork; readonly around: Surroundings },
): AttemptStart {
  const { memoryBytes, cpus } = resourceLimits(work.container, resolver(run, task));
  return {
    ...(memoryBytes === undefined ? {} : { memoryLimitBytes: memoryBytes }),
    start: async (places, log): Promise<WorkerTask> => {
      const environment = await run.environments.ensure(work.needs);
      run.signal.throwIfAborted();
      await prepared(run, environment, work);
      const mounted = await processMounts(run, environment.python, around.mounts(places.directory));
      return run.services.pool.worker(environment).run({
        source: sourceFile(run, work),
        function: work.function,
        executorInput: executorInput(task, places),
        directory: places.directory,
        log,
        env: { ...mounted.env, ...variables(run, task, work), ...around.env },
        ...mounted.setting,
        threads: threadsFor(run, cpus),
        memoryLimitBytes: memoryBytes ?? null,
        ...processorsOf(cpus),
        module: null,
      });
    },
  };
}

/** Lets the environment's worker import what its components import, once. */
export async function prepared(
  run: RunInProgress,
  environment: PythonEnvironment,
  work: PythonWork,
): Promise<void> {
  run.services.pool.prepare(environment, await siblings(run, environment.digest, work));
}

/** An equal share of the threads for everything that runs or could run now. */
export function threadsFor(run: RunInProgress, cpus: number | undefined): number {
  const { threads, concurrency } = run.services;
  const busy = Math.max(1, Math.min(concurrency, run.slots.active + run.slots.waiting));
  const share = Math.max(1, Math.floor(threads / busy));
  return cpus === undefined ? share : Math.max(1, Math.min(share, Math.ceil(cpus)));
}

function variables(run: RunInProgress, task: DueTask, { container }: PythonWork): Record<string, string> {
  const entries = container.env ?? [];
  if (entries.length === 0) return {};
  const resolve = resolver(run, task);
  return Object.fromEntries(entries.map(({ name, value }) => [name, resolve(value ?? "")]));
}

const gathered = new WeakMap<RunInProgress, Map<string, Promise<string[]>>>();

/** Sources of all components of the run that share an environment: one worker imports for all of them at once. */
function siblings(run: RunInProgress, environment: string, work: PythonWork): Promise<string[]> {
  const byEnvironment = gathered.get(run) ?? new Map<string, Promise<string[]>>();
  gathered.set(run, byEnvironment);
  const known = byEnvironment.get(environment);
  if (known !== undefined) return known;
  const sources = gather(run, environment, work);
  byEnvironment.set(environment, sources);
  return sources;
}

async function gather(run: RunInProgress, environment: string, own: PythonWork): Promise<string[]> {
  const files = new Set([sourceFile(run, own)]);
  for (const [executorLabel, executor] of Object.entries(run.spec.deploymentSpec.executors ?? {})) {
    const work = tryWork(run, { executorLabel, executor });
    if (work === undefined || (await run.environments.digest(work.needs)) !== environment) continue;
    files.add(sourceFile(run, work));
  }
  return [...files];
}

/** What can't be read here fails with its own task, not with its neighbours. */
function tryWork(
  run: RunInProgress,
  task: Pick<DueTask, "executor" | "executorLabel">,
): PythonWork | undefined {
  try {
    const work = workOf(task, run.settings.baseDirectory);
    return work.kind === "python" ? work : undefined;
  } catch {
    return undefined;
  }
}

/** Puts a component's source where workers can read it, once per content. */
export function sourceFile(run: RunInProgress, { digest, source, file }: PythonWork): string {
  if (file !== undefined) return file;
  const { store } = run.services;
  const path = join(store.sources, `${digest.slice("sha256:".length)}.py`);
  if (!existsSync(path)) replaceFile(store, path, source);
  return path;
}
