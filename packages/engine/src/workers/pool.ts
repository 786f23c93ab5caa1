import type { PythonEnvironment } from "../environments/builder.js";
import type { UsedEnvironment } from "./head-start.js";
import { Worker } from "./worker.js";

/** One worker per environment, started with the first need and again after a death. */
export class WorkerPool {
  private readonly workers = new Map<string, Worker>();
  /** Sources that a worker of an environment has been told of, to tell them to its successor too. */
  private readonly prepared = new Map<string, Set<string>>();
  /** All workers that were started, for what they imported. */
  private readonly started: { readonly environment: PythonEnvironment["digest"]; readonly worker: Worker }[] =
    [];
  private readonly sources: () => string;
  private readonly environment: Readonly<Record<string, string | undefined>>;

  constructor(sources: () => string, environment: Readonly<Record<string, string | undefined>>) {
    this.sources = sources;
    this.environment = environment;
  }

  /** The environment's worker, alive as far as is known. */
  worker(environment: PythonEnvironment): Worker {
    const present = this.workers.get(environment.digest);
    if (present?.alive) return present;
    const worker = new Worker({
      python: environment.python,
      sources: this.sources(),
      environment: this.environment,
    });
    this.workers.set(environment.digest, worker);
    this.started.push({ environment: environment.digest, worker });
    const known = this.prepared.get(environment.digest);
    if (known !== undefined) worker.prepare([...known]);
    return worker;
  }

  /** Lets the environment's worker import what these source files import, unless it has been told of them. */
  prepare(environment: PythonEnvironment, sources: readonly string[]): void {
    const known = this.prepared.get(environment.digest) ?? new Set();
    const fresh = sources.filter((path) => !known.has(path));
    const worker = this.worker(environment);
    if (fresh.length === 0) return;
    for (const path of fresh) known.add(path);
    this.prepared.set(environment.digest, known);
    worker.prepare(fresh);
  }

  /** Lets the environment's worker import modules before a task needs them. */
  import(environment: PythonEnvironment, modules: readonly string[]): void {
    this.worker(environment).prepare([], modules);
  }

  /** Number of workers now. */
  get size(): number {
    return this.workers.size;
  }

  /** What was imported where, by the workers that ran tasks. */
  used(): UsedEnvironment[] {
    const busy = this.started.filter(({ worker }) => worker.tasksStarted > 0);
    return busy.map(({ environment, worker }) => ({ environment, modules: [...worker.imported] }));
  }

  /** Ends all workers and all that they run. */
  async close(): Promise<void> {
    const workers = [...this.workers.values()];
    this.workers.clear();
    await Promise.all(workers.map((worker) => worker.close()));
  }
}
