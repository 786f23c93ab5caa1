/** Live events of `sealflow serve`, over server-sent events. Kubeflow Pipelines has no such routes. */
import { isJsonObject, type JsonObject, type JsonValue, SealflowError } from "@sealflow/core";
import { ask, type ClientOptions } from "./transport.js";

/** One message of a stream. */
export interface LiveMessage {
  /** Where to go on from after an interruption. */
  readonly id: string;
  /** Type of a run's event; for all runs `run-changed`, `run-removed`, or `reset`: what was missed is lost, ask for the list. */
  readonly event: string;
  readonly data: JsonObject;
}

/** Which log of a run. */
export interface LogQuery {
  readonly runId: string;
  /** Path of the task. */
  readonly task: string;
  /** Default: the last one. */
  readonly attempt?: number;
  /** Goes on until the task's end. Default: false. */
  readonly follow?: boolean;
  readonly signal?: AbortSignal;
}

/**
 * What an attempt of a task wrote, in chunks of text.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`, `KFP_ANSWER_INVALID`
 */
export async function* readLog(client: ClientOptions, query: LogQuery): AsyncGenerator<string> {
  const { runId, task, attempt, follow = false, signal } = query;
  const path = `/api/runs/${encodeURIComponent(runId)}/log`;
  const answer = await ask(client, {
    path,
    query: { task, attempt, follow: follow ? "true" : undefined },
    ...(signal === undefined ? {} : { signal }),
  });
  if (!answer.headers.get("content-type")?.startsWith("text/plain")) throw noStream(path);
  if (answer.body === null) return;
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  try {
    for (let part = await reader.read(); !part.done; part = await reader.read()) {
      yield decoder.decode(part.value, { stream: true });
    }
  } finally {
    await reader.cancel();
  }
}

/** Settings of a stream. */
export interface LiveOptions {
  /** Id of the last message that was read. */
  readonly after?: string;
  readonly signal?: AbortSignal;
}

/**
 * Events of a run, from the first (or after one) to its end. To go on after an interruption, call again with the last id.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`
 */
export function watchRun(
  client: ClientOptions,
  runId: string,
  options: LiveOptions = {},
): AsyncGenerator<LiveMessage> {
  return stream(client, `/api/runs/${encodeURIComponent(runId)}/events`, options);
}

/**
 * Changes of all runs, until the signal aborts or the server stops.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`
 */
export function watchRuns(client: ClientOptions, options: LiveOptions = {}): AsyncGenerator<LiveMessage> {
  return stream(client, "/api/events", options);
}

async function* stream(
  client: ClientOptions,
  path: string,
  { after, signal }: LiveOptions,
): AsyncGenerator<LiveMessage> {
  const headers = { Accept: "text/event-stream", ...(after === undefined ? {} : { "Last-Event-ID": after }) };
  const answer = await ask(client, { path, headers, ...(signal === undefined ? {} : { signal }) });
  if (answer.body === null) return;
  // A page in front of another server answers any path.
  if (!answer.headers.get("content-type")?.startsWith("text/event-stream")) throw noStream(path);
  const decoder = new TextDecoder();
  const reader = answer.body.getReader();
  let text = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) return;
      text += decoder.decode(value, { stream: true });
      const blocks = text.split("\n\n");
      text = blocks.pop() ?? "";
      for (const block of blocks) {
        const message = readMessage(block);
        if (message !== undefined) yield message;
      }
    }
  } finally {
    await reader.cancel();
  }
}

function noStream(path: string): SealflowError {
  return new SealflowError({
    code: "KFP_ANSWER_INVALID",
    message: `${path}: expected a stream, got something else`,
    hint: "Only `sealflow serve` has this route.",
  });
}

/** One message; undefined for comments and settings. WHATWG HTML, section 9.2.6. */
function readMessage(block: string): LiveMessage | undefined {
  const fields = new Map<string, string>();
  for (const line of block.split(/\r?\n/)) {
    const colon = line.indexOf(":");
    if (colon > 0) fields.set(line.slice(0, colon), line.slice(colon + 1).replace(/^ /, ""));
  }
  const data = parse(fields.get("data"));
  if (!isJsonObject(data)) return undefined;
  return { id: fields.get("id") ?? "", event: fields.get("event") ?? "message", data };
}

function parse(text: string | undefined): JsonValue | undefined {
  try {
    return text === undefined ? undefined : (JSON.parse(text) as JsonValue);
  } catch {
    return undefined;
  }
}
