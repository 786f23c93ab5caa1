/** The UI's files: built by `packages/web` into this package, read once, served from memory. */
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { extname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import type { MiddlewareHandler } from "hono";

/** Where `npm run build` puts the UI; beside the modules, both in the sources and in the package. */
const BUILT = fileURLToPath(new URL("../../dist/web/", import.meta.url));

/** Nothing but this server's own files runs or is asked for; artifacts are framed under a policy of their own. */
const POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "font-src 'self'",
  "img-src 'self' blob: data:",
  "connect-src 'self'",
  "worker-src 'self'",
  "frame-src 'self'",
  "base-uri 'none'",
  "form-action 'none'",
  "frame-ancestors 'none'",
].join("; ");

const types: Readonly<Record<string, string>> = {
  ".html": "text/html; charset=utf-8",
  ".js": "text/javascript; charset=utf-8",
  ".css": "text/css; charset=utf-8",
  ".svg": "image/svg+xml",
  ".woff2": "font/woff2",
  ".txt": "text/plain; charset=utf-8",
};

interface PageFile {
  readonly bytes: Buffer;
  /** Undefined for what is compressed already. */
  readonly gzip: Buffer | undefined;
  readonly type: string;
  /** True for files whose name holds the digest of their content. */
  readonly fixed: boolean;
}

/** Files by path from the root, for example `/assets/index-1a2b.js`. */
export type PageFiles = ReadonlyMap<string, PageFile>;

/** Reads the built UI; empty where it was not built. */
export function readPages(directory: string = BUILT): PageFiles {
  if (!existsSync(directory)) return new Map();
  const files = readdirSync(directory, { recursive: true, withFileTypes: true }).filter((entry) =>
    entry.isFile(),
  );
  return new Map(
    files.map((entry) => {
      const path = join(entry.parentPath, entry.name);
      const name = `/${path.slice(directory.length).replaceAll("\\", "/").replace(/^\/+/, "")}`;
      return [name, pageFile(path, name.startsWith("/assets/"))] as const;
    }),
  );
}

function pageFile(path: string, fixed: boolean): PageFile {
  const bytes = readFileSync(path);
  const extension = extname(path);
  const gzip = extension === ".woff2" ? undefined : gzipSync(bytes, { level: 9 });
  return { bytes, gzip, type: types[extension] ?? "application/octet-stream", fixed };
}

/** True for paths that belong to programs, not to pages. */
export function isApiPath(path: string): boolean {
  return path === "/openapi.json" || /^\/apis?(\/|$)/.test(path);
}

/** True for requests that the UI's files answer: they hold no data, and ask for no token. */
export function isPageRequest(method: string, path: string): boolean {
  return (method === "GET" || method === "HEAD") && !isApiPath(path);
}

/** Answers with the UI's files; paths that name none are the UI's own, and get its one page. */
export function servePages(files: PageFiles): MiddlewareHandler {
  return async (c, next) => {
    const { method, path } = c.req;
    const index = files.get("/index.html");
    if (index === undefined || !isPageRequest(method, path)) return next();
    const named = files.get(path);
    const missing = named === undefined && path.startsWith("/assets/");
    if (missing) return next();
    const file = named ?? index;
    const zipped = file.gzip !== undefined && /\bgzip\b/.test(c.req.header("accept-encoding") ?? "");
    const body = zipped && file.gzip !== undefined ? file.gzip : file.bytes;
    return new Response(method === "HEAD" ? null : new Uint8Array(body), {
      headers: {
        "Content-Type": file.type,
        "Content-Length": String(body.length),
        "Cache-Control": file.fixed ? "public, max-age=31536000, immutable" : "no-cache",
        "Content-Security-Policy": POLICY,
        Vary: "Accept-Encoding",
        ...(zipped ? { "Content-Encoding": "gzip" } : {}),
      },
    });
  };
}
