/** One request to the API: address, token, errors. */
import { type Fetch, isJsonObject, SealflowError } from "@sealflow/core";

/** Where the API is and how it is asked. */
export interface ClientOptions {
  /** For example `http://127.0.0.1:8888`, or an address with a path such as `https://kubeflow.example/pipeline`. */
  readonly baseUrl: string;
  /** Sent as `Authorization: Bearer`; a function is asked before each request. Never part of errors. */
  readonly token?: string | (() => Promise<string>);
  /** Default: the standard fetch. */
  readonly fetch?: Fetch;
}

/** A request, relative to the base address. */
export interface ApiRequest {
  readonly method?: "GET" | "POST" | "PATCH" | "DELETE";
  readonly path: string;
  /** Absent and empty values are left out. */
  readonly query?: Readonly<Record<string, string | number | boolean | undefined>>;
  readonly body?: unknown;
  readonly form?: FormData;
  /** Sent as they are; their type is among the headers. */
  readonly bytes?: Uint8Array<ArrayBuffer>;
  readonly headers?: Readonly<Record<string, string>>;
  readonly signal?: AbortSignal;
}

/**
 * Asks the API and hands over the answer, whose body is not read yet.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`; what the signal was aborted with
 */
export async function ask(options: ClientOptions, request: ApiRequest): Promise<Response> {
  const { token, fetch = globalThis.fetch } = options;
  const url = addressOf(options.baseUrl, request);
  const bearer = typeof token === "function" ? await token() : token;
  const answer = await reach(url, () =>
    fetch(url, {
      method: request.method ?? "GET",
      headers: {
        ...request.headers,
        ...(bearer === undefined ? {} : { Authorization: `Bearer ${bearer}` }),
        ...(request.body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(request.body === undefined ? {} : { body: JSON.stringify(request.body) }),
      ...(request.form === undefined ? {} : { body: request.form }),
      ...(request.bytes === undefined ? {} : { body: request.bytes }),
      ...(request.signal === undefined ? {} : { signal: request.signal }),
    }),
  );
  if (answer.ok) return answer;
  throw await refusal(answer, request);
}

/**
 * Asks the API for a message.
 *
 * @throws SealflowError `KFP_UNREACHABLE`, `KFP_REQUEST_REFUSED`, `KFP_ANSWER_INVALID`
 */
export async function askJson<T>(options: ClientOptions, request: ApiRequest): Promise<T> {
  const answer = await ask(options, request);
  const value = await json(answer);
  // The border where an answer becomes typed: the server is the one that was asked.
  if (isJsonObject(value)) return value as T;
  throw new SealflowError({
    code: "KFP_ANSWER_INVALID",
    message: `${request.path}: expected a JSON object, got ${answer.headers.get("content-type") ?? "something else"}`,
    hint: "Check that the address is that of the API, not of a page in front of it.",
  });
}

function addressOf(baseUrl: string, { path, query = {} }: ApiRequest): string {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== "");
  const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)])).toString();
  return `${baseUrl.replace(/\/+$/, "")}${path}${text === "" ? "" : `?${text}`}`;
}

async function reach(url: string, work: () => Promise<Response>): Promise<Response> {
  try {
    return await work();
  } catch (cause) {
    if (cause instanceof Error && cause.name !== "TypeError") throw cause;
    const reason = reasonOf(cause);
    throw new SealflowError({
      code: "KFP_UNREACHABLE",
      message: `${new URL(url).origin}: expected an answer, got none${reason === undefined ? "" : `: ${reason}`}`,
      hint: /certificate|self.signed|CERT_|altname/i.test(reason ?? "")
        ? "Name the authority that vouches for the server in NODE_EXTRA_CA_CERTS."
        : "Check the address, and that the server runs: `sealflow serve` starts one here.",
      cause,
    });
  }
}

/** What the platform says of a failed fetch, one level down; browsers say nothing. */
function reasonOf(error: unknown): string | undefined {
  const inner = error instanceof Error ? error.cause : undefined;
  if (!(inner instanceof Error)) return undefined;
  const { code } = inner as { code?: unknown };
  return inner.message || (typeof code === "string" ? code : undefined);
}

async function json(answer: Response): Promise<unknown> {
  try {
    return await answer.json();
  } catch {
    return undefined;
  }
}

async function refusal(answer: Response, { method = "GET", path }: ApiRequest): Promise<SealflowError> {
  const body = await json(answer);
  const said = isJsonObject(body) ? body : {};
  const message = typeof said.message === "string" ? said.message : `HTTP ${answer.status}`;
  const details = Array.isArray(said.details) ? said.details : [];
  const info = details.find((detail) => isJsonObject(detail) && typeof detail.reason === "string");
  return new SealflowError({
    code: "KFP_REQUEST_REFUSED",
    message: `${method} ${path}: ${message}`,
    data: {
      status: answer.status,
      ...(typeof said.code === "number" ? { code: said.code } : {}),
      ...(isJsonObject(info) ? { reason: info.reason } : {}),
    },
  });
}
