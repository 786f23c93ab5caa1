/** Artifacts and logs: as Kubeflow's older routes give them, and as files. */
import { createReadStream, existsSync, readFileSync, statSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Context, Hono } from "hono";
import type { ServerContext } from "../context.js";
import { invalid } from "../http/problem.js";
import { type FileHeaders, sendFile } from "../http/send-file.js";
import { type ArtifactContent, artifactContent, taskPathOf } from "../runs/artifacts.js";
import { markdownPage } from "../runs/markdown-page.js";
import { beforeColon } from "./experiments.js";
import { runOf } from "./runs.js";

/** Largest artifact that is answered as base64 in JSON, in bytes; larger ones are read as files. */
const MAX_INLINE_BYTES = 32 * 1024 * 1024;

/** Largest Markdown that is made a page, in bytes. */
const MAX_MARKDOWN_BYTES = 4 * 1024 * 1024;

/** How often a log that is followed is looked at, in milliseconds. */
const FOLLOW_MS = 200;

/** HTML of a pipeline is somebody's program: it gets no script, no network, no origin, and only this server's pages frame it. */
const SANDBOX =
  "sandbox; default-src 'none'; style-src 'unsafe-inline'; img-src data:; font-src data:; frame-ancestors 'self'";

/** Types that may be shown in a browser; everything else is saved. Markdown is made a page first. */
const shown: Readonly<Record<string, FileHeaders>> = {
  "system.HTML": { type: "text/html; charset=utf-8", policy: SANDBOX },
};

function index(c: Context, name: string, standard: number): number {
  const text = c.req.query(name) || String(standard);
  if (/^\d{1,6}$/.test(text)) return Number(text);
  throw invalid("SERVER_REQUEST_INVALID", `${name}: expected a whole number, got ${text}`);
}

function contentOf({ entities, store }: ServerContext, runId: string, c: Context): ArtifactContent {
  const run = runOf(entities, runId);
  return artifactContent(store, store.getRun(run.id), {
    task: c.req.query("task") ?? "",
    name: c.req.query("name") ?? "",
    index: index(c, "index", 0),
    inside: c.req.query("path") ?? "",
  });
}

/** The artifact as a file, or the names in it when it is a directory. `view=true` shows what may be shown. */
function artifactAnswer(context: ServerContext, c: Context): Response {
  const content = contentOf(context, c.req.param("id") ?? "", c);
  if (content.kind === "directory") return c.json({ names: content.names });
  const { path, artifact } = content;
  const title = c.req.query("view") === "true" ? (artifact.type.schemaTitle ?? "") : "";
  if (title === "system.Markdown") return markdownAnswer(path, c.req.query("theme"));
  const view = shown[title];
  const saveAs = (c.req.query("path") || artifact.name).split("/").at(-1) ?? "artifact";
  return sendFile(path, c.req.header("range"), view ?? { type: "application/octet-stream", saveAs });
}

/** Markdown as a page: text and marks of its own, nothing that runs or loads. */
function markdownAnswer(path: string, theme: string | undefined): Response {
  if (statSync(path).size > MAX_MARKDOWN_BYTES) {
    throw invalid("SERVER_ARTIFACT_LARGE", "artifact: expected Markdown of at most 4 MiB", "Download it.");
  }
  return new Response(markdownPage(readFileSync(path, "utf8"), theme), {
    headers: { "Content-Type": "text/html; charset=utf-8", "Content-Security-Policy": SANDBOX },
  });
}

/** As `ReadArtifact` of Kubeflow answers: `{data}` in base64. */
function inlineAnswer({ entities, store }: ServerContext, c: Context): Response {
  const run = runOf(entities, c.req.param("id") ?? "");
  const asked = {
    task: c.req.param("node") ?? "",
    name: beforeColon(c.req.param("name") ?? ""),
    index: 0,
    inside: "",
  };
  const content = artifactContent(store, store.getRun(run.id), asked);
  if (content.kind === "directory" || statSync(content.path).size > MAX_INLINE_BYTES) {
    throw invalid(
      "SERVER_ARTIFACT_LARGE",
      "artifact: expected a file of at most 32 MiB",
      "Read it from /api/runs/ID/artifact.",
    );
  }
  return c.json({ data: readFileSync(content.path).toString("base64") });
}

function logAnswer({ entities, store, runs }: ServerContext, c: Context, stopping: AbortSignal): Response {
  const run = runOf(entities, c.req.param("id") ?? "");
  const details = store.getRun(run.id);
  const path = taskPathOf(details, c.req.param("node") ?? c.req.query("task") ?? "");
  const started = store
    .readEvents(run.id)
    .filter((event) => event.type === "task-started" && event.path === path);
  const attempt = index(c, "attempt", Math.max(1, started.length));
  const file = store.logPath(run.id, path, attempt);
  const journal = join(store.layout.runs, run.id, "journal.jsonl");
  let [bytes, running] = [-1, true];
  const goesOn = (): boolean => {
    if (!runs.owns(run.id) && !store.isRunning(run.id)) return false;
    const size = statSync(journal, { throwIfNoEntry: false })?.size ?? 0;
    // A long record is read again only when it has grown.
    if (size !== bytes) running = store.getRun(run.id).running.includes(path);
    bytes = size;
    return running;
  };
  const type = "text/plain; charset=utf-8";
  if (c.req.query("follow") === "true" && goesOn()) {
    return new Response(followed(file, goesOn, stopping), { headers: { "Content-Type": type } });
  }
  if (existsSync(file)) return sendFile(file, c.req.header("range"), { type });
  // A task that printed nothing has no file.
  if (started.length > 0 && attempt <= started.length)
    return new Response("", { headers: { "Content-Type": type } });
  throw invalid("SERVER_LOG_UNKNOWN", `log: expected an attempt of ${path} that was made, got ${attempt}`);
}

/** The log as it grows, until its task has ended. */
function followed(file: string, goesOn: () => boolean, stopping: AbortSignal): ReadableStream<Uint8Array> {
  const source = growing(file, goesOn, stopping);
  return new ReadableStream({
    pull: async (controller) => {
      const { done, value } = await source.next();
      if (done) controller.close();
      else controller.enqueue(value);
    },
    cancel: async () => void (await source.return(undefined)),
  });
}

async function* growing(
  file: string,
  goesOn: () => boolean,
  stopping: AbortSignal,
): AsyncGenerator<Uint8Array> {
  for (let read = 0; !stopping.aborted; ) {
    // Asked first: what is written before the task's end is read after it.
    const more = goesOn();
    const size = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
    if (size > read) {
      for await (const chunk of createReadStream(file, { start: read, end: size - 1 }))
        yield chunk as Uint8Array;
      read = size;
    } else if (!more) return;
    else await sleep(FOLLOW_MS, undefined, { signal: stopping }).catch(() => {});
  }
}

/** Routes of Kubeflow's API: below the versions' own prefixes. */
export function kubeflowFileRoutes(context: ServerContext, stopping: AbortSignal): Hono {
  return new Hono()
    .get("/v2beta1/runs/:id/nodes/:node/artifacts/:name{[^/]+:read}", (c) => inlineAnswer(context, c))
    .get("/v1alpha1/runs/:id/nodes/:node/log", (c) => logAnswer(context, c, stopping));
}

/** A sealed run's bundle, for whoever verifies it. */
function bundleAnswer({ entities, store }: ServerContext, c: Context): Response {
  const run = runOf(entities, c.req.param("id") ?? "");
  const file = store.bundlePath(run.id);
  if (!existsSync(file)) {
    throw invalid(
      "SERVER_BUNDLE_UNKNOWN",
      `bundle: expected a sealed run that has ended, got ${run.id}`,
      "`sealflow run --sealed` makes runs that can be verified.",
    );
  }
  return sendFile(file, c.req.header("range"), { type: "application/json", saveAs: `${run.id}.bundle` });
}

/** Routes under `/api`. */
export function fileRoutes(context: ServerContext, stopping: AbortSignal): Hono {
  return new Hono()
    .get("/runs/:id/artifact", (c) => artifactAnswer(context, c))
    .get("/runs/:id/bundle", (c) => bundleAnswer(context, c))
    .get("/runs/:id/log", (c) => logAnswer(context, c, stopping));
}
