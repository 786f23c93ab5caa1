/** The routes, without a socket: requests in, answers out. */
import type { Logger } from "@sealflow/core";
import { isSealflowError } from "@sealflow/core";
import { Hono } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { ServerContext } from "./context.js";
import { answerFor, invalid } from "./http/problem.js";
import { experimentRoutes } from "./routes/experiments.js";
import { pipelineRoutes } from "./routes/pipelines.js";
import { runRoutes } from "./routes/runs.js";

/** What the routes need besides their context. */
export interface AppOptions {
  readonly context: ServerContext;
  readonly log: Logger;
  /** Brings the labels of runs up to date. */
  readonly refresh: () => void;
}

/** Prefix of the Kubeflow Pipelines API. */
export const API = "/apis/v2beta1";

/** All routes. */
export function createApp({ context, log, refresh }: AppOptions): Hono {
  const app = new Hono();
  app.get(`${API}/healthz`, (c) => c.json({ multi_user: false, pipeline_store: "database" }));
  app.route(`${API}/experiments`, experimentRoutes(context));
  app.route(`${API}/pipelines`, pipelineRoutes(context));
  app.route(`${API}/runs`, runRoutes(context, refresh));
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
