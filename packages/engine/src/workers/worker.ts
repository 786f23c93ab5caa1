/** One Python worker process: it imports libraries once and forks a process per task. */
import { type ChildProcess, spawn } from "node:child_process";
import type { Readable } from "node:stream";
import { SealflowError } from "@sealflow/core";
import { PROTOCOL, type TaskExit, type WorkerEvent, type WorkerJob, type WorkerRequest } from "./protocol.js";

/** How a worker is started. */
export interface WorkerStart {
  /** Interpreter of the environment. */
  readonly python: string;
  /** Directory of the Python sources, for PYTHONPATH. */
  readonly sources: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

/** A task that a worker runs. */
export interface WorkerTask {
  /**
   * How its process ended.
   *
   * @throws SealflowError `ENGINE_WORKER_LOST` when the worker died, `ENGINE_WORKER_REJECTED` when it could not start it
   */
  readonly exit: Promise<TaskExit>;
  /** Signals the task's whole process group. Nothing happens when it has ended. */
  kill(signal: "TERM" | "KILL"): void;
}

interface Waiting {
  resolve(exit: TaskExit): void;
  reject(cause: unknown): void;
}

/** Bytes of the worker's own output that are kept to explain its death. */
const KEPT_OUTPUT = 4096;

/** A running worker. Start it with `new`; it accepts work at once, before Python is up. */
export class Worker {
  /** False once the process has ended or the pipe to it broke. */
  alive = true;
  /** Modules that it imported ahead of tasks. */
  readonly imported = new Set<string>();
  private readonly child: ChildProcess;
  private readonly tasks = new Map<string, Waiting>();
  private readonly ended: Promise<void>;
  private output = "";
  private counter = 0;

  constructor(start: WorkerStart) {
    const { python, sources, environment } = start;
    this.child = spawn(python, ["-m", "sealflow.worker"], {
      stdio: ["pipe", "pipe", "pipe", "pipe"],
      env: workerEnvironment(python, sources, environment),
    });
    for (const stream of [this.child.stdout, this.child.stderr]) {
      stream?.on("data", (chunk: Buffer) => {
        this.output = (this.output + chunk.toString("utf8")).slice(-KEPT_OUTPUT);
      });
    }
    this.child.stdin?.on("error", () => {});
    readLines(this.child.stdio[3] as Readable, (line) => this.receive(line));
    this.ended = new Promise((resolve) => {
      this.child.on("error", (cause) => resolve(this.lose(cause.message)));
      this.child.on("close", (code, signal) => {
        resolve(this.lose(signal === null ? `it exited with code ${code}` : `it was ended by ${signal}`));
      });
    });
  }

  /** Process id of the worker itself. */
  get pid(): number | undefined {
    return this.child.pid;
  }

  /** Tasks that it was given so far. */
  get tasksStarted(): number {
    return this.counter;
  }

  /** Imports modules, and the third-party ones that these sources import, before the next task starts. */
  prepare(sources: readonly string[], modules: readonly string[] = []): void {
    this.send({ op: "prepare", sources: sources.map((path) => ({ path })), modules });
  }

  /** Starts a task in a process of its own. */
  run(job: WorkerJob): WorkerTask {
    const task = String(++this.counter);
    const exit = new Promise<TaskExit>((resolve, reject) => {
      this.tasks.set(task, { resolve, reject });
    });
    if (this.alive) this.send({ op: "run", task, ...job });
    else this.lose("it had ended before");
    return { exit, kill: (signal) => this.tasks.has(task) && this.send({ op: "kill", task, signal }) };
  }

  /** Ends the worker and all that it runs. */
  async close(): Promise<void> {
    // It may be in the middle of an import, where it hears nothing, and has nothing to clear up.
    if (this.counter === 0) this.child.kill("SIGKILL");
    else if (this.alive) {
      this.send({ op: "shutdown" });
      this.child.stdin?.end();
    }
    const timer = setTimeout(() => this.child.kill("SIGKILL"), 2000);
    await this.ended;
    clearTimeout(timer);
  }

  private send(request: WorkerRequest): void {
    this.child.stdin?.write(`${JSON.stringify(request)}\n`);
  }

  private receive(line: string): void {
    const event = decode(line);
    if (event === undefined) return;
    if (event.event === "ready" && event.protocol !== PROTOCOL) this.child.kill("SIGKILL");
    else if (event.event === "prepared") for (const module of event.imported) this.imported.add(module);
    else if (event.event === "exited") this.take(event.task)?.resolve(event);
    else if (event.event === "rejected") this.take(event.task)?.reject(rejected(event.reason));
  }

  private take(task: string): Waiting | undefined {
    const waiting = this.tasks.get(task);
    this.tasks.delete(task);
    return waiting;
  }

  private lose(reason: string): void {
    this.alive = false;
    const output = this.output.trim();
    const error = new SealflowError({
      code: "ENGINE_WORKER_LOST",
      message: `Python worker: ended while tasks needed it: ${reason}`,
      hint: "Memory may have run out: lower --concurrency or the data's size. The worker's last words are in data.output.",
      data: { output },
    });
    for (const waiting of this.tasks.values()) waiting.reject(error);
    this.tasks.clear();
  }
}

function workerEnvironment(
  python: string,
  sources: string,
  environment: WorkerStart["environment"],
): NodeJS.ProcessEnv {
  const bin = python.slice(0, python.lastIndexOf("/"));
  return {
    ...environment,
    PATH: environment.PATH ? `${bin}:${environment.PATH}` : bin,
    VIRTUAL_ENV: bin.slice(0, bin.lastIndexOf("/")),
    PYTHONPATH: sources,
    PYTHONHOME: undefined,
    PYTHONUNBUFFERED: undefined,
    PYTHONDONTWRITEBYTECODE: undefined,
    PYTHONHASHSEED: environment.PYTHONHASHSEED,
    GLIBC_TUNABLES: environment.GLIBC_TUNABLES ?? ALLOCATION,
  };
}

/**
 * How glibc's allocator behaves in a task. By itself it gives the memory of every intermediate array back at once and
 * takes it anew, page by page, until it has learnt their sizes, which a fresh process has not: half of a step's time on a
 * few hundred thousand rows. Elsewhere the variable says nothing.
 */
const ALLOCATION = [
  "glibc.malloc.hugetlb=1",
  `glibc.malloc.mmap_threshold=${32 * 2 ** 20}`,
  `glibc.malloc.trim_threshold=${64 * 2 ** 20}`,
].join(":");

function rejected(reason: string): SealflowError {
  return new SealflowError({
    code: "ENGINE_WORKER_REJECTED",
    message: `Python worker: the task's process could not be started: ${reason}`,
  });
}

/** A line that is no event comes from something else that writes to the descriptor; it is no reason to stop. */
function decode(line: string): WorkerEvent | undefined {
  try {
    // The border where the worker's JSON becomes typed; both sides are of one release.
    return JSON.parse(line) as WorkerEvent;
  } catch {
    return undefined;
  }
}

function readLines(stream: Readable, onLine: (line: string) => void): void {
  let rest = "";
  stream.setEncoding("utf8");
  stream.on("error", () => {});
  stream.on("data", (chunk: string) => {
    const lines = (rest + chunk).split("\n");
    rest = lines.pop() ?? "";
    for (const line of lines) if (line !== "") onLine(line);
  });
}
