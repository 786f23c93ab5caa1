/** The routes, without a socket: requests in, answers out. */
import type { Logger } from "@sealflow/core";
import { isSealflowError } from "@sealflow/core";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ServerContext } from "./context.js";
import { type GuardOptions, guard, securityHeaders } from "./http/guard.js";
import { limitBodies, limitRate, MAX_BODY_BYTES } from "./http/limits.js";
import { type PageFiles, servePages } from "./http/pages.js";
import { answerFor, invalid } from "./http/problem.js";
import type { Sessions } from "./http/session.js";
import { openApiDocument } from "./openapi/document.js";
import { artifactRoutes } from "./routes/artifacts.js";
import { eventRoutes } from "./routes/events.js";
import { experimentRoutes } from "./routes/experiments.js";
import { fileRoutes, kubeflowFileRoutes } from "./routes/files.js";
import { overviewRoutes } from "./routes/overview.js";
import { pipelineRoutes } from "./routes/pipelines.js";
import { recurringRunRoutes } from "./routes/recurring-runs.js";
import { runRoutes } from "./routes/runs.js";
import { sessionRoutes } from "./routes/session.js";
import { uploadRoutes } from "./routes/uploads.js";
import type { RunFeeds } from "./runs/feed.js";

/** What the routes need besides their context. */
export interface AppOptions {
  readonly context: ServerContext;
  readonly log: Logger;
  /** Brings the labels of runs up to date. */
  readonly refresh: () => void;
  /** Called when recurring runs changed. */
  readonly reschedule: () => void;
  readonly feeds: RunFeeds;
  /** Aborts when the server stops: what streams ends then. */
  readonly stopping: AbortSignal;
  readonly guard: GuardOptions;
  readonly sessions: Sessions;
  /** The UI; empty where it is not built. */
  readonly pages: PageFiles;
  /** Requests per second and caller. */
  readonly requestsPerSecond: number;
}

/** Prefix of the Kubeflow Pipelines API. */
export const API = "/apis/v2beta1";

/** All routes. */
export function createApp(options: AppOptions): Hono {
  const { context, log, refresh } = options;
  const app = new Hono();
  app.use(securityHeaders);
  app.use(guard(options.guard));
  app.use(servePages(options.pages));
  app.use(limitRate(options.requestsPerSecond, context.clock, callerOf));
  app.use(limitBodies(MAX_BODY_BYTES));
  app.get(`${API}/healthz`, (c) => c.json({ multi_user: false, pipeline_store: "database" }));
  // One user, who was let in: whatever is asked about is allowed.
  app.get(`${API}/auth`, (c) => c.json({}));
  app.route(`${API}/experiments`, experimentRoutes(context));
  app.route(`${API}/pipelines`, uploadRoutes(context));
  app.route(`${API}/pipelines`, pipelineRoutes(context));
  app.route(`${API}/runs`, runRoutes(context, refresh));
  app.route(`${API}/recurringruns`, recurringRunRoutes(context, options.reschedule));
  app.route("/apis", kubeflowFileRoutes(context, options.stopping));
  app.route("/api", fileRoutes(context, options.stopping));
  app.route("/api", eventRoutes(options));
  app.route("/api", overviewRoutes(context, refresh));
  app.route("/api", artifactRoutes(context, refresh));
  app.route("/api", sessionRoutes(options.sessions));
  const description = openApiDocument();
  app.get("/openapi.json", (c) => c.json(description));
  app.notFound((c) => {
    throw invalid(
      "SERVER_ROUTE_UNKNOWN",
      `path: expected one of this server's, got ${c.req.method} ${c.req.path}`,
    );
  });
  app.onError((error, c) => {
    const { http, body } = answerFor(error);
    if (http >= 500) {
      const trace = isSealflowError(error) ? error.code : error.stack;
      log.log("error", `${c.req.method} ${c.req.path}: ${error.message}`, { trace });
    }
    return c.json(body, http as ContentfulStatusCode);
  });
  return app;
}

/** The address of whoever sent a request; requests without a socket, in tests, are one caller. */
function callerOf(environment: unknown): string {
  const { incoming } = (environment ?? {}) as { incoming?: { socket?: { remoteAddress?: string } } };
  return incoming?.socket?.remoteAddress ?? "";
}
