/** Container components: in podman or docker, or as a process of this machine where the user allows it. */
import { createHash } from "node:crypto";
import { existsSync, mkdirSync } from "node:fs";
import type { ContainerExecutor, DueTask } from "@sealflow/pipeline";
import type { CodeIdentity } from "../cache/key.js";
import {
  type ContainerRuntime,
  containerCommand,
  containerRuntime,
  killContainer,
} from "../executors/container-engine.js";
import type { OutputPlaces } from "../executors/outputs.js";
import { runProcess } from "../executors/process.js";
import { writing } from "../store/disk-errors.js";
import type { WorkerTask } from "../workers/worker.js";
import type { AttemptStart } from "./attempt.js";
import { commandLine, resolver } from "./placeholders.js";
import { type ResourceLimits, resourceLimits } from "./resources.js";
import type { RunInProgress } from "./run-context.js";

/** What the task's outputs depend on besides its inputs. */
export function containerIdentity(
  run: RunInProgress,
  task: DueTask,
  container: ContainerExecutor,
): CodeIdentity {
  const mode = run.services.containers === "host" ? "host" : "container";
  const { command = [], args = [] } = container;
  const image = resolver(run, task)(container.image);
  return { kind: "container", image, command, args, env: variables(run, task, container), mode };
}

/**
 * How attempts of the task are started.
 *
 * @throws SealflowError `ENGINE_CONTAINERS_REFUSED`
 */
export async function containerStart(
  run: RunInProgress,
  task: DueTask,
  container: ContainerExecutor,
): Promise<AttemptStart> {
  const resolve = resolver(run, task);
  const image = resolve(container.image);
  const runtime = await runtimeOf(run, image);
  const limits = resourceLimits(container, resolve);
  if (runtime === "host" && limits.memoryBytes !== undefined) {
    const message = "Memory limits of container components are not enforced for processes of this machine.";
    run.notice("ENGINE_LIMIT_IGNORED", message);
  }
  const env = variables(run, task, container);
  return {
    ...(limits.memoryBytes === undefined ? {} : { memoryLimitBytes: limits.memoryBytes }),
    start: (places, log) => {
      const [command, args] = commandLine(run, task, { places, container });
      if (runtime === "host") {
        const environment = { ...run.services.environment, ...env };
        return runProcess({
          command: [...command, ...args],
          directory: places.directory,
          log,
          env: environment,
        });
      }
      return startContainer(run, { runtime, image, command, args, env, limits, places, log });
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

interface StartedContainer {
  readonly runtime: "podman" | "docker";
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  readonly limits: ResourceLimits;
  readonly places: OutputPlaces;
  readonly log: string;
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
    workingDirectory: places.directory,
    mounts: [
      { path: places.directory, writable: true },
      { path: store.artifacts, writable: false },
      ...(existsSync(run.layout.workspace) ? [{ path: run.layout.workspace, writable: true }] : []),
    ],
    ...(limits.cpus === undefined ? {} : { cpus: limits.cpus }),
    ...(limits.memoryBytes === undefined ? {} : { memoryBytes: limits.memoryBytes }),
  });
  return runProcess({
    command,
    directory: places.directory,
    log: job.log,
    env: run.services.environment,
    onKill: (signal) => killContainer(runtime, name, signal),
  });
}
