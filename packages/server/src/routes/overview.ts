/** What the pages read: runs with their results, and one run's whole record. */
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { invalid } from "../http/problem.js";
import { toRun } from "../runs/messages.js";
import { plainEvents, rowOf } from "../runs/rows.js";
import type { Entity } from "../store/entities.js";
import { filled } from "../store/messages.js";
import { documentOf, runOf } from "./runs.js";

/** Rows when no number is asked for, and the most there are. */
const DEFAULT_ROWS = 500;
const MOST_ROWS = 1000;
const MOST_IDS = 200;

function limitOf(c: Context): number {
  const text = c.req.query("limit") || String(DEFAULT_ROWS);
  if (/^\d{1,6}$/.test(text)) return Math.min(MOST_ROWS, Math.max(1, Number(text)));
  throw invalid("SERVER_REQUEST_INVALID", `limit: expected a whole number, got ${text}`);
}

function beforeOf(c: Context): number | undefined {
  const text = c.req.query("before");
  if (!text) return undefined;
  const time = Date.parse(text);
  if (Number.isFinite(time)) return time;
  throw invalid(
    "SERVER_REQUEST_INVALID",
    `before: expected a time such as 2026-01-31T12:00:00Z, got ${text}`,
  );
}

function idsOf(c: Context): readonly string[] | undefined {
  const ids = c.req.query("ids")?.split(",").filter(Boolean);
  if (ids === undefined || ids.length <= MOST_IDS) return ids;
  throw invalid("SERVER_REQUEST_INVALID", `ids: expected at most ${MOST_IDS}, got ${ids.length}`);
}

/** Routes under `/api`. @param refresh Brings the labels of runs up to date. */
export function overviewRoutes(context: ServerContext, refresh: () => void): Hono {
  const { entities, store } = context;
  const newest = (size: number, before: number | undefined): { items: readonly Entity[]; total: number } =>
    entities.list("run", {
      conditions:
        before === undefined ? [] : [{ field: "created_at", operation: "LESS_THAN", values: [before] }],
      ...{ sort: "created_at", descending: true, size },
    });
  return new Hono()
    .get("/runs", (c) => {
      refresh();
      const ids = idsOf(c);
      const named = ids?.flatMap((id) => entities.get("run", id) ?? []);
      const { items, total } =
        named === undefined ? newest(limitOf(c), beforeOf(c)) : { items: named, total: named.length };
      return c.json({ runs: items.map((run) => rowOf(context, run)), total });
    })
    .get("/runs/:id", (c) => {
      refresh();
      const run = runOf(entities, c.req.param("id"));
      const events = store.hasRun(run.id) ? plainEvents(store.readEvents(run.id)) : [];
      const document = documentOf(context, run);
      return c.json(filled({ run: toRun(run), row: rowOf(context, run), events, document }));
    });
}
