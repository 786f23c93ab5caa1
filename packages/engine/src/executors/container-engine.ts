/** Container components in podman or docker, or as host processes where the user allows it, or not at all. */
import { execFile } from "node:child_process";
import { SealflowError } from "@sealflow/core";
import type { ContainerMode } from "../api.js";

/** What runs container components after looking at the machine. */
export type ContainerRuntime = "podman" | "docker" | "host";

/** True when the engine's command answers: installed, and its service is up. */
function answers(engine: "podman" | "docker"): Promise<boolean> {
  return new Promise((resolve) => {
    execFile(engine, ["info"], { timeout: 20_000 }, (error) => resolve(error === null));
  });
}

/**
 * Decides what runs container components.
 *
 * @throws SealflowError `ENGINE_CONTAINERS_REFUSED` when nothing may or can run them
 */
export async function containerRuntime(mode: ContainerMode, image: string): Promise<ContainerRuntime> {
  if (mode === "host") return "host";
  const engines = mode === "auto" ? (["podman", "docker"] as const) : mode === "refuse" ? [] : [mode];
  for (const engine of engines) if (await answers(engine)) return engine;
  const tried =
    engines.length === 0 ? "containers are switched off" : `${engines.join(" and ")} did not answer`;
  throw new SealflowError({
    code: "ENGINE_CONTAINERS_REFUSED",
    message: `container component: expected something that runs the image ${image}, got none: ${tried}`,
    hint: "Start podman or docker, or allow its command to run as a process of this machine with --allow-host-commands.",
  });
}

/** A container to start. */
export interface ContainerJob {
  readonly engine: "podman" | "docker";
  /** Unique; used to signal the container. */
  readonly name: string;
  readonly image: string;
  readonly command: readonly string[];
  readonly args: readonly string[];
  readonly env: Readonly<Record<string, string>>;
  /** Variables whose values the engine's command has in its own environment, and its command line not. */
  readonly secretNames?: ReadonlySet<string>;
  readonly workingDirectory: string;
  /** Mounted at the same path as outside, so that one set of paths holds inside and out. */
  readonly mounts: readonly { readonly path: string; readonly writable: boolean; readonly at?: string }[];
  readonly cpus?: number;
  readonly memoryBytes?: number;
}

/** The engine's command line for a container. */
export function containerCommand(job: ContainerJob): string[] {
  const [entry, ...rest] = job.command;
  const mounts = job.mounts.flatMap(({ path, at = path, writable }) => [
    "--volume",
    `${path}:${at}${writable ? "" : ":ro"}`,
  ]);
  return [
    job.engine,
    "run",
    "--rm",
    "--name",
    job.name,
    "--workdir",
    job.workingDirectory,
    ...mounts,
    ...Object.entries(job.env).flatMap(([name, value]) => [
      "--env",
      job.secretNames?.has(name) ? name : `${name}=${value}`,
    ]),
    ...(job.cpus === undefined ? [] : ["--cpus", String(job.cpus)]),
    ...(job.memoryBytes === undefined ? [] : ["--memory", String(job.memoryBytes)]),
    ...(entry === undefined ? [] : ["--entrypoint", entry]),
    job.image,
    ...rest,
    ...job.args,
  ];
}

/**
 * Signals a container by its name; the engine's own process only waits for it. Resolves when the engine has done so; after
 * KILL nothing of the container is left.
 */
export async function killContainer(
  engine: "podman" | "docker",
  name: string,
  signal: "TERM" | "KILL",
): Promise<void> {
  await say(engine, ["kill", "--signal", signal, name]);
  // The command that would remove it at its end is killed as well.
  if (signal === "KILL") await say(engine, ["rm", "--force", name]);
}

/** Failures count as done: a container that is gone can't be signaled. */
function say(engine: "podman" | "docker", args: readonly string[]): Promise<void> {
  return new Promise((resolve) => {
    execFile(engine, args, () => resolve());
  });
}
