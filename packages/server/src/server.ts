/** A running server: its parts, and its socket. */
import { join } from "node:path";
import type { Clock, Logger } from "@sealflow/core";
import type { EngineOptions } from "@sealflow/engine";
import { createApp } from "./app.js";
import { announceAddress } from "./http/address.js";
import { isLoopback } from "./http/guard.js";
import { type Listening, listen } from "./http/listen.js";
import { readPages } from "./http/pages.js";
import { Sessions } from "./http/session.js";
import { type ServerToken, serverToken } from "./http/token.js";
import { createParts, random } from "./parts.js";

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
  /** Readers of live events at once. Default: 500. */
  readonly watchers?: number;
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
  /** The built UI. Default: the one of this package. */
  readonly pagesDirectory?: string;
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

/**
 * Opens the store, takes up what an earlier server left, and listens.
 *
 * @throws SealflowError `SERVER_STORE_…`, `SERVER_TOKEN_UNREADABLE`, `SERVER_ADDRESS_UNAVAILABLE`
 */
export async function startServer(options: ServerOptions): Promise<RunningServer> {
  const { host = "127.0.0.1", port = 8888 } = options;
  const parts = createParts(options);
  const { context, supervisor, scheduler, engine } = parts;
  const stop = async (listening?: Listening): Promise<void> => {
    parts.stopping.abort();
    scheduler.stop();
    supervisor.stop();
    await listening?.close();
    await engine.close({ suspend: true });
    await supervisor.idle();
    context.entities.close();
  };
  try {
    const token = tokenFor(options, context.store.directory);
    const sessions = new Sessions(context.clock, random);
    const app = createApp({
      ...{ context, log: parts.log, feeds: parts.feeds, stopping: parts.stopping.signal },
      refresh: () => parts.labels.refresh(),
      reschedule: () => scheduler.look(),
      guard: {
        loopback: isLoopback(host),
        allowedHosts: (options.allowedHosts ?? []).map((name) => name.toLowerCase()),
        ...(token === undefined
          ? {}
          : { token: token.check, session: (cookies: string | undefined) => sessions.holds(cookies) }),
      },
      sessions,
      pages: readPages(options.pagesDirectory),
      requestsPerSecond: options.requestsPerSecond ?? 200,
    });
    const listening = await listen(app.fetch, { host, port });
    const withdraw = announceAddress(context.store.directory, listening.url);
    supervisor.recover();
    scheduler.look();
    let stopped: Promise<void> | undefined;
    return {
      url: listening.url,
      tokenRequired: token !== undefined,
      ...(token?.fresh === undefined ? {} : { freshToken: token.fresh }),
      close: () => {
        if (stopped === undefined) withdraw();
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
