/** Sessions of browsers: pages, frames and downloads can't send an Authorization header, so that the token is exchanged for a cookie. */
import { createHash } from "node:crypto";
import type { Clock, Random } from "@sealflow/core";

/** How long a session lasts, in milliseconds. */
const LIFE_MS = 12 * 60 * 60 * 1000;
const ID_BYTES = 32;
const MOST_SESSIONS = 1000;
const NAME = "sealflow_session";

/** Sessions live in memory: a restart ends them all. */
export class Sessions {
  private readonly clock: Clock;
  private readonly random: Random;
  /** Ends by the digest of the session's id. */
  private readonly ends = new Map<string, number>();

  constructor(clock: Clock, random: Random) {
    this.clock = clock;
    this.random = random;
  }

  /** A new session as the value of `Set-Cookie`. Scripts can't read it, and no other site's request carries it. */
  issue(): string {
    if (this.ends.size >= MOST_SESSIONS) this.ends.clear();
    const id = Buffer.from(this.random.bytes(ID_BYTES)).toString("base64url");
    this.ends.set(digest(id), this.clock.now() + LIFE_MS);
    return `${NAME}=${id}; Path=/; HttpOnly; SameSite=Strict; Max-Age=${LIFE_MS / 1000}`;
  }

  /** True for a `Cookie` header that names a session that goes on. */
  holds(cookies: string | undefined): boolean {
    const end = this.ends.get(digest(idOf(cookies)));
    return end !== undefined && end > this.clock.now();
  }

  /** Ends the session of a `Cookie` header; the value of `Set-Cookie` that makes the browser forget it. */
  end(cookies: string | undefined): string {
    this.ends.delete(digest(idOf(cookies)));
    return `${NAME}=; Path=/; HttpOnly; SameSite=Strict; Max-Age=0`;
  }
}

function digest(id: string): string {
  return createHash("sha256").update(id, "utf8").digest("base64url");
}

function idOf(cookies = ""): string {
  for (const cookie of cookies.split(/;\s*/)) {
    if (cookie.startsWith(`${NAME}=`)) return cookie.slice(NAME.length + 1);
  }
  return "";
}
