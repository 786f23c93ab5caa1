/** Artifacts across runs: who made and used the same content. */
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { invalid } from "../http/problem.js";
import { findUses } from "../runs/artifact-uses.js";
import { timeText } from "../store/messages.js";
import type { ArtifactUse } from "../store/uses.js";

/** Uses of an answer; the newest are told. */
const MOST_USES = 500;

function keyOf(c: Context): string {
  const [digest, uri] = [c.req.query("digest") ?? "", c.req.query("uri") ?? ""];
  if ((digest === "") !== (uri === "")) return digest === "" ? uri : digest;
  throw invalid("SERVER_REQUEST_INVALID", "query: expected digest or uri of an artifact, one of them");
}

/** Routes under `/api`. @param refresh Brings the labels of runs up to date. */
export function artifactRoutes(context: ServerContext, refresh: () => void): Hono {
  const told = ({ run: id, side, task, name, position, how }: ArtifactUse) => {
    const run = context.entities.get("run", id);
    if (run === undefined) return [];
    const label = { run_id: id, display_name: run.displayName, state: run.state };
    return [{ ...label, created_at: timeText(run.createdAt), side, task, name, index: position, how }];
  };
  return new Hono().get("/artifacts", async (c) => {
    refresh();
    const uses = (await findUses(context, keyOf(c))).flatMap(told);
    const newest = uses.toSorted((a, b) => (a.created_at < b.created_at ? 1 : -1));
    return c.json({ uses: newest.slice(0, MOST_USES), total: uses.length });
  });
}
