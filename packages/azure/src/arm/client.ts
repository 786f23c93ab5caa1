/** Requests to the resource manager, with retries. */
import {
  isJsonObject,
  isSealflowError,
  type JsonObject,
  type JsonValue,
  type Logger,
  SealflowError,
} from "@sealflow/core";
import type { Endpoints } from "./endpoints.js";
import { azureCodeOf, parseAzureError, requestFailed, statusOf } from "./failure.js";
import { openAddress, redact } from "./redact.js";
import type { Timing } from "./timing.js";
import type { HttpRequest, HttpResponse, Transport } from "./transport.js";

/** A request by path. */
export interface ArmRequest {
  readonly method: HttpRequest["method"];
  /** Path under the endpoint, or the whole address of an operation on it. */
  readonly path: string;
  readonly apiVersion?: string;
  readonly query?: Readonly<Record<string, string>>;
  readonly body?: JsonValue;
  readonly ifMatch?: string;
  readonly ifNoneMatch?: string;
  readonly signal?: AbortSignal | undefined;
}

/** An answer of the 2xx range. */
export interface ArmResponse {
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  /** Empty object when there was no body. */
  readonly body: JsonObject;
}

/** Talks to the resource manager. */
export interface ArmClient {
  readonly timing: Timing;
  /** Poll interval where the service names none, in milliseconds. */
  readonly pollMs: number;
  /** Sends, retrying what is transient. @throws SealflowError `AZURE_REQUEST_FAILED`, `AZURE_UNREACHABLE` */
  send(request: ArmRequest): Promise<ArmResponse>;
  /** GET; undefined when it is not there (404). */
  find(
    path: string,
    apiVersion: string,
    query?: Readonly<Record<string, string>>,
  ): Promise<JsonObject | undefined>;
  /** All pages of a list. */
  list(path: string, apiVersion: string, query?: Readonly<Record<string, string>>): Promise<JsonObject[]>;
}

/** What a client is made of. */
export interface ArmClientOptions {
  readonly endpoints: Endpoints;
  readonly transport: Transport;
  readonly timing: Timing;
  readonly pollMs?: number;
  readonly logger?: Logger;
  readonly signal?: AbortSignal;
}

/** AKS names no interval; its status bucket refills with two a second. */
const defaultPollMs = 2000;
const transientStatuses = new Set([408, 500, 502, 503, 504]);
const transientTries = 6;
/** AKS refills its bucket of writes once a minute: this waits out some of those. */
const throttledForMs = 15 * 60_000;

/** Makes a client. */
export function createArmClient(options: ArmClientOptions): ArmClient {
  const { timing, pollMs = defaultPollMs } = options;
  const send = (request: ArmRequest) => sendWithRetries(options, request);
  const client: ArmClient = {
    timing,
    pollMs,
    send,
    async find(path, apiVersion, query) {
      try {
        return (await send({ method: "GET", path, apiVersion, ...(query === undefined ? {} : { query }) }))
          .body;
      } catch (error) {
        // A subscription that is not seen is no resource that is not there.
        if (statusOf(error) === 404 && !/subscription/i.test(azureCodeOf(error))) return undefined;
        throw error;
      }
    },
    async list(path, apiVersion, query) {
      const found: JsonObject[] = [];
      let next: ArmRequest | undefined = {
        method: "GET",
        path,
        apiVersion,
        ...(query === undefined ? {} : { query }),
      };
      while (next !== undefined) {
        const { body }: ArmResponse = await send(next);
        if (Array.isArray(body.value)) found.push(...body.value.filter(isJsonObject));
        next = typeof body.nextLink === "string" ? { method: "GET", path: body.nextLink } : undefined;
      }
      return found;
    },
  };
  return client;
}

async function sendWithRetries(options: ArmClientOptions, request: ArmRequest): Promise<ArmResponse> {
  const { timing } = options;
  const signal = request.signal ?? options.signal;
  const url = addressOf(options.endpoints, request);
  const started = timing.now();
  for (let attempt = 1; ; attempt += 1) {
    const outcome = await once(options, request, url, signal);
    if ("status" in outcome && outcome.status < 400) return { ...outcome, body: parseBody(outcome, url) };
    const wait = waitBefore(outcome, attempt, timing.now() - started, timing);
    if (wait === undefined) throw failureOf(outcome, request, url);
    log(options, "info", `waiting ${Math.round(wait)} ms, then again: ${request.method} ${openAddress(url)}`);
    await timing.sleep(wait, signal);
  }
}

type Outcome = HttpResponse | { readonly unreachable: unknown };

async function once(
  options: ArmClientOptions,
  request: ArmRequest,
  url: string,
  signal: AbortSignal | undefined,
): Promise<Outcome> {
  const { timing, transport } = options;
  const began = timing.now();
  try {
    const response = await transport(toHttp(request, url), signal);
    log(
      options,
      "debug",
      `${request.method} ${openAddress(url)} → ${response.status} in ${timing.now() - began} ms`,
    );
    return response;
  } catch (error) {
    signal?.throwIfAborted();
    if (isSealflowError(error)) throw error;
    const cause = error instanceof Error ? error.message : String(error);
    log(options, "debug", `${request.method} ${openAddress(url)} → ${redact(cause)}`);
    return { unreachable: error };
  }
}

function toHttp({ method, body, ifMatch, ifNoneMatch }: ArmRequest, url: string): HttpRequest {
  return {
    method,
    url,
    headers: {
      accept: "application/json",
      ...(body === undefined ? {} : { "content-type": "application/json" }),
      ...(ifMatch === undefined ? {} : { "if-match": ifMatch }),
      ...(ifNoneMatch === undefined ? {} : { "if-none-match": ifNoneMatch }),
    },
    ...(body === undefined ? {} : { body: JSON.stringify(body) }),
  };
}

/**
 * The whole address of a request.
 *
 * @throws SealflowError `AZURE_FOREIGN_ADDRESS` when a service refers to another host: tokens don't go there.
 */
function addressOf({ resourceManager }: Endpoints, { path, apiVersion, query }: ArmRequest): string {
  const url = new URL(path.startsWith("/") ? resourceManager + path : path);
  if (apiVersion !== undefined) url.searchParams.set("api-version", apiVersion);
  for (const [name, value] of Object.entries(query ?? {})) url.searchParams.set(name, value);
  const own = new URL(resourceManager);
  const sameHost = url.host === own.host || url.host.endsWith(`.${own.host}`);
  if (url.protocol === "https:" && sameHost) return url.href;
  throw new SealflowError({
    code: "AZURE_FOREIGN_ADDRESS",
    message: `operation: expected an address of ${own.host}, got one of ${url.protocol}//${url.host}`,
    hint: "name the endpoint that answers in cloud.endpoints.resourceManager",
  });
}

/** Milliseconds until the next try, or undefined when there is none. */
function waitBefore(
  outcome: Outcome,
  attempt: number,
  elapsedMs: number,
  timing: Timing,
): number | undefined {
  const backoff = Math.min(60_000, 1000 * 2 ** (attempt - 1)) * (0.75 + Math.random() / 2);
  if ("unreachable" in outcome) {
    return attempt < transientTries && !isCertificateError(outcome.unreachable) ? backoff : undefined;
  }
  const asked = retryAfterMs(outcome.headers, timing.now());
  if (outcome.status === 429) return elapsedMs < throttledForMs ? (asked ?? backoff) : undefined;
  if (!transientStatuses.has(outcome.status)) return undefined;
  return attempt < transientTries ? (asked ?? backoff) : undefined;
}

/** What `Retry-After` or its millisecond forms ask for, in milliseconds; undefined without them. */
export function retryAfterMs(headers: Readonly<Record<string, string>>, now: number): number | undefined {
  const precise = headers["retry-after-ms"] ?? headers["x-ms-retry-after-ms"];
  if (precise !== undefined && /^\d+$/.test(precise)) return Number(precise);
  const text = headers["retry-after"];
  if (text === undefined) return undefined;
  if (/^\d+$/.test(text)) return Number(text) * 1000;
  const date = Date.parse(text);
  return Number.isNaN(date) ? undefined : Math.max(0, date - now);
}

function isCertificateError(error: unknown): boolean {
  return /self.signed|unable to (verify|get)|certificate/i.test(
    error instanceof Error ? error.message : String(error),
  );
}

function failureOf(outcome: Outcome, request: ArmRequest, url: string): SealflowError {
  if ("unreachable" in outcome) {
    const cause = outcome.unreachable;
    const certificate = isCertificateError(cause);
    return new SealflowError({
      code: "AZURE_UNREACHABLE",
      message: `${new URL(url).host}: expected an answer, got ${redact(cause instanceof Error ? cause.message : String(cause))}`,
      hint: certificate
        ? "name the certificate authority in NODE_EXTRA_CA_CERTS"
        : "check the network, HTTPS_PROXY and cloud.endpoints; then run the command again",
      cause,
    });
  }
  const { status, headers, body } = outcome;
  const correlationId = headers["x-ms-correlation-request-id"] ?? headers["x-ms-request-id"];
  const error = parseAzureError(parseJson(body)) ?? { code: `HTTP ${status}`, message: body.slice(0, 300) };
  return requestFailed(error, {
    method: request.method,
    path: new URL(url).pathname,
    status,
    ...(correlationId === undefined ? {} : { correlationId }),
  });
}

function parseBody({ body }: HttpResponse, url: string): JsonObject {
  if (body.trim() === "") return {};
  const value = parseJson(body);
  if (isJsonObject(value)) return value;
  throw new SealflowError({
    code: "AZURE_ANSWER_INVALID",
    message: `${new URL(url).host}: expected a JSON object, got ${JSON.stringify(redact(body).slice(0, 80))}`,
    hint: "check cloud.endpoints.resourceManager and proxies on the way",
  });
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

function log({ logger }: ArmClientOptions, level: "debug" | "info", message: string): void {
  logger?.log(level, message);
}
