/** The runs that are in memory: those that were used last. The others are read again from their records when they are asked for. */
import type { RunState } from "./run-state.js";

/** Of what the broker remembers of runs beside its index, so much stays in memory: 64 MiB of records. */
export const defaultRunMemoryBytes = 64 * 1024 * 1024;

interface KeptRun {
  readonly run: RunState;
  readonly bytes: number;
}

/** Runs by id, least recently used first. */
export class RunMemory {
  readonly #most: number;
  readonly #runs = new Map<string, KeptRun>();
  #bytes = 0;

  /** @param most Bytes of records whose runs stay. One run always does. */
  constructor(most: number) {
    this.#most = most;
  }

  /** Number of runs in memory. */
  get size(): number {
    return this.#runs.size;
  }

  get(runId: string): RunState | undefined {
    const kept = this.#runs.get(runId);
    if (kept === undefined) return undefined;
    this.#runs.delete(runId);
    this.#runs.set(runId, kept);
    return kept.run;
  }

  /** Keeps a run, or notes how much its records are by now. */
  keep(runId: string, run: RunState, bytes: number): void {
    this.#bytes += bytes - (this.#runs.get(runId)?.bytes ?? 0);
    this.#runs.delete(runId);
    this.#runs.set(runId, { run, bytes });
  }

  /** Lets go of what is too much. Only between operations: one that has a run in its hands is about to change it. */
  trim(): void {
    for (const [runId, { bytes }] of this.#runs) {
      if (this.#bytes <= this.#most || this.#runs.size === 1) return;
      this.#runs.delete(runId);
      this.#bytes -= bytes;
    }
  }
}
