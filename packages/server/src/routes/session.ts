/** A browser's session: the token, sent once as Bearer, is exchanged for a cookie. */
import { Hono } from "hono";
import type { Sessions } from "../http/session.js";

/** Routes under `/api`. The guard has checked the token. */
export function sessionRoutes(sessions: Sessions): Hono {
  return new Hono()
    .post("/session", (c) => {
      c.header("Set-Cookie", sessions.issue());
      return c.json({});
    })
    .delete("/session", (c) => {
      c.header("Set-Cookie", sessions.end(c.req.header("cookie")));
      return c.json({});
    });
}
