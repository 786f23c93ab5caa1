/** Tasks as plain processes of this machine, and as containers of an engine that is one process to us. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
import { delimiter, join } from "node:path";
import { SealflowError } from "@sealflow/core";
import type { TaskExit } from "../workers/protocol.js";
import type { WorkerTask } from "../workers/worker.js";

/** A command to run. */
export interface ProcessJob {
  readonly command: readonly string[];
  readonly directory: string;
  /** File that standard output and error are appended to. */
  readonly log: string;
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Sends a signal some other way than to the process group; for containers. The task's end waits for it. */
  readonly onKill?: (signal: "TERM" | "KILL") => Promise<void>;
}

/** Lets the kernel end the process with its parent, where the tool for it is there. */
const tieToParent = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

/**
 * Starts a process in a group of its own.
 *
 * @throws SealflowError `ENGINE_COMMAND_MISSING`
 */
export function runProcess(job: ProcessJob): WorkerTask {
  requireCommand(job.command[0] ?? "", job.env.PATH ?? "");
  const [program = "", ...args] = tieToParent
    ? [tieToParent, "--pdeathsig", "KILL", "--", ...job.command]
    : job.command;
  const log = openSync(job.log, "a");
  let child: ChildProcess;
  try {
    child = spawn(program, args, {
      cwd: job.directory,
      env: job.env,
      detached: true,
      stdio: ["ignore", log, log],
    });
  } finally {
    closeSync(log);
  }
  let signaled = Promise.resolve();
  const exit = exitOf(child, job.command[0] ?? "").then(async (ended) => {
    await signaled;
    return ended;
  });
  const kill = (signal: "TERM" | "KILL"): void => {
    signaled = signaled.then(() => killGroup(child, job, signal));
  };
  return { exit, kill };
}

function requireCommand(command: string, path: string): void {
  const places = command.includes("/")
    ? [command]
    : path.split(delimiter).map((place) => join(place, command));
  if (command === "" || !places.some((place) => existsSync(place))) throw notStarted(command, "none");
}

function exitOf(child: ChildProcess, command: string): Promise<TaskExit> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause) => reject(notStarted(command, cause.message)));
    child.on("exit", (exitCode, signal) => {
      // What the command left running in its group ends with it.
      signalGroup(child.pid, "SIGKILL");
      resolve({ exitCode, signal });
    });
  });
}

async function killGroup(child: ChildProcess, job: ProcessJob, signal: "TERM" | "KILL"): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  await job.onKill?.(signal);
  if (job.onKill === undefined || signal === "KILL") signalGroup(child.pid, `SIG${signal}`);
}

function signalGroup(pid: number | undefined, signal: NodeJS.Signals): void {
  if (pid === undefined) return;
  try {
    process.kill(-pid, signal);
  } catch {
    // The group is gone already.
  }
}

function notStarted(command: string, got: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_COMMAND_MISSING",
    message: `command: expected an executable named ${command || "in the component"} on this machine, got ${got}`,
    hint: "Install it, or run the component in a container (podman or docker).",
  });
}
