/** Tasks as plain processes of this machine, and as containers of an engine that is one process to us. */
import { type ChildProcess, spawn } from "node:child_process";
import { closeSync, existsSync, openSync } from "node:fs";
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
  /** Sends a signal some other way than to the process group; for containers. */
  readonly onKill?: (signal: "TERM" | "KILL") => void;
}

/** Lets the kernel end the process with its parent, where the tool for it is there. */
const tieToParent = ["/usr/bin/setpriv", "/bin/setpriv"].find((path) => existsSync(path));

/** Starts a process in a group of its own. */
export function runProcess(job: ProcessJob): WorkerTask {
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
  return { exit: exitOf(child, job.command[0] ?? ""), kill: (signal) => killGroup(child, job, signal) };
}

function exitOf(child: ChildProcess, command: string): Promise<TaskExit> {
  return new Promise((resolve, reject) => {
    child.on("error", (cause: NodeJS.ErrnoException) => reject(notStarted(command, cause)));
    child.on("exit", (exitCode, signal) => {
      // What the command left running in its group ends with it.
      signalGroup(child.pid, "SIGKILL");
      resolve({ exitCode, signal });
    });
  });
}

function killGroup(child: ChildProcess, job: ProcessJob, signal: "TERM" | "KILL"): void {
  if (child.exitCode !== null || child.signalCode !== null) return;
  job.onKill?.(signal);
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

function notStarted(command: string, cause: NodeJS.ErrnoException): SealflowError {
  const missing = cause.code === "ENOENT";
  return new SealflowError({
    code: "ENGINE_COMMAND_MISSING",
    message: `command: expected an executable named ${command} on this machine, got ${missing ? "none" : cause.message}`,
    hint: "Install it, or run the component in a container (podman or docker).",
    cause,
  });
}
