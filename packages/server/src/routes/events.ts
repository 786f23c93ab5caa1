/** Live events as server-sent events, resumable by `Last-Event-ID` (or `after`, for readers that can't set headers). */
import type { RunEvent } from "@sealflow/engine";
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { eventStream, type Message } from "../http/event-stream.js";
import { invalid } from "../http/problem.js";
import type { RunFeeds } from "../runs/feed.js";
import { toRun } from "../runs/messages.js";
import { endedStates } from "../runs/supervisor.js";
import { runOf } from "./runs.js";

/** How often the store is looked at for runs of others, in milliseconds. */
const LOOK_MS = 1000;

/** What the routes need. */
export interface EventParts {
  readonly context: ServerContext;
  readonly feeds: RunFeeds;
  readonly refresh: () => void;
  /** Aborts when the server stops. */
  readonly stopping: AbortSignal;
}

/** The number of the last event that the reader has; 0 when it has none. */
function lastSeen(c: Context): number {
  const text = c.req.header("last-event-id") || c.req.query("after") || "0";
  if (/^\d{1,15}$/.test(text)) return Number(text);
  throw invalid("SERVER_REQUEST_INVALID", "Last-Event-ID: expected the id of an event");
}

/** Routes under `/api`. */
export function eventRoutes({ context, feeds, refresh, stopping }: EventParts): Hono {
  const { entities } = context;
  async function* runMessages(batches: AsyncGenerator<readonly RunEvent[]>): AsyncGenerator<Message[]> {
    for await (const batch of batches) {
      yield batch.map((event) => ({ id: String(event.seq), event: event.type, data: event }));
    }
  }
  async function* changeMessages(
    batches: ReturnType<RunFeeds["watchChanges"]>,
    signal: AbortSignal,
  ): AsyncGenerator<Message[]> {
    // Runs that others drive are found by looking, while somebody wants to know.
    const looking = setInterval(refresh, LOOK_MS);
    signal.addEventListener("abort", () => clearInterval(looking), { once: true });
    for await (const batch of batches) {
      if (batch === undefined) {
        yield [{ id: String(feeds.latestChange), event: "reset", data: {} }];
        continue;
      }
      // Of several changes of one run only its present state is of interest.
      const latest = new Map(batch.map((change) => [change.runId, change.number]));
      yield [...latest].map(([runId, number]) => {
        const run = entities.get("run", runId);
        const gone = { id: String(number), event: "run-removed", data: { run_id: runId } };
        return run === undefined ? gone : { id: String(number), event: "run-changed", data: toRun(run) };
      });
    }
  }
  return new Hono()
    .get("/events", (c) => {
      refresh();
      const after = c.req.header("last-event-id") || c.req.query("after");
      const from = after === undefined ? feeds.latestChange : lastSeen(c);
      return eventStream((signal) => changeMessages(feeds.watchChanges(from, signal), signal), stopping);
    })
    .get("/runs/:id/events", (c) => {
      refresh();
      const run = runOf(entities, c.req.param("id"));
      const after = lastSeen(c);
      const ended = (endedStates as readonly string[]).includes(run.state) && !context.runs.owns(run.id);
      // All told: a browser that gets this answer asks no more.
      if (ended && after > 0 && after >= lastNumber(context, run.id)) return c.body(null, 204);
      return eventStream((signal) => runMessages(feeds.watchRun(run.id, after, signal)), stopping);
    });
}

function lastNumber({ store }: ServerContext, runId: string): number {
  return store.hasRun(runId) ? store.readEvents(runId).length : 0;
}
