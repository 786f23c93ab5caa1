/** The broker's routes, without a socket. What callers send is never logged, nor what they get. */
import type { Clock, Logger } from "@sealflow/core";
import { isSealflowError } from "@sealflow/core";
import { bundleMediaType, type TaskBroker } from "@sealflow/trust";
import { type Context, Hono, type MiddlewareHandler } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import { securityHeaders } from "../http/guard.js";
import { limitBodies, limitRate, MAX_BODY_BYTES } from "../http/limits.js";
import { invalid } from "../http/problem.js";
import { brokerAnswer } from "./answers.js";

/** What the routes need. */
export interface BrokerAppOptions {
  readonly broker: TaskBroker;
  readonly clock: Clock;
  readonly log: Logger;
  /** Requests per second and caller, in bursts of up to ten times as many. */
  readonly requestsPerSecond: number;
  /** Requests at once, of all callers; further ones are told to come again. */
  readonly requestsAtOnce: number;
}

/** All routes. */
export function createBrokerApp(options: BrokerAppOptions): Hono {
  const { broker, log } = options;
  const app = new Hono();
  app.use(securityHeaders);
  app.use(limitRate(options.requestsPerSecond, options.clock, callerOf));
  app.use(limitAtOnce(options.requestsAtOnce));
  app.use(limitBodies(MAX_BODY_BYTES));
  app.get("/healthz", (c) => c.json({ ok: true }));
  app.get("/v1/broker", async (c) => c.json(await broker.describe()));
  app.post("/v1/runs", async (c) => c.json(await broker.openRun()));
  app.put("/v1/runs/:run", async (c) => c.json(await broker.register(await message(c))));
  app.get("/v1/runs/:run", async (c) => c.json(await broker.status(c.req.param("run"))));
  app.post("/v1/runs/:run/challenges", async (c) => c.json(await broker.challenge(await message(c))));
  app.post("/v1/runs/:run/requests", async (c) => c.json(await broker.request(await message(c))));
  app.post("/v1/runs/:run/commits", async (c) => c.json(await broker.commit(await message(c))));
  app.post("/v1/runs/:run/failures", async (c) => c.json(await broker.fail(await message(c))));
  app.get("/v1/runs/:run/bundle", async (c) => {
    const bundle = await broker.bundle(c.req.param("run"));
    return c.body(bundle, 200, { "content-type": bundleMediaType });
  });
  app.notFound((c) => {
    const got = `${c.req.method} ${c.req.path.slice(0, 200)}`;
    throw invalid("SERVER_ROUTE_UNKNOWN", `path: expected one of the broker's, got ${got}`);
  });
  app.onError((error, c) => {
    const { status, body } = brokerAnswer(error);
    const { code } = body.error;
    const asked = `${c.req.method} ${shownPath(c.req.path)}`;
    if (status >= 500) log.log("error", `${asked}: ${code}`, { trace: traceOf(error) });
    else log.log("info", `${asked}: ${status} ${code}`);
    if (status === 503) c.header("Retry-After", "1");
    return c.json(body, status as ContentfulStatusCode);
  });
  return app;
}

const knownPart =
  /^(?:v1|broker|healthz|runs|challenges|requests|commits|failures|bundle|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}|)$/;

/** A path as it is logged: words of the protocol and ids of runs; anything else a caller made up. */
function shownPath(path: string): string {
  const parts = path.split("/").slice(0, 6);
  return parts.map((part) => (knownPart.test(part) ? part : "…")).join("/");
}

/** Where an unexpected error came from: function names, without its message, which may quote what was sent. */
function traceOf(error: Error): string {
  if (isSealflowError(error)) return error.code;
  return (error.stack ?? "")
    .split("\n")
    .filter((line) => line.startsWith("    at "))
    .slice(0, 10)
    .join("\n");
}

/** The message of a request: JSON about the run in the route. Its shape is for the broker to check. */
async function message<Message>(c: Context): Promise<Message> {
  let value: unknown;
  try {
    value = await c.req.json();
  } catch {
    throw invalid("SERVER_REQUEST_INVALID", "body: expected JSON");
  }
  const runId = typeof value === "object" && value !== null && "runId" in value ? value.runId : undefined;
  if (runId === c.req.param("run")) return value as Message;
  throw invalid("SERVER_REQUEST_INVALID", "body: expected the run of the path as runId");
}

/** Refuses requests while too many are on their way: the broker works them off one after the other. */
function limitAtOnce(most: number): MiddlewareHandler {
  let running = 0;
  return async (_, next) => {
    if (running >= most)
      throw invalid("SERVER_QUEUE_FULL", `requests: expected at most ${most} at once, got more`);
    running++;
    try {
      await next();
    } finally {
      running--;
    }
  };
}

/** The address of whoever sent a request; requests without a socket, in tests, are one caller. */
function callerOf(environment: unknown): string {
  const { incoming } = (environment ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress ?? "";
}
