/** Who may speak to the server: requests for this host, from its own pages or from programs, with the token where one is needed. */
import { hostname } from "node:os";
import type { MiddlewareHandler } from "hono";
import { isPageRequest } from "./pages.js";
import { invalid } from "./problem.js";

/** What is let in. */
export interface GuardOptions {
  /** True when the server listens on a loopback address only. */
  readonly loopback: boolean;
  /** Further host names that requests may be addressed to, for servers behind a name or proxy. Lower case. */
  readonly allowedHosts: readonly string[];
  /** Checks the token of a request; undefined where none is needed. */
  readonly token?: (candidate: string) => boolean;
  /** True for a `Cookie` header that stands for the token. */
  readonly session?: (cookies: string | undefined) => boolean;
}

/** True for addresses that only this machine reaches. */
export function isLoopback(address: string): boolean {
  return address === "localhost" || address === "::1" || /^127\.\d{1,3}\.\d{1,3}\.\d{1,3}$/.test(address);
}

/**
 * Refuses requests that a web page of somebody else made a browser send.
 *
 * - A page that rebinds its own name to this address sends its own name as Host: only names and addresses of this server are
 *   answered. Beyond loopback any IP address is, since rebinding needs a name.
 * - A page of another site sends its Origin, or says `Sec-Fetch-Site`: only pages of this server are answered.
 */
export function guard(options: GuardOptions): MiddlewareHandler {
  const { token, session = () => false } = options;
  return async (c, next) => {
    const host = c.req.header("host") ?? "";
    if (!isOwnHost(hostName(host), options)) {
      throw invalid(
        "SERVER_HOST_REFUSED",
        `Host: expected a name or address of this server, got ${JSON.stringify(host.slice(0, 100))}`,
        "Name the host with --allow-host when the server stands behind that name.",
      );
    }
    if (!isOwnOrigin(c.req.header("origin"), host) || isForeignFetch(c.req.raw)) {
      throw invalid(
        "SERVER_ORIGIN_REFUSED",
        "Origin: expected a page of this server or a program, got another site's page",
      );
    }
    const known = (): boolean =>
      isPageRequest(c.req.method, c.req.path) ||
      token?.(bearer(c.req.header("authorization"))) !== false ||
      session(c.req.header("cookie"));
    if (token !== undefined && !known()) {
      c.header("WWW-Authenticate", 'Bearer realm="sealflow"');
      throw invalid(
        "SERVER_TOKEN_REQUIRED",
        "Authorization: expected the server's token as Bearer",
        "kfp.Client(host=…, existing_token=…) sends it; `sealflow serve --new-token` makes a new one.",
      );
    }
    await next();
  };
}

/** Headers of every answer. Pages and artifacts set their own policy. */
export const securityHeaders: MiddlewareHandler = async (c, next) => {
  await next();
  const headers = c.res.headers;
  headers.set("X-Content-Type-Options", "nosniff");
  headers.set("Referrer-Policy", "no-referrer");
  headers.set("Cross-Origin-Resource-Policy", "same-origin");
  if (!headers.has("Cache-Control")) headers.set("Cache-Control", "no-store");
  if (!headers.has("Content-Security-Policy")) {
    headers.set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'");
  }
};

/** A Host header without its port and brackets, in lower case. */
function hostName(host: string): string {
  const match = /^(?:\[([0-9a-f:.]+)\]|([^:[\]]+))(?::\d{1,5})?$/i.exec(host);
  return (match?.[1] ?? match?.[2] ?? "").toLowerCase();
}

function isOwnHost(name: string, { loopback, allowedHosts }: GuardOptions): boolean {
  if (name === "") return false;
  if (isLoopback(name) || allowedHosts.includes(name)) return true;
  if (loopback) return false;
  return name === hostname().toLowerCase() || name.includes(":") || /^\d{1,3}(\.\d{1,3}){3}$/.test(name);
}

function isOwnOrigin(origin: string | undefined, host: string): boolean {
  if (origin === undefined) return true;
  return (
    origin.toLowerCase() === `http://${host}`.toLowerCase() ||
    origin.toLowerCase() === `https://${host}`.toLowerCase()
  );
}

/** Following a link to this server is a cross-site navigation, and allowed; everything else from other sites is not. */
function isForeignFetch({ headers, method }: Request): boolean {
  const site = headers.get("sec-fetch-site");
  if (site === null || site === "same-origin" || site === "none") return false;
  return !(
    method === "GET" &&
    headers.get("sec-fetch-mode") === "navigate" &&
    headers.get("sec-fetch-dest") === "document"
  );
}

function bearer(header: string | undefined): string {
  return /^Bearer ([A-Za-z0-9._~+/=-]+)$/i.exec(header ?? "")?.[1] ?? "";
}
