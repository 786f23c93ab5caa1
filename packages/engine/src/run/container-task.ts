/** Container components: in podman or docker, or as a process of this machine where the user allows it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import { sep } from "node:path";
import { fileURLToPath } from "node:url";
import type { ContainerExecutor, DueTask } from "@sealflow/pipeline";
import type { CodeIdentity } from "../cache/key.js";
import { bareNeeds } from "../environments/environment.js";
import {
  type ContainerRuntime,
  containerCommand,
  containerRuntime,
  killContainer,
} from "../executors/container-engine.js";
import { withHostShell } from "../executors/host-shell.js";
import type { OutputPlaces } from "../executors/outputs.js";
import { runProcess } from "../executors/process.js";
import { processMounts } from "../platform/mounting.js";
import type { Mount, Surroundings } from "../platform/surroundings.js";
import { writing } from "../store/disk-errors.js";
import type { WorkerTask } from "../workers/worker.js";
import type { AttemptStart } from "./attempt.js";
import { commandLine, resolver } from "./placeholders.js";
import { processorsOf, type ResourceLimits, resourceLimits } from "./resources.js";
import type { RunInProgress } from "./run-context.js";

/** What the task's outputs depend on besides its inputs. */
export function containerIdentity(
  run: RunInProgress,
  task: DueTask,
  { container, around }: ContainerWork,
): CodeIdentity {
  const mode = run.services.containers === "host" ? "host" : "container";
  const { command = [], args = [] } = container;
  const image = resolver(run, task)(container.image);
  const env = { ...variables(run, task, container), ...around.identity };
  return { kind: "container", image, command, args, env, mode };
}

/** A container with what the platform document puts around it. */
interface ContainerWork {
  readonly container: ContainerExecutor;
  readonly around: Surroundings;
}

/**
 * How attempts of the task are started.
 *
 * @throws SealflowError `ENGINE_CONTAINERS_REFUSED`
 */
export async function containerStart(
  run: RunInProgress,
  task: DueTask,
  { container, around }: ContainerWork,
): Promise<AttemptStart> {
  const resolve = resolver(run, task);
  const image = resolve(container.image);
  const runtime = await runtimeOf(run, image);
  const limits = resourceLimits(container, resolve);
  const env = variables(run, task, container);
  return {
    ...(limits.memoryBytes === undefined ? {} : { memoryLimitBytes: limits.memoryBytes }),
    start: (places, log) => {
      const [command, args] = commandLine(run, task, { places, container });
      const mounts = around.mounts(places.directory);
      const job = {
        command: [...command, ...args],
        env: { ...env, ...around.env },
        limits,
        mounts,
        places,
        log,
      };
      if (runtime === "host") {
        const path = job.env.PATH ?? run.services.environment.PATH ?? "";
        return startOnHost(run, { ...job, command: withHostShell(job.command, path) });
      }
      const outside = outsideInputs(run, task);
      return startContainer(run, { ...job, runtime, image, command, args, around, outside });
    },
  };
}

const chosen = new WeakMap<RunInProgress, Promise<ContainerRuntime>>();

/** Asked once per run: looking for an engine takes time. */
function runtimeOf(run: RunInProgress, image: string): Promise<ContainerRuntime> {
  const known = chosen.get(run) ?? containerRuntime(run.services.containers, image);
  chosen.set(run, known);
  return known;
}

function variables(run: RunInProgress, task: DueTask, container: ContainerExecutor): Record<string, string> {
  const resolve = resolver(run, task);
  return Object.fromEntries((container.env ?? []).map(({ name, value }) => [name, resolve(value ?? "")]));
}

interface HostProcess {
  readonly command: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ResourceLimits;
  readonly mounts: readonly Mount[];
  readonly places: OutputPlaces;
  readonly log: string;
}

/** A plain process, or one under a worker where it needs mounts or has limits, which a worker keeps. */
function startOnHost(run: RunInProgress, job: HostProcess): WorkerTask | Promise<WorkerTask> {
  const limited = job.limits.memoryBytes !== undefined || job.limits.cpus !== undefined;
  if (job.mounts.length > 0 || limited) return startUnderWorker(run, job);
  const env = { ...run.services.environment, ...job.env };
  return runProcess({ command: job.command, directory: job.places.directory, log: job.log, env });
}

async function startUnderWorker(run: RunInProgress, job: HostProcess): Promise<WorkerTask> {
  const { command, limits, mounts, places, log } = job;
  const { processors } = processorsOf(limits.cpus);
  const environment = await run.environments.ensure(bareNeeds);
  const mounted = await processMounts(run, environment.python, mounts);
  run.signal.throwIfAborted();
  const { PYTHONPATH = "", PATH = "" } = run.services.environment;
  return run.services.pool.worker(environment).run({
    command,
    directory: places.directory,
    log,
    // The worker's own Python is not the command's.
    env: { PYTHONPATH, PATH, ...mounted.env, ...job.env },
    threads: Math.min(run.services.threads, processors ?? Number.POSITIVE_INFINITY),
    memoryLimitBytes: limits.memoryBytes ?? null,
    ...(processors === undefined ? {} : { processors }),
    ...mounted.setting,
  });
}

interface StartedContainer {
  readonly runtime: "podman" | "docker";
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ResourceLimits;
  readonly mounts: readonly Mount[];
  readonly around: Surroundings;
  readonly places: OutputPlaces;
  readonly log: string;
  /** Files of this machine that it reads and the store does not hold: what importers found in place. */
  readonly outside: readonly string[];
}

function outsideInputs(run: RunInProgress, task: DueTask): readonly string[] {
  const { artifacts } = run.services.store;
  const paths = Object.values(task.inputs.artifacts)
    .flat()
    .flatMap(({ uri }) => (uri.startsWith("file:") ? [fileURLToPath(uri)] : []))
    .filter((path) => !isInside(path, artifacts) && !isInside(path, run.layout.workspace));
  return [...new Set(paths)].filter((path) => existsSync(path));
}

function isInside(path: string, directory: string): boolean {
  return path.startsWith(`${directory}${sep}`);
}

function startContainer(run: RunInProgress, job: StartedContainer): WorkerTask {
  const { runtime, places, limits } = job;
  const name = `sealflow-${createHash("sha256").update(job.log).digest("hex").slice(0, 20)}`;
  const { store } = run.services;
  writing(store.artifacts, () => mkdirSync(store.artifacts, { recursive: true }));
  const command = containerCommand({
    engine: runtime,
    name,
    image: job.image,
    command: job.command,
    args: job.args,
    env: job.env,
    secretNames: job.around.secretNames,
    workingDirectory: places.directory,
    mounts: [
      { path: places.directory, writable: true },
      { path: store.artifacts, writable: false },
      ...job.outside.map((path) => ({ path, writable: false })),
      ...job.mounts.map(({ path, source, readOnly }) => ({ path: source, at: path, writable: !readOnly })),
      ...(existsSync(run.layout.workspace) ? [{ path: run.layout.workspace, writable: true }] : []),
    ],
    ...(limits.cpus === undefined ? {} : { cpus: limits.cpus }),
    ...(limits.memoryBytes === undefined ? {} : { memoryBytes: limits.memoryBytes }),
  });
  return runProcess({
    command,
    directory: places.directory,
    log: job.log,
    env: { ...run.services.environment, ...secretsOf(job) },
    onKill: (signal) => killContainer(runtime, name, signal),
  });
}

/** Secrets reach the container through the environment of the engine's command, since arguments are public. */
function secretsOf({ env, around }: StartedContainer): Record<string, string> {
  return Object.fromEntries(Object.entries(env).filter(([name]) => around.secretNames.has(name)));
}
