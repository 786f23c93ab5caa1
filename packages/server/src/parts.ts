/** The server without its socket: store, engine, runs, feeds, schedules, and who tells whom. */
import { join } from "node:path";
import { type Clock, type Logger, newUuid, type Random } from "@sealflow/core";
import { createEngine, type Engine, openStore } from "@sealflow/engine";
import type { ServerContext } from "./context.js";
import { createExperiment } from "./routes/experiments.js";
import { RunFeeds } from "./runs/feed.js";
import { defaultExperiment, RunLabels } from "./runs/labels.js";
import { RunSupervisor } from "./runs/supervisor.js";
import { Scheduler } from "./schedule/scheduler.js";
import type { ServerOptions } from "./server.js";
import { openEntities } from "./store/entities.js";

/** What a server consists of. */
export interface ServerParts {
  readonly context: ServerContext;
  readonly engine: Engine;
  readonly supervisor: RunSupervisor;
  readonly labels: RunLabels;
  readonly feeds: RunFeeds;
  readonly scheduler: Scheduler;
  readonly log: Logger;
  /** Aborted when the server stops: what streams ends then. */
  readonly stopping: AbortController;
}

const silent: Logger = { log: () => {} };

/** The machine's randomness. */
export const random: Random = { bytes: (length) => crypto.getRandomValues(new Uint8Array(length)) };

/** @throws SealflowError `SERVER_STORE_…` */
export function createParts(options: ServerOptions): ServerParts {
  const clock: Clock = options.clock ?? Date;
  const log = options.log ?? silent;
  const store = openStore(options.directory);
  const entities = openEntities(join(store.directory, "server", "server.db"));
  const engine = createEngine({ ...options.engine, store });
  const owns = (runId: string): boolean => supervisor.owns(runId);
  const feeds = new RunFeeds({ store, entities, owns, mostWatchers: options.watchers ?? 500 });
  const onChange = (runId: string): void => {
    feeds.change(runId);
    // At the next turn: changes are told from the middle of other work.
    setImmediate(() => scheduler.look());
  };
  const supervisor = new RunSupervisor({
    ...{ engine, store, entities, clock, log, onChange },
    concurrentRuns: options.concurrentRuns ?? 4,
    queuedRuns: options.queuedRuns ?? 1000,
    baseDirectory: options.baseDirectory ?? process.cwd(),
    onEvent: (runId, event) => feeds.publish(runId, event),
  });
  const newId = (): string => newUuid(clock, random);
  const context: ServerContext = { entities, store, runs: supervisor, clock, changed: onChange, newId };
  const scheduler = new Scheduler(context, log);
  const labels = new RunLabels({ store, entities, clock, owns, onChange });
  if (defaultExperiment(entities) === undefined) createExperiment(context, { name: "Default" });
  return { context, engine, supervisor, labels, feeds, scheduler, log, stopping: new AbortController() };
}
