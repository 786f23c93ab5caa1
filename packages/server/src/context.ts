/** What every route gets. */
import type { Clock } from "@sealflow/core";
import type { Store } from "@sealflow/engine";
import type { RunSupervisor } from "./runs/supervisor.js";
import type { EntityStore } from "./store/entities.js";

/** The server's parts. */
export interface ServerContext {
  readonly entities: EntityStore;
  readonly store: Store;
  readonly runs: RunSupervisor;
  readonly clock: Clock;
  /** Tells those who follow lists that a run came, went or changed. */
  changed(runId: string): void;
  /** A new id that nobody has. */
  newId(): string;
}
