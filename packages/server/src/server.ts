/** A running server: its store, its engine, its runs and its socket. */
import { createServer as createHttpServer } from "node:http";
import { join } from "node:path";
import { serve } from "@hono/node-server";
import { type Clock, type Logger, newUuid, SealflowError } from "@sealflow/core";
import { createEngine, type EngineOptions, openStore } from "@sealflow/engine";
import { createApp } from "./app.js";
import type { ServerContext } from "./context.js";
import { isLoopback } from "./http/guard.js";
import { type ServerToken, serverToken } from "./http/token.js";
import { createExperiment } from "./routes/experiments.js";
import { defaultExperiment, RunLabels } from "./runs/labels.js";
import { RunSupervisor } from "./runs/supervisor.js";
import { Scheduler } from "./schedule/scheduler.js";
import { openEntities } from "./store/entities.js";

/** How a server is set up; everything but the directory has a default. */
export interface ServerOptions {
  /** The store of runs and artifacts; the server's own data stand in `server/` of it. */
  readonly directory: string;
  /** Address to listen on. Default: 127.0.0.1. */
  readonly host?: string;
  /** Host names that requests may be addressed to, besides this machine's own. */
  readonly allowedHosts?: readonly string[];
  /** Ask for the token on loopback addresses as well; beyond them it is always asked for. Default: false. */
  readonly requireToken?: boolean;
  /** Makes a new token; the old one is good for nothing then. Default: false. */
  readonly newToken?: boolean;
  /** Requests per second and caller, in bursts of up to ten times as many. Default: 200. */
  readonly requestsPerSecond?: number;
  /** Port; 0 for any free one. Default: 8888. */
  readonly port?: number;
  /** Runs that go on at once. Default: 4. */
  readonly concurrentRuns?: number;
  /** Runs that wait. Default: 1000. */
  readonly queuedRuns?: number;
  /** Settings of the engine, without its store. */
  readonly engine?: Omit<EngineOptions, "store">;
  /** Directory that relative importer paths start from. Default: the current directory. */
  readonly baseDirectory?: string;
  readonly clock?: Clock;
  readonly log?: Logger;
}

/** A server that listens. */
export interface RunningServer {
  /** For example `http://127.0.0.1:8888`. */
  readonly url: string;
  /** The token, when it was made now: it is told this once and kept as a digest. */
  readonly freshToken?: string;
  /** True when requests need the token. */
  readonly tokenRequired: boolean;
  /**
   * Stops: no further requests and runs; running runs are left for the next start, which continues them.
   * Resolves when nothing of the server is left.
   */
  close(): Promise<void>;
}

const silent: Logger = { log: () => {} };
const random = { bytes: (length: number) => crypto.getRandomValues(new Uint8Array(length)) };

/**
 * Opens the store, takes up what an earlier server left, and listens.
 *
 * @throws SealflowError `SERVER_STORE_…`, `SERVER_ADDRESS_UNAVAILABLE`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { clock = Date, log = silent, host = "127.0.0.1", port = 8888 } = options;
  const store = openStore(options.directory);
  const entities = openEntities(join(store.directory, "server", "server.db"));
  const engine = createEngine({ ...options.engine, store });
  const newId = (): string => newUuid(clock, random);
  const supervisor = new RunSupervisor({
    ...{ engine, store, entities, clock, log },
    concurrentRuns: options.concurrentRuns ?? 4,
    queuedRuns: options.queuedRuns ?? 1000,
    baseDirectory: options.baseDirectory ?? process.cwd(),
    onEvent: () => {},
    onChange: () => reschedule(),
  });
  const context: ServerContext = { entities, store, runs: supervisor, clock, newId };
  const labels = new RunLabels({
    store,
    entities,
    clock,
    onChange: () => {},
    owns: (id) => supervisor.owns(id),
  });
  if (defaultExperiment(entities) === undefined) createExperiment(context, { name: "Default" });
  const scheduler = new Scheduler(context, log);
  // At the next turn: a run's end is told from the middle of other work.
  const reschedule = (): void => void setImmediate(() => scheduler.look());
  const stop = async (listening?: Listening): Promise<void> => {
    scheduler.stop();
    supervisor.stop();
    await listening?.close();
    await engine.close({ suspend: true });
    await supervisor.idle();
    entities.close();
  };
  try {
    const token = tokenFor(options, store.directory);
    const app = createApp({
      ...{ context, log, refresh: () => labels.refresh(), reschedule },
      guard: {
        loopback: isLoopback(host),
        allowedHosts: (options.allowedHosts ?? []).map((name) => name.toLowerCase()),
        ...(token === undefined ? {} : { token: token.check }),
      },
      requestsPerSecond: options.requestsPerSecond ?? 200,
    });
    const listening = await listen(app.fetch, { host, port });
    supervisor.recover();
    scheduler.look();
    let stopped: Promise<void> | undefined;
    return {
      url: listening.url,
      tokenRequired: token !== undefined,
      ...(token?.fresh === undefined ? {} : { freshToken: token.fresh }),
      close: () => {
        stopped ??= stop(listening);
        return stopped;
      },
    };
  } catch (error) {
    await stop();
    throw error;
  }
}

/** The token that requests need, or undefined where none is needed. */
function tokenFor(options: ServerOptions, directory: string): ServerToken | undefined {
  const { host = "127.0.0.1", requireToken = false, newToken = false } = options;
  if (isLoopback(host) && !requireToken) return undefined;
  return serverToken(join(directory, "server", "token.json"), { random, renew: newToken });
}

interface Listening {
  readonly url: string;
  close(): Promise<void>;
}

function listen(
  fetch: (request: Request) => Response | Promise<Response>,
  { host, port }: { host: string; port: number },
): Promise<Listening> {
  return new Promise((resolve, reject) => {
    const server = serve({ fetch, hostname: host, port, createServer: createHttpServer }, (address) => {
      const name = host.includes(":") ? `[${host}]` : host;
      resolve({
        url: `http://${name}:${address.port}`,
        close: () =>
          new Promise((closed) => {
            server.close(() => closed());
            if ("closeAllConnections" in server) server.closeAllConnections();
          }),
      });
    });
    server.on("error", (cause: NodeJS.ErrnoException) => reject(unavailable(host, port, cause)));
  });
}

function unavailable(host: string, port: number, cause: NodeJS.ErrnoException): SealflowError {
  return new SealflowError({
    code: "SERVER_ADDRESS_UNAVAILABLE",
    message: `address ${host}:${port}: expected to listen there, got ${cause.code ?? cause.message}`,
    hint:
      cause.code === "EADDRINUSE"
        ? "Something listens there: give another port with --port."
        : "Check --host and --port.",
    cause,
  });
}
